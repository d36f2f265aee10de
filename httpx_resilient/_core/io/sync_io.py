"""The effects of synchronous clients, which never suspend."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Iterable
from contextlib import suppress
from inspect import isawaitable
from threading import Event
from typing import Any, Generic, TypeVar, cast

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.drain import DRAIN_BYTES, DRAIN_SECONDS, is_worth_draining
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import Runner, Second
from httpx_resilient._core.request_copy import copy_request, sync_back
from httpx_resilient._core.waiter import Waiter

T = TypeVar("T")


class ThreadWaiter:
    """An event of the waiting thread."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = Event()

    def wake(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None) -> None:
        Clock.block_until(self._event, seconds)

    def close(self) -> None:
        """There is nothing to release."""


class SyncEffects(Clock):
    """Effects of a synchronous client: nothing here ever suspends."""

    __slots__ = ("_timeouts",)

    asynchronous = False

    def __init__(self) -> None:
        self._timeouts: dict[str, float | None] = {}

    async def through(self, transport: Any, request: Any) -> Any:
        response: Any = transport.handle_request(request)
        return response

    async def close(self, transport: Any) -> None:
        with suppress(Exception):
            transport.close()

    def waiter(self) -> Waiter:
        return ThreadWaiter()

    async def within(self, seconds: float, answer: Awaitable[T]) -> T:  # noqa: ARG002 - a blocking call cannot be interrupted
        return await answer

    def begin(self, answer: Awaitable[T]) -> tuple[None, Awaitable[T]]:
        return None, answer

    async def race(
        self,
        seconds: float,  # noqa: ARG002 - a blocking call cannot be interrupted
        first: Runner,
        second: Second,  # noqa: ARG002 - a blocking call cannot be interrupted
    ) -> None:
        await first

    async def settle(self, answer: Any) -> Any:
        if isawaitable(answer):
            if isinstance(answer, Coroutine):
                answer.close()
            msg = (
                "a strategy or hook is asynchronous and cannot be awaited in a "
                "synchronous client: give a synchronous one, or use an AsyncClient"
            )
            raise TypeError(msg)
        return answer

    async def discard(self, response: Any, *, drain: bool | None = None) -> None:
        # A read may start just before the first half of the time is over.
        patience = DRAIN_SECONDS / 2
        timeouts = dict(self._timeouts)
        self._timeouts["read"] = patience
        until = self.now() + patience
        try:
            with suppress(Exception):
                if is_worth_draining(response) if drain is None else drain:
                    seen = 0
                    for chunk in cast("Iterable[bytes]", response.stream):
                        seen += len(chunk)
                        if seen > DRAIN_BYTES or self.now() > until:
                            break
        finally:
            with suppress(Exception):
                response.close()
            self._timeouts.update(timeouts)

    async def sleep(self, seconds: float) -> None:
        self.block(seconds)


class SyncIO(SyncEffects, Generic[RequestT, ResponseT]):
    """These effects in front of an inner transport, for one call."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self._inner = inner

    async def send(self, request: RequestT) -> ResponseT:
        # A blocking read cannot be interrupted. Its timeout can be shortened before it
        # starts, in the request, and a copy leaves the caller's request unchanged.
        self._timeouts = request.extensions.get("timeout", {}).copy()
        copy = copy_request(request, timeout=self._timeouts)
        try:
            response: ResponseT = self._inner.handle_request(copy)
        finally:
            sync_back(request, copy)
        return response
