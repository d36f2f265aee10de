"""A response stream that is read ahead: the caller still gets the whole body."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Self

from httpx_resilient._core.body.unread import mark_unread
from httpx_resilient._core.io.loading import drained


class PeekedStream:
    """
    A response stream that keeps what is read, while the outcome is being decided on.

    Until it is given to the caller, each reader begins at the start of the body.

    Args:
        response: The response, whose stream this one replaces.
    """

    def __init__(self, response: Any) -> None:
        self.stream = response.stream
        self.chunks: deque[bytes] = deque()
        """What was read and is still to be given."""
        self.is_whole = False
        """Whether the body was read to its end."""
        self._is_shared = response.extensions.get("http_version") == b"HTTP/2"
        self._size = 0
        self._source: Any = None
        self._error: Exception | None = None
        self._is_closed = False
        self._is_given = False

    def __iter__(self) -> _Reader:
        return _Reader(self)

    def __aiter__(self) -> _Reader:
        return _Reader(self)

    def has(self, position: int) -> bool:
        """Whether a chunk is in memory."""
        return len(self.chunks) > (0 if self._is_given else position)

    def take(self, position: int) -> bytes:
        """Return a chunk that is in memory. The caller's reader removes it."""
        return self.chunks.popleft() if self._is_given else self.chunks[position]

    def read(self) -> bool:
        """Read one more chunk. Return whether there was one."""
        if self._is_over():
            return False
        try:
            self._source = self._source or iter(self.stream)
            return self._keep(next(self._source, None))
        except Exception as error:
            self._error = error
            raise

    async def read_async(self) -> bool:
        """Read one more chunk. Return whether there was one."""
        if self._is_over():
            return False
        try:
            self._source = self._source or aiter(self.stream)
            return self._keep(await anext(self._source, None))
        except Exception as error:
            self._error = error
            raise

    def read_ahead(self, most: int, until: float, now: Callable[[], float]) -> None:
        """
        Read until the end, more than `most` bytes, or a moment. Release a whole body.

        A read that has begun is not interrupted: that would lose the body. It has the
        read timeout of the request, as the caller's own. An error is kept for the
        caller, whose reader meets it where it happened.
        """
        with suppress(Exception):
            while self._size <= most and now() < until and self.read():
                pass
            if self.is_whole:
                self.close()

    async def read_ahead_async(
        self, most: int, until: float, now: Callable[[], float]
    ) -> None:
        """Do as `read_ahead`, in an asynchronous client."""
        with suppress(Exception):
            while self._size <= most and now() < until and await self.read_async():
                pass
            if self.is_whole:
                await self.aclose()

    def give(self, response: Any) -> None:
        """Let the caller read the response from its start, and keep nothing more."""
        if self._source is None:
            response.stream = self.stream
            return
        self._is_given = True
        # If a strategy has closed it half-way, the rest of the body is lost.
        if response.is_stream_consumed and (self.is_whole or not self._is_closed):
            mark_unread(response)

    def close(self) -> None:
        if not self._is_closed:
            self.stream.close()
            self._is_closed = True

    async def aclose(self) -> None:
        if self._is_closed:
            return
        source: object = self._source
        try:
            if isinstance(source, AsyncGenerator) and not self._is_shared:
                # Transports read through nested generators, and trio warns of each that
                # is left half-way. A read that is interrupted ends them.
                with suppress(Exception):
                    await drained(source, 0.0)
        finally:
            await self.stream.aclose()
        self._is_closed = True

    def _is_over(self) -> bool:
        if self._error is not None:
            raise self._error
        return self.is_whole

    def _keep(self, chunk: bytes | None) -> bool:
        if chunk is None:
            self.is_whole = True
            return False
        self.chunks.append(chunk)
        self._size += len(chunk)
        return True


class _Reader:
    """
    Reads a stream that is peeked into, from its start.

    It is no generator, of which trio would warn if its reader leaves it half-way.
    """

    __slots__ = ("_peeked", "_position")

    def __init__(self, peeked: PeekedStream) -> None:
        self._peeked = peeked
        self._position = 0

    def __iter__(self) -> Self:
        return self

    def __aiter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        peeked = self._peeked
        if not peeked.has(self._position) and not peeked.read():
            raise StopIteration
        return self._next()

    async def __anext__(self) -> bytes:
        peeked = self._peeked
        if not peeked.has(self._position) and not await peeked.read_async():
            raise StopAsyncIteration
        return self._next()

    def _next(self) -> bytes:
        self._position += 1
        return self._peeked.take(self._position - 1)
