"""
The base layer: a transport around an inner transport, for both sides.

One class serves synchronous and asynchronous clients, as `httpx.MockTransport` does. A
layer adds one flow, `_handle`; everything that is the same for all layers is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.events.emitter import (
    PENDING,
    EventEmitter,
    PendingAwaitables,
)
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.loading import async_io
from httpx_resilient._core.io.protocol import IO, releasing, run_sync
from httpx_resilient._core.io.sync_io import SyncIO
from httpx_resilient._transport.inner import LimitsT, ProxyT, sides_of

if TYPE_CHECKING:
    from types import CoroutineType, TracebackType

InnerT = TypeVar("InnerT")


class ResilientTransport(ABC, Generic[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A layer around `inner`, or around the family's own HTTP transport if there is none.

    Args:
        inner: The transport to wrap. It is entered, exited and closed with this one.
        on_event: The function that receives the events of this layer, and of the
            default inner transport.
        http: Options for the default inner transport. It is built on first use, for
            the side that is used, and goes through the proxies that the environment
            names now, unless `proxy`, `uds` or `trust_env=False` says otherwise.

    Raises:
        TypeError: `inner` is not a transport, or belongs to the other library; an
            option is unknown, or given together with an `inner`; `on_event` is not
            callable.
        ValueError: A proxy, given or from the environment, cannot be used.
        ImportError: `http2=True` without its extra.

    It is the base of all transports that serve both clients of a library, and the type
    that `standard_transport` returns. `HedgingTransport`, which serves asynchronous
    clients only, is not an instance of it.

    Example:
        >>> isinstance(standard_transport(), ResilientTransport)
        True
    """

    _family: ClassVar[Family]

    def __init__(
        self, inner: InnerT | None, on_event: Listener | None, http: dict[str, Any]
    ) -> None:
        self._emit = emit = EventEmitter(on_event)
        self._async_side, self._sync_side = sides_of(inner, self._family, http, emit)
        self._io: IO[RequestT, ResponseT] | None = None
        """The `io` of asynchronous clients, built with the first request."""
        self._unobserved_io: IO[RequestT, ResponseT] | None = None
        """The same, unless there is a listener."""

    @abstractmethod
    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        """Run this layer's flow."""

    # The flow's coroutine is returned as it is: one frame less to await.
    def handle_async_request(
        self, request: RequestT
    ) -> CoroutineType[Any, Any, ResponseT]:
        """Handle a request of an asynchronous client."""
        if self._unobserved_io is None:
            return self._handle_observed(request)
        return self._handle(request, self._unobserved_io)  # type: ignore[return-value]  # to mypy a coroutine is a Coroutine, to pyright a CoroutineType

    def _handle_observed(self, request: RequestT) -> CoroutineType[Any, Any, ResponseT]:
        """Handle the first request, or each request if there is a listener."""
        io = self._io
        if io is None:
            made: IO[RequestT, ResponseT] = async_io(self._async_side.transport())
            self._io = io = made
        if self._emit.listener is None:
            self._unobserved_io = io
            return self._handle(request, io)  # type: ignore[return-value]  # to mypy a coroutine is a Coroutine, to pyright a CoroutineType
        handled = self._handle(request, self._reporting(request, io))
        if self._emit.asynchronous:
            return self._settled(handled, io)  # type: ignore[return-value]  # to mypy a coroutine is a Coroutine, to pyright a CoroutineType
        return handled  # type: ignore[return-value]  # to mypy a coroutine is a Coroutine, to pyright a CoroutineType

    def _reporting(
        self,
        request: RequestT,  # noqa: ARG002 - most layers report nothing of a send
        io: IO[RequestT, ResponseT],
    ) -> IO[RequestT, ResponseT]:
        """Return the `io` of a flow with a listener, which may emit events."""
        return io

    async def _settled(
        self,
        handled: Coroutine[Any, Any, ResponseT],
        io: IO[RequestT, ResponseT],
    ) -> ResponseT:
        """Await asynchronous listeners before the outcome is returned or raised."""
        before, own = PENDING.get(), PendingAwaitables()
        PENDING.set(own)
        try:
            try:
                response = await handled
            except Exception:
                await self._emit.settle()
                raise
            async with releasing(response, io):
                await self._emit.settle()
            return response
        finally:
            PENDING.set(before)
            self._emit.defer(own)

    def handle_request(self, request: RequestT) -> ResponseT:
        """Handle a request of a synchronous client."""
        io: IO[RequestT, ResponseT] = SyncIO(self._sync_side.transport())
        if self._emit.listener is not None:
            self._emit.refuse_asynchronous()
            io = self._reporting(request, io)
        return run_sync(self._handle(request, io))

    async def __aenter__(self) -> Self:
        inner = self._async_side.transport()
        with self._async_side.entering() as first:
            if first:
                await inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        inner = self._async_side.made
        try:
            if self._async_side.left() and inner is not None:
                await inner.__aexit__(exc_type, exc_value, traceback)
        finally:
            await self._emit.settle()

    async def aclose(self) -> None:
        """Close the inner transport of asynchronous clients, if there is one by now."""
        try:
            if self._async_side.made is not None:
                await self._async_side.made.aclose()
        finally:
            await self._emit.settle()

    def __enter__(self) -> Self:
        inner = self._sync_side.transport()
        with self._sync_side.entering() as first:
            if first:
                inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        inner = self._sync_side.made
        if self._sync_side.left() and inner is not None:
            inner.__exit__(exc_type, exc_value, traceback)

    def close(self) -> None:
        """Close the inner transport of synchronous clients, if there is one by now."""
        if self._sync_side.made is not None:
            self._sync_side.made.close()

    def __repr__(self) -> str:
        # An inner transport may show more than a log should contain.
        return f"<{type(self).__name__}>"
