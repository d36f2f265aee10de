"""The effects of asynchronous clients, on asyncio and on trio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from inspect import isawaitable
from typing import Any, Generic, TypeVar

import anyio

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.drain import drain_async, drain_seconds, is_worth_draining
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.asyncio_fast import begin, on_asyncio, time_limit
from httpx_resilient._core.io.protocol import Runner, Second
from httpx_resilient._core.io.race import race_on_anyio, race_on_asyncio
from httpx_resilient._core.io.waiters import AsyncioWaiter, TrioWaiter
from httpx_resilient._core.waiter import Waiter

T = TypeVar("T")


class AsyncEffects(Clock):
    """Effects on asyncio and trio."""

    __slots__ = ()

    asynchronous = True

    def through(self, transport: Any, request: Any) -> Awaitable[Any]:
        sent: Awaitable[Any] = transport.handle_async_request(request)
        return sent

    async def close(self, transport: Any) -> None:
        with anyio.CancelScope(shield=True), suppress(Exception):
            await transport.aclose()

    def waiter(self) -> Waiter:
        return AsyncioWaiter() if on_asyncio() else TrioWaiter()

    def within(self, seconds: float, answer: Awaitable[T]) -> Awaitable[T]:
        limit = time_limit if on_asyncio() else _time_limit
        return limit(seconds, answer)

    def begin(self, answer: Awaitable[T]) -> tuple[Any, Awaitable[T] | None]:
        # Not on trio, whose cancel scopes must be strictly nested.
        return begin(answer) if on_asyncio() else (None, answer)

    def race(self, seconds: float, first: Runner, second: Second) -> Awaitable[None]:
        race = race_on_asyncio if on_asyncio() else race_on_anyio
        return race(seconds, first, second)

    async def settle(self, answer: Any) -> Any:
        return await answer if isawaitable(answer) else answer

    async def discard(self, response: Any, *, drain: bool | None = None) -> None:
        closed = False
        try:
            if is_worth_draining(response) if drain is None else drain:
                body: Any = response.stream
                if on_asyncio():
                    await time_limit(drain_seconds(response), drain_async(body))
                else:
                    with anyio.move_on_after(drain_seconds(response)) as scope:
                        await drain_async(body, scope.cancel)
            await _close(response)
            closed = True
        except Exception:  # noqa: BLE001, S110 - a body that breaks or is late is released below
            pass
        finally:
            if not closed:
                with anyio.CancelScope(shield=True), suppress(Exception):
                    await _close(response)

    def sleep(self, seconds: float) -> Awaitable[None]:
        return asyncio.sleep(seconds) if on_asyncio() else anyio.sleep(seconds)


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
    """These effects in front of an inner transport."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def send(self, request: RequestT) -> Awaitable[ResponseT]:
        # Looked up at each call: instrumentation and mocks patch the class.
        sent: Awaitable[ResponseT] = self._inner.handle_async_request(request)
        return sent


async def _time_limit(seconds: float, answer: Awaitable[T]) -> T:
    # trio's scopes must be strictly nested: nothing can start before this one.
    with anyio.fail_after(seconds):
        return await answer
