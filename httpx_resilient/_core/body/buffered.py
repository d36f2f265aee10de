"""Copies of a body that can be read only once."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, cast


class Copy:
    """
    Passes a one-shot stream on and buffers up to `limit` bytes of it.

    A second iteration yields the buffered bytes, then the rest of the stream.
    """

    def __init__(
        self, stream: Iterable[bytes] | AsyncIterable[bytes], limit: int
    ) -> None:
        self.complete = True
        self._buffer: list[bytes] = []
        self._room = limit
        self._stream = stream
        self._rest: Any = None

    def __iter__(self) -> Iterator[bytes]:
        yield from self._buffer
        self._rest = self._rest or iter(cast("Iterable[bytes]", self._stream))
        while True:
            # After an error or an interruption the source cannot be continued.
            complete, self.complete = self.complete, False
            chunk = next(self._rest, None)
            self.complete = complete
            if chunk is None:
                return
            self._store(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for buffered in self._buffer:
            yield buffered
        self._rest = self._rest or aiter(cast("AsyncIterable[bytes]", self._stream))
        while True:
            complete, self.complete = self.complete, False
            chunk = await anext(self._rest, None)
            self.complete = complete
            if chunk is None:
                return
            self._store(chunk)
            yield chunk

    def _store(self, chunk: bytes) -> None:
        self._room -= len(chunk)
        if self._room < 0:
            self.complete = False
            self._buffer.clear()
        if self.complete:
            self._buffer.append(chunk)
