"""Where the bytes of an upload come from: memory, a file, or an iterator."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, NamedTuple, cast

from httpx_resilient._transfers.io.protocol import ClientIO


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


class Source(ABC):
    """
    The base of bodies.

    Args:
        length: The bytes of the body, or `None` if its end must be found.
    """

    asynchronous = False
    """Whether only an asynchronous client can read it."""

    def __init__(self, length: int | None) -> None:
        self.length = length

    def open(self) -> None:  # noqa: B027 - not each body has to prepare
        """Prepare to read. Blocking."""

    def close(self) -> None:  # noqa: B027 - not each body holds something
        """Release what `open` has acquired."""

    @abstractmethod
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
