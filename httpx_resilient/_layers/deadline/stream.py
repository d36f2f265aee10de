"""A response's stream that raises when the deadline has passed."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.drain import BUFFERED, leave
from httpx_resilient._core.io.async_io import AsyncEffects


class Check(Protocol):
    """The layer that set the deadline."""

    timeouts: tuple[type[Exception], ...]

    def check(
        self,
        request: Any,
        deadline: Deadline,
        awaited: str,
        cause: Exception | None = None,
    ) -> None:
        """Raise if it is too late."""
        ...


class Limited:
    """A response's stream that raises when the deadline has passed."""

    def __init__(
        self,
        stream: Any,
        request: Any,
        deadline: Deadline,
        layer: Check,
    ) -> None:
        self._stream = stream
        self._request = request
        self._deadline = deadline
        self._layer = layer

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._check()
                yield chunk
        except self._layer.timeouts as error:
            self._check(error)
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        effects = AsyncEffects()
        deadline = self._deadline
        chunks, dropped, left = aiter(self._stream), 0, math.inf
        try:
            while dropped < BUFFERED:
                left = deadline.at - Clock.now()
                chunk = await effects.within(max(left, 0.0), anext(chunks))
                if left > 0:
                    yield chunk
                else:
                    # It is too late, but transports read through nested generators.
                    # Left half-way, trio warns of each; a read that fails ends them.
                    dropped += 1
        except StopAsyncIteration:
            pass
        except self._layer.timeouts as error:
            self._check(error)
            raise
        finally:
            await leave(chunks)
        if left <= 0:
            self._check()

    def _check(self, cause: Exception | None = None) -> None:
        self._layer.check(self._request, self._deadline, "its body", cause)

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()
