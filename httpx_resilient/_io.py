"""
The only code that knows asynchronous from synchronous.

Rules of the flows that run on top of it:

1. A flow awaits only the methods of its `io`.
2. A flow catches only `Exception`: cancellation always passes.
3. The methods of `SyncIO` never suspend, so one step finishes a whole flow.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    Awaitable,
    Coroutine,
    Iterable,
)
from contextlib import suppress
from inspect import isawaitable
from typing import Any, Generic, Protocol, TypeVar, cast

import anyio

from httpx_resilient._asyncio import at_most, begin, on_asyncio
from httpx_resilient._copies import adopt, twin_of
from httpx_resilient._draining import (
    DRAIN_BYTES,
    DRAIN_SECONDS,
    drain_async,
    drain_seconds,
    is_worth_draining,
)
from httpx_resilient._family import RequestT, ResponseT
from httpx_resilient._racing import Runner, Second, race_on_anyio, race_on_asyncio
from httpx_resilient._waiting import (
    AsyncioWaiter,
    ThreadWaiter,
    TrioWaiter,
    Waiter,
)

T = TypeVar("T")
SentT_contra = TypeVar("SentT_contra", contravariant=True)


class IO(Protocol[SentT_contra, ResponseT]):
    """The effects a flow may have."""

    @property
    def asynchronous(self) -> bool:
        """Whether it serves an asynchronous client."""
        ...

    def send(self, request: SentT_contra) -> Awaitable[ResponseT]:
        """Send through the inner transport, once."""
        ...

    def through(self, transport: Any, request: SentT_contra) -> Awaitable[ResponseT]:
        """Send through a transport other than the inner one."""
        ...

    async def close(self, transport: Any) -> None:
        """Close such a transport, whatever happens."""
        ...

    def waiter(self) -> Waiter:
        """Make what this request can wait with, for another one to wake it."""
        ...

    def within(self, seconds: float, answer: Awaitable[T]) -> Awaitable[T]:
        """
        Await for at most so long; `TimeoutError` if it takes longer.

        What blocks a thread is not interrupted: in a synchronous client it must bring
        a timeout of its own.
        """
        ...

    def begin(self, answer: Awaitable[T]) -> tuple[Any, Awaitable[T] | None]:
        """
        Run it until it has to wait, if it can. Return its value, or the rest of it.

        The rest is to be awaited before anything else.
        """
        ...

    def race(self, seconds: float, first: Runner, second: Second) -> Awaitable[None]:
        """
        Run one, and a second one beside it if that takes longer than so many seconds.

        If it may not start then, it is asked for again after a while. The first that
        wins ends the other. In a synchronous client there is but one.
        """
        ...

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall_time(self) -> float:
        """Seconds since the epoch, for headers that name a date."""
        ...

    async def settle(self, answer: Any) -> Any:
        """Await what a strategy or hook gave, if it is awaitable."""
        ...

    async def discard(self, response: ResponseT, *, drain: bool | None = None) -> None:
        """
        Release a response: drained so that its connection lives on, or closed.

        Without `drain` that depends on how long it says it is.
        """
        ...

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Sleep."""
        ...


