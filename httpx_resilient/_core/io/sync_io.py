"""The effects of synchronous clients, which never suspend."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator, Iterable
from contextlib import contextmanager, suppress
from inspect import isawaitable
from threading import Lock
from typing import Any, Generic, TypeVar, cast

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.drain import DRAIN_BYTES, DRAIN_SECONDS, is_worth_draining
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.carrying import carrying
from httpx_resilient._core.io.protocol import Runner, Second, Send
from httpx_resilient._core.request_copy import sync_back
from httpx_resilient._core.waiter import Waiter

T = TypeVar("T")


class ThreadWaiter:
    """
    A lock that is taken: the waiting thread acquires it once more, after its release.

    It is not an event: a finalizer may wake the very thread that it interrupts, and an
    event has a lock inside that this thread may hold then.
    """

    __slots__ = ("_lock",)

    is_dead = False

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()

    def wake(self) -> bool:
        with suppress(RuntimeError):  # it was woken before
            self._lock.release()
        return True

    async def wait(self, seconds: float | None) -> None:
        Clock.block_until(self._lock, seconds)

    def close(self) -> None:
        """There is nothing to release."""


@contextmanager
def _read_timeout(
    timeouts: dict[str, float | None] | None, seconds: float
) -> Generator[None]:
    """
    Shorten the read timeout of a request that was sent, for the reading of its body.

    The transport looks it up when it begins to read. Afterwards it is as before: a mock
    may have recorded the request.
    """
    if timeouts is None:
        yield
        return
    before = {name: dict[str, float | None].get(timeouts, name) for name in timeouts}
    timeouts["read"] = seconds
    try:
        yield
    finally:
        timeouts.clear()
        timeouts.update(before)


class SyncEffects(Clock):
    """Effects of a synchronous client: nothing here ever suspends."""

    __slots__ = ()

    asynchronous = False

    async def through(
        self,
        transport: Any,
        request: Any,
        context: RequestContext,
        *,
        carries: bool = False,  # noqa: ARG002 - every request has a context here
    ) -> Any:
        copy = carrying(request, context)
        given: dict[str, float | None] | None = copy.extensions.get("timeout")
        timeouts = {} if given is None else given.copy()
        copy.extensions["timeout"] = timeouts
        outer: RequestContext | None = context
        while outer is not None:
            outer.timeouts = timeouts
            outer = outer.parent
        try:
            return transport.handle_request(copy)
        finally:
            sync_back(request, copy)

    async def close(self, transport: Any) -> None:
        with suppress(Exception):
            transport.close()

    def waiter(self) -> Waiter:
        return ThreadWaiter()

    async def within(
        self,
        seconds: float,  # noqa: ARG002 - a blocking call cannot be interrupted
        answer: Awaitable[T],
        deadline: Deadline | None = None,  # noqa: ARG002 - a blocking call cannot be interrupted
    ) -> T:
        return await answer

    def reschedule(self, timer: Any, seconds: float) -> None:
        """There is no timer: each step looks up the remaining time."""

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

    async def discard(
        self,
        response: Any,
        context: RequestContext | None = None,
        *,
        drain: bool | None = None,
        chunks: list[bytes] | None = None,
    ) -> bool:
        # A read may start just before the first half of the time is over.
        patience = DRAIN_SECONDS / 2
        until = self.now() + patience
        timeouts = None if context is None else context.timeouts
        is_whole = False
        try:
            with _read_timeout(timeouts, patience), suppress(Exception):
                if is_worth_draining(response) if drain is None else drain:
                    seen = 0
                    for chunk in cast("Iterable[bytes]", response.stream):
                        seen += len(chunk)
                        if seen > DRAIN_BYTES or self.now() > until:
                            break
                        if chunks is not None:
                            chunks.append(chunk)
                    else:
                        is_whole = True
        finally:
            with suppress(Exception):
                response.close()
        return is_whole

    async def sleep(self, seconds: float) -> None:
        self.block(seconds)


class SyncIO(SyncEffects, Generic[RequestT, ResponseT]):
    """These effects in front of an inner transport of another make."""

    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def send(
        self, request: RequestT, context: RequestContext | None = None
    ) -> ResponseT:
        context = context or begin(request, self)
        response: ResponseT = await self.through(self.inner, request, context)
        return response


class LinkedSyncIO(SyncEffects):
    """These effects in front of a layer of ours, which gets the context directly."""

    __slots__ = ("inner", "send")

    def __init__(self, send: Send) -> None:
        self.inner: Any = None
        self.send: Send = send
