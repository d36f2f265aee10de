"""Response bodies that raise once the deadline of their request has passed."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.drain import BUFFERED, leave
from httpx_resilient._core.io.loading import async_effects
from httpx_resilient._layers.deadline.events import Awaited

DeadlineOf = tuple[RequestContext, Deadline]
"""The context of a request whose body is read, and its deadline."""


class DeadlineBodies(ABC):
    """The part of a deadline's stage that reads bodies, chunk by chunk."""

    timeouts: tuple[type[Exception], ...]

    @abstractmethod
    def raise_if_exceeded(
        self,
        context: RequestContext,
        deadline: Deadline,
        awaited: Awaited,
        cause: Exception | None = None,
    ) -> None:
        """Raise if the deadline has passed."""

    def chunks(self, chunks: Iterator[bytes], limit: DeadlineOf) -> Iterator[bytes]:
        while True:
            try:
                chunk = next(chunks, None)
            except self.timeouts as error:
                self.raise_if_exceeded(*limit, "body", error)
                raise
            if chunk is None:
                return
            self.raise_if_exceeded(*limit, "body")
            yield chunk

    async def async_chunks(
        self, chunks: AsyncIterator[bytes], limit: DeadlineOf
    ) -> AsyncIterator[bytes]:
        effects = async_effects()
        context, deadline = limit
        dropped, left = 0, math.inf
        try:
            while dropped < BUFFERED:
                left = deadline.at - Clock.now()
                chunk = await effects.within(max(left, 0.0), anext(chunks))
                if left > 0 or context.in_memory:
                    yield chunk
                else:
                    # The deadline has passed, but transports read through nested
                    # generators, and trio warns of each that is left half-way. A read
                    # that fails ends them.
                    dropped += 1
        except StopAsyncIteration:
            pass
        except self.timeouts as error:
            self.raise_if_exceeded(context, deadline, "body", error)
            raise
        finally:
            await leave(chunks)
        if left <= 0:
            self.raise_if_exceeded(context, deadline, "body")
