"""Copies: of a body that can be read only once, and of a request to add to."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, cast


class Copy:
    """
    Passes a one-shot stream on and keeps up to `limit` bytes of it.

    Iterated again, it gives what it kept and then the rest of the stream.
    """

    def __init__(
        self, stream: Iterable[bytes] | AsyncIterable[bytes], limit: int
    ) -> None:
        self.complete = True
        self._kept: list[bytes] = []
        self._room = limit
        self._stream = stream
        self._rest: Any = None

    def __iter__(self) -> Iterator[bytes]:
        yield from self._kept
        self._rest = self._rest or iter(cast("Iterable[bytes]", self._stream))
        while True:
            # A source that raises, or is interrupted, has no rest to go on with.
            complete, self.complete = self.complete, False
            chunk = next(self._rest, None)
            self.complete = complete
            if chunk is None:
                return
            self._keep(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for kept in self._kept:
            yield kept
        self._rest = self._rest or aiter(cast("AsyncIterable[bytes]", self._stream))
        while True:
            complete, self.complete = self.complete, False
            chunk = await anext(self._rest, None)
            self.complete = complete
            if chunk is None:
                return
            self._keep(chunk)
            yield chunk

    def _keep(self, chunk: bytes) -> None:
        self._room -= len(chunk)
        if self._room < 0:
            self.complete = False
            self._kept.clear()
        if self.complete:
            self._kept.append(chunk)
