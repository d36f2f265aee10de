"""A body that can be read only once: an iterator, or a pipe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, cast

from httpx_resilient._transfers.io.protocol import ClientIO
from httpx_resilient._transfers.upload.source import Part, Source, SourceError


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
            msg = f"the body has {end:,} bytes, and the server has {start:,} already"
            raise SourceError(msg)
        if self.length is None:
            return
        if end > self.length or (is_read and end < self.length):
            more = "" if is_read else " or more"
            msg = f"the body has {end:,} bytes{more}, and length says {self.length:,}"
            raise SourceError(msg)

    async def _next(self, io: ClientIO) -> bytes | None:
        chunks: Any = self._chunks
        chunk: Any
        if self.asynchronous:
            chunk = await anext(chunks, None)
        else:
            chunk = await io.run(partial(next, chunks, None))
        if chunk is not None and not isinstance(chunk, bytes | bytearray | memoryview):
            msg = f"a body gives bytes; got {type(chunk).__name__}"
            raise TypeError(msg)
        return None if chunk is None else bytes(cast("bytes", chunk))
