"""The file that a download makes: checked first of all, and put in place whole."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path


def check_target(path: Path, *, overwrite: bool) -> None:
    """
    Check that a file can be made, before anything is sent.

    Args:
        path: The file, with symbolic links resolved.
        overwrite: Whether it may replace a file.

    Raises:
        OSError: It cannot: `FileExistsError`, `IsADirectoryError`, `FileNotFoundError`
            or `PermissionError`.
    """
    if path.is_dir():
        msg = "the path is a directory: give the name of the file, too"
        raise IsADirectoryError(errno.EISDIR, msg, str(path))
    if path.exists():
        if not path.is_file():
            msg = "a device or a pipe cannot be replaced by a file: read client.stream"
            raise OSError(errno.EINVAL, msg, str(path))
        if not overwrite:
            raise exists(path)
    if not path.parent.is_dir():
        msg = "the directory does not exist: make it first"
        raise FileNotFoundError(errno.ENOENT, msg, str(path.parent))
    if not os.access(path.parent, os.W_OK):
        msg = "no file can be made in the directory: its permissions forbid it"
        raise PermissionError(errno.EACCES, msg, str(path.parent))


def exists(path: Path) -> FileExistsError:
    """Make the error for a file that is there already."""
    msg = "the file exists: give overwrite=True to replace it"
    return FileExistsError(errno.EEXIST, msg, str(path))


def place(part: Path, path: Path, *, overwrite: bool) -> None:
    """
    Give a whole file its name, in one step: it is never seen half.

    Args:
        part: The file, whole and synced.
        path: Its name.
        overwrite: Whether it may replace a file.

    Raises:
        FileExistsError: A file has appeared meanwhile.
    """
    if overwrite:
        if path.exists():
            part.chmod(stat.S_IMODE(path.stat().st_mode))
        part.replace(path)
    else:
        try:
            # A rename replaces what is there. A link does not.
            path.hardlink_to(part)
        except FileExistsError:
            raise exists(path) from None
        except OSError:  # a file system without links, such as FAT
            if path.exists():
                raise exists(path) from None
            part.replace(path)
        else:
            part.unlink()
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory safe, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
