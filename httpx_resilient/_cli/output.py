"""The file that a body is written to: it appears when it is whole, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from httpx_resilient._cli.console import FAILED
from httpx_resilient._cli.usage import usage_error

STDOUT = "-"
"""The file name that stands for standard output."""

_OPTION = "--output"

Write = Callable[[bytes], object]


def check_output(output: str | None, *, overwrite: bool) -> None:
    """
    Check that a file can be written before anything is sent.

    Args:
        output: Its name, or `-`, or `None` for no file.
        overwrite: Whether it may replace a file.

    Raises:
        BadParameter: It cannot be written.
    """
    if output is None or output == STDOUT:
        return
    path = Path(output)
    code = errno.EISDIR if path.is_dir() else 0
    if not path.parent.is_dir():
        code = errno.ENOENT
    elif not code and not os.access(_written_in(path), os.W_OK):
        code = errno.EACCES
    if code:
        problem = f"the file cannot be written: {os.strerror(code)}"
        raise usage_error(problem, option=_OPTION)
    if path.is_file() and not overwrite:
        problem = "the file exists: give --overwrite to replace it"
        exists = usage_error(problem, option=_OPTION)
        exists.exit_code = FAILED  # the command is right, and may work elsewhere
        raise exists


@contextmanager
def open_output(output: str | None, *, overwrite: bool) -> Generator[Write, None, None]:
    """
    Open the output of a body, and yield the function that writes to it.

    Args:
        output: The name of a file, or `-`, or `None` to discard the body.
        overwrite: Whether it may replace a file.
    """
    if output is None:
        yield len
    elif output == STDOUT:
        standard: BinaryIO = sys.stdout.buffer
        yield standard.write
        standard.flush()
    elif _is_special(path := Path(output)):
        with path.open("wb") as special:
            yield special.write
    else:
        with _replacing(path.resolve(), overwrite=overwrite) as write:
            yield write


@contextmanager
def _replacing(path: Path, *, overwrite: bool) -> Generator[Write, None, None]:
    """Write beside a file, and put it in place when it is whole."""
    part = path.with_name(f".httpx-resilient-{secrets.token_hex(8)}.part")
    # As for any new file, the permissions are those of the umask.
    with part.open("xb") as file:
        try:
            yield file.write
            file.close()
            if not overwrite:
                path.touch(exist_ok=False)  # it may have appeared meanwhile
            elif path.exists():
                part.chmod(path.stat().st_mode & 0o7777)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _is_special(path: Path) -> bool:
    """Whether it is a device or a pipe, which cannot be replaced."""
    return path.exists() and not path.is_file()


def _written_in(path: Path) -> Path:
    return path if _is_special(path) else path.resolve().parent
