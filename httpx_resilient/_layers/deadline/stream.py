"""A response stream that raises once the deadline of its request has passed."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.drain import BUFFERED, leave
from httpx_resilient._core.io.loading import async_effects
from httpx_resilient._layers.deadline.events import Awaited


class DeadlineEnforcer(Protocol):
    """The layer that set the deadline."""

    timeouts: tuple[type[Exception], ...]

    def raise_if_exceeded(
        self,
        request: Any,
        deadline: Deadline,
        awaited: Awaited,
        cause: Exception | None = None,
    ) -> None:
        """Raise if the deadline has passed."""
        ...


class DeadlineStream:
    """
    A response stream that raises once the deadline of its request has passed.

    Args:
        stream: The stream of the response.
        request: The caller's request.
        deadline: The deadline of the request.
        enforcer: The layer that set the deadline.
    """

    def __init__(
        self,
        stream: Any,
        request: Any,
        deadline: Deadline,
        enforcer: DeadlineEnforcer,
    ) -> None:
        self._stream = stream
        self._request = request
        self._deadline = deadline
        self._enforcer = enforcer

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._raise_if_exceeded()
                yield chunk
        except self._enforcer.timeouts as error:
            self._raise_if_exceeded(error)
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        effects = async_effects()
        deadline = self._deadline
        chunks, dropped, left = aiter(self._stream), 0, math.inf
        try:
            while dropped < BUFFERED:
                left = deadline.at - Clock.now()
                chunk = await effects.within(max(left, 0.0), anext(chunks))
                if left > 0:
                    yield chunk
                else:
                    # The deadline has passed, but transports read through nested
                    # generators, and trio warns of each that is left half-way. A read
                    # that fails ends them.
                    dropped += 1
        except StopAsyncIteration:
            pass
        except self._enforcer.timeouts as error:
            self._raise_if_exceeded(error)
            raise
        finally:
            await leave(chunks)
        if left <= 0:
            self._raise_if_exceeded()

    def _raise_if_exceeded(self, cause: Exception | None = None) -> None:
        self._enforcer.raise_if_exceeded(self._request, self._deadline, "body", cause)

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()