class AsyncIO(Generic[RequestT, ResponseT]):
    """Effects on asyncio and trio."""

    __slots__ = ("_inner",)

    asynchronous = True
    now = staticmethod(time.monotonic)
    wall_time = staticmethod(time.time)

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def send(self, request: RequestT) -> Awaitable[ResponseT]:
        # Looked up each time: instrumentation and mocks patch a transport's class.
        sent: Awaitable[ResponseT] = self._inner.handle_async_request(request)
        return sent

    def through(self, transport: Any, request: RequestT) -> Awaitable[ResponseT]:
        sent: Awaitable[ResponseT] = transport.handle_async_request(request)
        return sent

    async def close(self, transport: Any) -> None:
        with anyio.CancelScope(shield=True), suppress(Exception):
            await transport.aclose()

    def waiter(self) -> Waiter:
        return AsyncioWaiter() if on_asyncio() else TrioWaiter()

    def within(self, seconds: float, answer: Awaitable[T]) -> Awaitable[T]:
        limit = at_most if on_asyncio() else _at_most
        return limit(seconds, answer)

    def begin(self, answer: Awaitable[T]) -> tuple[Any, Awaitable[T] | None]:
        # Not on trio, whose scopes must be nested strictly, as above.
        return begin(answer) if on_asyncio() else (None, answer)

    def race(self, seconds: float, first: Runner, second: Second) -> Awaitable[None]:
        race = race_on_asyncio if on_asyncio() else race_on_anyio
        return race(seconds, first, second)

    async def settle(self, answer: Any) -> Any:
        return await answer if isawaitable(answer) else answer

    async def discard(self, response: ResponseT, *, drain: bool | None = None) -> None:
        closed = False
        try:
            if is_worth_draining(response) if drain is None else drain:
                body: Any = response.stream
                if on_asyncio():
                    await at_most(drain_seconds(response), drain_async(body))
                else:
                    with anyio.move_on_after(drain_seconds(response)) as scope:
                        await drain_async(body, scope.cancel)
            await response.aclose()
            closed = True
        except Exception:  # noqa: BLE001, S110 - a body that breaks, or is late, is released as well
            pass
        finally:
            if not closed:
                with anyio.CancelScope(shield=True), suppress(Exception):
                    await response.aclose()

    def sleep(self, seconds: float) -> Awaitable[None]:
        return asyncio.sleep(seconds) if on_asyncio() else anyio.sleep(seconds)


async def _at_most(seconds: float, answer: Awaitable[T]) -> T:
    # trio's scopes must be nested strictly: nothing can be begun before this one.
    with anyio.fail_after(seconds):
        return await answer


class SyncIO(Generic[RequestT, ResponseT]):
    """Effects of a synchronous client, for one call: nothing here ever suspends."""

    __slots__ = ("_inner", "_timeouts")

    asynchronous = False
    now = staticmethod(time.monotonic)
    wall_time = staticmethod(time.time)

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._timeouts: dict[str, float | None] = {}

    async def send(self, request: RequestT) -> ResponseT:
        # A blocking read cannot be interrupted, only given a shorter timeout before
        # it starts. The transport looks for it in the request, and the caller's
        # request is not ours to change: so it gets a twin with timeouts of its own.
        self._timeouts = request.extensions.get("timeout", {}).copy()
        twin = twin_of(request, timeout=self._timeouts)
        try:
            response: ResponseT = self._inner.handle_request(twin)
        finally:
            adopt(request, twin)
        return response

    async def through(self, transport: Any, request: RequestT) -> ResponseT:
        response: ResponseT = transport.handle_request(request)
        return response

    async def close(self, transport: Any) -> None:
        with suppress(Exception):
            transport.close()

    def waiter(self) -> Waiter:
        return ThreadWaiter()

    async def within(self, seconds: float, answer: Awaitable[T]) -> T:  # noqa: ARG002 - as said above
        return await answer

    def begin(self, answer: Awaitable[T]) -> tuple[None, Awaitable[T]]:
        return None, answer

    async def race(
        self,
        seconds: float,  # noqa: ARG002 - as said above
        first: Runner,
        second: Second,  # noqa: ARG002 - as said above
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

    async def discard(self, response: ResponseT, *, drain: bool | None = None) -> None:
        # One more read may start just before half of the time is over.
        patience = DRAIN_SECONDS / 2
        timeouts = dict(self._timeouts)
        self._timeouts["read"] = patience
        until = time.monotonic() + patience
        try:
            with suppress(Exception):
                if is_worth_draining(response) if drain is None else drain:
                    seen = 0
                    for chunk in cast("Iterable[bytes]", response.stream):
                        seen += len(chunk)
                        if seen > DRAIN_BYTES or time.monotonic() > until:
                            break
        finally:
            with suppress(Exception):
                response.close()
            self._timeouts.update(timeouts)

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - nobody else is waiting


def run_sync(flow: Coroutine[Any, Any, T]) -> T:
    """
    Finish a flow whose `io` is synchronous, in one step and without an event loop.

    Raises:
        RuntimeError: The flow waited for something that is not its `io`.
    """
    try:
        flow.send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    flow.close()
    msg = (
        "something asynchronous was awaited in a synchronous client: strategies, "
        "hooks and inner transports must all be synchronous here"
    )
    raise RuntimeError(msg)
