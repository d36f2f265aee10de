"""What a user may give as the body of an upload."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable
from functools import partial
from io import TextIOBase
from typing import Any, BinaryIO, cast

from httpx_resilient._transfers.upload.source import File, Memory, Source
from httpx_resilient._transfers.upload.stream import Stream

UploadSource = (
    os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | Iterable[bytes]
    | AsyncIterable[bytes]
)
"""What can be uploaded."""

_READ = 64 * 1024


def source_of(given: object, length: int | None) -> Source:
    """
    Return where the bytes come from.

    Raises:
        TypeError: It is nothing that can be uploaded.
        ValueError: A length is given for a body that has one.
    """
    source = _known(given)
    if source is not None:
        if length is not None:
            msg = "length is only for iterators: the length of this body is known"
            raise ValueError(msg)
        return source
    body: Any = given
    if isinstance(body, AsyncIterable):
        return Stream(aiter(cast("Any", body)), length, asynchronous=True)
    if hasattr(body, "read"):  # a pipe
        body = iter(partial(body.read, _READ), b"")
    if isinstance(body, Iterable):
        return Stream(iter(cast("Any", body)), length, asynchronous=False)
    kind = type(given).__name__
    msg = f"upload takes a Path, bytes, a binary file or an iterator; got {kind}"
    raise TypeError(msg)


def _known(given: object) -> Source | None:
    if isinstance(given, bytes | bytearray | memoryview):
        return Memory(cast("bytes", given))
    if isinstance(given, os.PathLike):
        path = cast("os.PathLike[str]", given)
        return File(lambda: open(path, "rb"))  # noqa: PTH123 - closed at the end; any PathLike
    if isinstance(given, str):
        msg = "upload takes no str: give Path(name) for a file, or text.encode()"
        raise TypeError(msg)
    if isinstance(given, dict):
        msg = "upload takes no dict: give bytes, such as json.dumps(...).encode()"
        raise TypeError(msg)
    if isinstance(given, TextIOBase):
        msg = "the file must be opened in binary mode: open(name, 'rb')"
        raise TypeError(msg)
    if hasattr(given, "read") and _can_seek(given):
        return File(cast("BinaryIO", given))
    return None


def _can_seek(file: Any) -> bool:
    seekable = getattr(file, "seekable", None)
    return bool(seekable is not None and seekable())
