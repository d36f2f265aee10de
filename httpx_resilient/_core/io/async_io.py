"""The effects of asynchronous clients, on asyncio and on trio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from inspect import isawaitable
from typing import Any, Generic, TypeVar

import anyio

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.drain import drain_async, drain_seconds, is_worth_draining
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.asyncio_fast import begin, on_asyncio, rest_of
from httpx_resilient._core.io.carrying import carrying
from httpx_resilient._core.io.protocol import Runner, Second, Send
from httpx_resilient._core.io.race import race_on_anyio, race_on_asyncio
from httpx_resilient._core.io.timers import reschedule, within
from httpx_resilient._core.io.waiters import AsyncioWaiter, TrioWaiter
from httpx_resilient._core.request_copy import sync_back
from httpx_resilient._core.waiter import Waiter

T = TypeVar("T")


class AsyncEffects(Clock):
    """Effects on asyncio and trio."""

    __slots__ = ()

    asynchronous = True

    def through(
        self,
        transport: Any,
        request: Any,
        context: RequestContext,
        *,
        carries: bool = False,
    ) -> Awaitable[Any]:
        if carries or context.deadline is not None or context.attempt != 1:
            copy = carrying(request, context)
            if "_content" not in copy.__dict__:
                return _send_copy(transport, request, copy)
            request = copy
        # Looked up at each call: instrumentation and mocks patch the class.
        sent: Awaitable[Any] = transport.handle_async_request(request)
        return sent

    async def close(self, transport: Any) -> None:
        # A finalizer may call this after the end of the loop, where no scope is left.
        with suppress(Exception), anyio.CancelScope(shield=True):
            await transport.aclose()

    def waiter(self) -> Waiter:
        return AsyncioWaiter() if on_asyncio() else TrioWaiter()

    within = staticmethod(within)
    reschedule = staticmethod(reschedule)

    def begin(self, answer: Awaitable[T]) -> tuple[Any, Awaitable[T] | None]:
        # Not on trio, whose cancel scopes must be strictly nested.
        return begin(answer) if on_asyncio() else (None, answer)

    def race(self, seconds: float, first: Runner, second: Second) -> Awaitable[None]:
        race = race_on_asyncio if on_asyncio() else race_on_anyio
        return race(seconds, first, second)

    async def settle(self, answer: Any) -> Any:
        return await answer if isawaitable(answer) else answer

    async def discard(
        self,
        response: Any,
        context: RequestContext | None = None,  # noqa: ARG002 - a read is interrupted
        *,
        drain: bool | None = None,
        chunks: list[bytes] | None = None,
    ) -> bool:
        closed = is_whole = False
        try:
            if is_worth_draining(response) if drain is None else drain:
                seconds = drain_seconds(response)
                is_whole = await drained(response.stream, seconds, chunks)
            await _close(response)
            closed = True
        except Exception:  # noqa: BLE001, S110 - a body that breaks or is late is released below
            pass
        finally:
            if not closed:
                with suppress(Exception), anyio.CancelScope(shield=True):
                    await _close(response)
        return is_whole

    def sleep(self, seconds: float) -> Awaitable[None]:
        return asyncio.sleep(seconds) if on_asyncio() else anyio.sleep(seconds)


async def drained(body: Any, seconds: float, chunks: list[bytes] | None = None) -> bool:
    """
    Read the rest of a body, if it is short and comes in time.

    Args:
        body: The stream of the body.
        seconds: The time in seconds that it has.
        chunks: Collects what is read.

    Returns:
        Whether it was read to its end.
    """
    if not on_asyncio():
        with anyio.move_on_after(seconds) as scope:
            return await drain_async(body, scope.cancel, chunks)
        return False
    # As in `within`: a short body has usually arrived by now.
    steps: Any = drain_async(body, None, chunks)
    try:
        awaited = steps.send(None)
    except StopIteration as finished:
        return bool(finished.value)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return bool(await rest_of(steps, awaited))
    return False


_LIBRARIES = frozenset({"httpx", "httpx2"})


async def _close(response: Any) -> None:
    """
    Close a response that the caller will never see.

    For a response of the library itself, do what its `aclose` does but attach the
    request to exceptions, which are ignored here: that would cost 12,000 of the 110,000
    instructions of an extra attempt. A subclass may do more, so its method is called.
    """
    if type(response).__module__ not in _LIBRARIES:
        await response.aclose()
    elif not response.is_closed:
        response.is_closed = True
        await response.stream.aclose()


class AsyncIO(AsyncEffects, Generic[RequestT, ResponseT]):
    """
    These effects in front of an inner transport of another make.

    Args:
        inner: The transport.
        carries: Whether a layer of ours is inside of it. Then each request carries its
            context. Else only one whose context says more than that of any other.
    """

    __slots__ = ("_carries", "inner", "now")

    def __init__(self, inner: Any, *, carries: bool) -> None:
        self.inner = inner
        self._carries = carries
        # CPython 3.11 reads an attribute of an object at a tenth of the cost of one
        # that its class has, and each flow reads the clock twice.
        self.now: Any = AsyncEffects.now

    def send(
        self, request: RequestT, context: RequestContext | None = None
    ) -> Awaitable[ResponseT]:
        # `through`, written out: each request of a layer comes here.
        if context is not None and (
            context.deadline is not None or context.attempt != 1 or self._carries
        ):
            copy = carrying(request, context)
            if "_content" not in copy.__dict__:
                return _send_copy(self.inner, request, copy)
            request = copy
        sent: Awaitable[ResponseT] = self.inner.handle_async_request(request)
        return sent


class LinkedAsyncIO(AsyncEffects):
    """These effects in front of a layer of ours, which gets the context directly."""

    __slots__ = ("inner", "now", "send")

    def __init__(self, send: Send) -> None:
        self.inner: Any = None
        self.send: Send = send
        self.now: Any = AsyncEffects.now


async def _send_copy(transport: Any, request: Any, copy: Any) -> Any:
    """Send a copy of a request whose body a transport may load: a mock may do so."""
    try:
        return await transport.handle_async_request(copy)
    finally:
        sync_back(request, copy)
