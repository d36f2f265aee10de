"""
The part: the file beside the one to make, which holds what has arrived.

At any moment the process may be killed. What the part and its sidecar say then is true:

1. Bytes are written before the sidecar counts them.
2. A part is emptied before its sidecar tells of another version.
3. The part gets its name when it is whole, checked and synced.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from httpx_resilient._transfers.download import sidecar
from httpx_resilient._transfers.download.files import try_lock
from httpx_resilient._transfers.download.segments import Interval, merged
from httpx_resilient._transfers.download.sidecar import Saved
from httpx_resilient._transfers.download.target import place

_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)  # a link in a shared directory may lead anywhere
    | getattr(os, "O_CLOEXEC", 0)
)

_IS_WINDOWS = os.name == "nt"
"""There, a file that is open has no other name."""


class Part:
    """
    An open part, locked against other processes.

    Args:
        target: The file to make, with symbolic links resolved.
        url: The digest of its URL.
        overwrite: Whether the target may replace a file.

    Raises:
        BlockingIOError: Another process downloads to the same file.
        FileExistsError: The part is not one of this library.
        OSError: It cannot be opened.
    """

    def __init__(self, target: Path, url: str, *, overwrite: bool) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.sidecar = target.with_name(f"{target.name}.part.json")
        self._url, self._overwrite = url, overwrite
        self._boot = sidecar.boot_id()
        self._lock = threading.Lock()
        self._placed = False
        self.is_in_order = True
        """Whether the sidecar counts all that the part has."""
        self._file = self._open()
        try:
            self.saved, self.done = self._read()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> BinaryIO:
        while True:
            file = cast(
                "BinaryIO", os.fdopen(os.open(self.path, _FLAGS, 0o666), "r+b", 0)
            )
            try:
                if self._is_locked(file):
                    return file
            except BaseException:
                file.close()
                raise
            file.close()

    def _is_locked(self, file: BinaryIO) -> bool:
        """Lock a part. Return whether it is the one that has this name now."""
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            msg = "what has the name of the part is no file: move it away"
            raise FileExistsError(errno.EEXIST, msg, str(self.path))
        if not try_lock(file.fileno()):
            msg = "another process downloads to the same file: wait for it"
            raise BlockingIOError(errno.EWOULDBLOCK, msg, str(self.path))
        try:
            named = self.path.lstat()
        except FileNotFoundError:  # another process has just finished it
            return False
        if not os.path.samestat(named, os.fstat(file.fileno())):
            return False
        if named.st_nlink > 1:
            # Killed between the two steps of `place`: it is the target, too.
            self.path.unlink()
            return False
        return True

    def _read(self) -> tuple[Saved | None, tuple[Interval, ...]]:
        size = os.fstat(self._file.fileno()).st_size
        if size and not self.sidecar.exists() and not self._overwrite:
            msg = (
                "the file is not of this library, which would write "
                f"{self.sidecar.name} beside it: move it away, or give overwrite=True"
            )
            raise FileExistsError(errno.EEXIST, msg, str(self.path))
        saved = sidecar.read(self.sidecar)
        if saved is None or saved.url != self._url:
            return None, ()
        done = trusted(saved, size, self._boot)
        self.is_in_order = saved.done is None and saved.boot == self._boot
        return (saved if done else None), done

    def begin(self, saved: Saved) -> None:
        """Empty the part, for the bytes of a version whose first response has come."""
        self._file.truncate(0)
        self.saved, self.done = None, ()
        self.note(saved, ())

    def note(
        self,
        saved: Saved,
        done: tuple[Interval, ...],
        *,
        in_order: bool = True,
        sync: bool = False,
    ) -> None:
        """
        Write the sidecar.

        Args:
            saved: The version.
            done: What is written.
            in_order: Whether that is all that the part has, and further bytes will be
                added at its end.
            sync: Whether all of it must survive the end of the machine.
        """
        with self._lock:
            if sync:
                os.fsync(self._file.fileno())
            before = self.saved.synced if self.saved else ()
            self.saved = replace(
                saved,
                url=self._url,
                boot=self._boot,
                done=None if in_order else done,
                synced=done if sync else before,
            )
            self.done, self.is_in_order = done, in_order
            sidecar.write(self.sidecar, self.saved, sync=sync)

    def writer(self, position: int) -> BinaryIO:
        """Open the part once more, to write from a position on."""
        file = cast("BinaryIO", self.path.open("r+b", buffering=0))
        file.seek(position)
        return file

    def trim(self, size: int) -> None:
        """Drop what is beyond a size."""
        self._file.truncate(size)

    def finish(self) -> None:
        """
        Put the part in its place: it is whole, and has been checked.

        Raises:
            FileExistsError: A file has appeared there meanwhile. The part stays.
        """
        os.fsync(self._file.fileno())
        if _IS_WINDOWS:
            self._file.close()
        place(self.path, self.target, overwrite=self._overwrite)
        self._placed = True
        self.sidecar.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the part and its sidecar: no byte of them is of use."""
        self._file.truncate(0)
        self.saved, self.done = None, ()
        if _IS_WINDOWS:
            self._file.close()
        self.path.unlink(missing_ok=True)
        self.sidecar.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the part, and unlock it. Without bytes, nothing of it stays."""
        with suppress(OSError, ValueError):
            if not self._placed and os.fstat(self._file.fileno()).st_size == 0:
                self.discard()
        self._file.close()


def trusted(saved: Saved, size: int, boot: str) -> tuple[Interval, ...]:
    """
    Return which bytes of a part are those that its sidecar tells of.

    Args:
        saved: The sidecar.
        size: The bytes of the part.
        boot: The identifier of the start of the machine, now.
    """
    done = merged([(0, size)]) if saved.done is None else saved.done
    if saved.boot != boot:
        done = saved.synced
    if done and done[-1][1] > size:
        return ()
    if saved.total is not None and done and done[-1][1] > saved.total:
        return ()
    return done
