"""A response stream whose reading has a limit, such as a deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol


class BodyLimiter(Protocol):
    """The owner of a limit on the reading of bodies, such as a deadline."""

    def chunks(self, chunks: Iterator[bytes], limit: Any) -> Iterator[bytes]:
        """Yield the chunks of a synchronous client."""
        ...

    def async_chunks(
        self, chunks: AsyncIterator[bytes], limit: Any
    ) -> AsyncIterator[bytes]:
        """Yield the chunks of an asynchronous client."""
        ...


class LimitedStream:
    """
    A response stream whose reading has a limit.

    Args:
        stream: The stream of the response.
        limiter: The owner of the limit.
        limit: The limit, as the owner is given it.
    """

    def __init__(self, stream: Any, limiter: BodyLimiter, limit: object) -> None:
        self.stream = stream
        self._limiter = limiter
        self._limit = limit

    def __iter__(self) -> Iterator[bytes]:
        return self._limiter.chunks(iter(self.stream), self._limit)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._limiter.async_chunks(aiter(self.stream), self._limit)

    def close(self) -> None:
        self.stream.close()

    async def aclose(self) -> None:
        await self.stream.aclose()
