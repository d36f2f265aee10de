"""Where the bytes of an upload come from: memory, a file, or an iterator."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from io import TextIOBase
from typing import Any, BinaryIO, NamedTuple, cast

from httpx_resilient._transfers.io.protocol import ClientIO

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


class SourceError(Exception):
    """The body is not what it was, or not as long as it was said to be."""


class Part(NamedTuple):
    """
    A part of a body.

    Args:
        data: Its bytes.
        is_last: Whether the body ends with it.
    """

    data: bytes
    is_last: bool


class Source:
    """
    The base of bodies.

    Args:
        length: The bytes of the body, or `None` if its end must be found.
    """

    asynchronous = False
    """Whether only an asynchronous client can read it."""

    def __init__(self, length: int | None) -> None:
        self.length = length

    def open(self) -> None:
        """Prepare to read. Blocking."""

    def close(self) -> None:
        """Release what `open` has acquired."""

    async def read(self, io: ClientIO, start: int, size: int) -> Part:
        """
        Read a part.

        Args:
            io: The effects.
            start: Its offset. It is never below one that was asked for with success.
            size: Its bytes, at most.

        Raises:
            SourceError: The body is shorter or longer than it was, or was changed.
        """
        raise NotImplementedError


class Memory(Source):
    """A body in memory."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data).cast("B")
        super().__init__(len(self._data))

    async def read(self, io: ClientIO, start: int, size: int) -> Part:  # noqa: ARG002 - nothing blocks
        data = bytes(self._data[start : start + size])
        return Part(data, start + len(data) == self.length)


class File(Source):
    """
    A file that can be sought.

    Args:
        opened: The file, read from the position that it has; or a function that opens
            it, then it is closed at the end, and must not change meanwhile.
    """

    def __init__(self, opened: BinaryIO | Callable[[], BinaryIO]) -> None:
        super().__init__(None)
        self._given = opened
        self._file: Any = None
        self._start = 0
        self._stamp: tuple[int, int] | None = None

    def open(self) -> None:
        if callable(self._given):
            self._file = self._given()
            self._stamp = self._stamped()
        else:
            self._file = self._given
            self._start = self._file.tell()
        self.length = max(self._file.seek(0, os.SEEK_END) - self._start, 0)

    def close(self) -> None:
        if self._file is not None and self._file is not self._given:
            self._file.close()

    async def read(self, io: ClientIO, start: int, size: int) -> Part:
        return await io.run(partial(self._read, start, size))

    def _read(self, start: int, size: int) -> Part:
        length = cast("int", self.length)
        self._file.seek(self._start + start)
        parts: list[bytes] = []
        left = size
        while left and (part := self._file.read(left)):
            parts.append(part)
            left -= len(part)
        data = b"".join(parts)
        # Looked at after the reading: what was read is of the file that was measured.
        if self._stamp is not None and self._stamped() != self._stamp:
            msg = "the file was changed while it was uploaded"
            raise SourceError(msg)
        end = start + len(data)
        if left and end < length:
            msg = f"the file ends at {end:,}, but had {length:,} bytes at the start"
            raise SourceError(msg)
        return Part(data, end == length)

    def _stamped(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns


class Stream(Source):
    """
    A body that can be read only once.

    What the server has not acknowledged is stored: one piece, and one chunk.

    Args:
        chunks: The chunks.
        length: The bytes of the body, if that is known.
        asynchronous: Whether it is an asynchronous iterator.
    """

    def __init__(self, chunks: Any, length: int | None, *, asynchronous: bool) -> None:
        super().__init__(length)
        self.asynchronous = asynchronous
        self._chunks: Iterator[bytes] | AsyncIterator[bytes] = chunks
        self._stored = bytearray()
        self._since = 0
        """The offset of the first byte that is stored."""
        self._is_read = False

    async def read(self, io: ClientIO, start: int, size: int) -> Part:
        # One byte more is read, to know whether this part is the last one.
        while not self._is_read and self._since + len(self._stored) <= start + size:
            chunk = await self._next(io)
            if chunk is None:
                self._is_read = True
                break
            self._stored += chunk
            self._forget(start)
        self._forget(start)
        data = bytes(self._stored[:size])
        is_last = self._is_read and len(data) == len(self._stored)
        self._check(start, self._since + len(self._stored), is_read=self._is_read)
        return Part(data, is_last)

    def _forget(self, start: int) -> None:
        known = min(start - self._since, len(self._stored))
        del self._stored[:known]
        self._since += known

    def _check(self, start: int, end: int, *, is_read: bool) -> None:
        if is_read and end < start:
            msg = (
                f"the body ends at {end:,}, and the server has {start:,} bytes already"
            )
            raise SourceError(msg)
        if self.length is None:
            return
        if end > self.length or (is_read and end < self.length):
            msg = f"the body has {end:,} bytes or more" if not is_read else ""
            msg = msg or f"the body has {end:,} bytes"
            msg += f", and length says {self.length:,}"
            raise SourceError(msg)

    async def _next(self, io: ClientIO) -> bytes | None:
        chunks: Any = self._chunks
        if self.asynchronous:
            chunk = await anext(chunks, None)
        else:
            chunk = await io.run(partial(next, chunks, None))
        if chunk is not None and not isinstance(chunk, bytes | bytearray | memoryview):
            msg = f"a body gives bytes; got {type(chunk).__name__}"
            raise TypeError(msg)
        return None if chunk is None else bytes(chunk)


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
    if isinstance(given, AsyncIterable):
        return Stream(aiter(given), length, asynchronous=True)
    if hasattr(given, "read"):  # a pipe
        given = iter(partial(given.read, _READ), b"")
    if isinstance(given, Iterable):
        return Stream(iter(given), length, asynchronous=False)
    msg = f"upload takes a Path, bytes, a binary file or an iterator of bytes; got {given!r}"
    raise TypeError(msg)


def _known(given: object) -> Source | None:
    if isinstance(given, bytes | bytearray | memoryview):
        return Memory(given)
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
