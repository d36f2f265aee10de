"""
The base layer: a transport around an inner transport, for both sides.

One class serves synchronous and asynchronous clients, as `httpx.MockTransport` does. A
layer adds one flow, `_handle`; everything that is the same for all layers is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from httpx_resilient._core.context import OPTIONS, RequestContext, begin, context_of
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO, Send, run_sync
from httpx_resilient._transport.inner import LimitsT, ProxyT, sides_of
from httpx_resilient._transport.lifecycle import Lifecycle
from httpx_resilient._transport.linking import async_io_of, is_linked, sync_io_of
from httpx_resilient._transport.options import MissingLayers
from httpx_resilient._transport.settling import observed

InnerT = TypeVar("InnerT")


class ResilientTransport(
    Lifecycle, ABC, Generic[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
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
    _option: ClassVar[str | None] = None
    """The extension of a request by which it differs from the settings of the layer."""
    _makes_context: ClassVar[bool] = False
    """Whether the flow makes the context of a request that comes without one."""
    _is_wire: ClassVar[bool] = False
    """Whether it stands for a wire: the layers around treat it as one."""

    def __init__(
        self, inner: InnerT | None, on_event: Listener | None, http: dict[str, Any]
    ) -> None:
        self._emit = emit = EventEmitter(on_event, http.pop("redact", None))
        self._async_side, self._sync_side = sides_of(type(self), inner, http, emit)
        self._io: IO[RequestT, ResponseT] | None = None
        """The `io` of asynchronous clients, built with the first request."""
        self._plain_io: IO[RequestT, ResponseT] | None = None
        """The same, if the flow needs no context, or makes it by itself."""
        self._sync_io: IO[RequestT, ResponseT] | None = None
        self._is_observed = emit.wants_calls
        """Whether a call of this layer is more than its flow."""
        self._awaits_listeners = False
        self._is_lone = False
        """Whether no layer is inside of the inner transport."""
        self._missing = MissingLayers()

    @abstractmethod
    async def _handle(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        """Run this layer's flow."""

    if TYPE_CHECKING:  # as a library declares it, and a subclass overrides it

        async def handle_async_request(self, request: RequestT) -> ResponseT:
            """Handle a request of an asynchronous client."""
            return await self._handle_in_context(request)
    else:
        # The flow's coroutine is returned as it is: one frame less to await.
        def handle_async_request(self, request: RequestT) -> Awaitable[ResponseT]:
            """Handle a request of an asynchronous client."""
            # A client gives a request its timeouts. What else it may have, an option or
            # a context, is looked at there.
            extensions = request.extensions
            io = self._plain_io
            if io is None or len(extensions) != 1 or "timeout" not in extensions:
                return self._handle_in_context(request)
            return self._handle(request, io)

    def _handle_in_context(self, request: RequestT) -> Coroutine[Any, Any, ResponseT]:
        """Handle the first request, or each request that has a context or needs one."""
        io, extensions = self._linked_io(asynchronous=True), request.extensions
        if len(extensions) == 1 and "timeout" in extensions:
            context = begin(request, io)  # as a client makes it: there is none around
        else:
            context = self._enter(request, io)
        handled: Coroutine[Any, Any, ResponseT] = self._handle(request, io, context)
        if self._is_observed or context.parent is not None:
            awaits, emit = self._awaits_listeners, self._emit
            handled = observed(handled, context, io, emit, self._family, awaits=awaits)
        return handled

    def handle_request(self, request: RequestT) -> ResponseT:
        """Handle a request of a synchronous client."""
        io = self._linked_io(asynchronous=False)
        context = self._enter(request, io)
        handled: Coroutine[Any, Any, ResponseT] = self._handle(request, io, context)
        if self._is_observed or context.parent is not None:
            emit, family = self._emit, self._family
            handled = observed(handled, context, io, emit, family, awaits=False)
        return run_sync(handled)

    def _enter(self, request: RequestT, io: IO[RequestT, ResponseT]) -> RequestContext:
        """Make the context of a request, or fork that of the layers around."""
        outer = context_of(request)
        if outer is not None:
            return outer.fork(request)
        context = begin(request, io)
        if not OPTIONS.isdisjoint(request.extensions):
            context.has_options = True
            self._missing.warn(request, self)
        return context

    def _linked_io(self, *, asynchronous: bool) -> IO[RequestT, ResponseT]:
        """Return the `io` of this layer's flow, which is built on first use."""
        if asynchronous:
            io = self._io
            if io is None:
                self._join()
                made, is_lone = async_io_of(self._tail._async_side)  # noqa: SLF001 - a layer, too
                self._io = io = self._reporting(made)
                self._is_lone = is_lone
                self._awaits_listeners = self._has_listener()
                self._share_deferred(self._emit.deferred)
                self._is_observed = self._is_observed or self._awaits_listeners
                if not self._is_observed and (is_lone or self._makes_context):
                    self._plain_io = io
            return io
        sync_io = self._sync_io
        if sync_io is None:
            self._join()
            self._refuse_asynchronous()
            made = sync_io_of(self._tail._sync_side)  # noqa: SLF001 - a layer, too
            self._sync_io = sync_io = self._reporting(made)
        return sync_io

    def _link(self, *, asynchronous: bool) -> Send:
        """Return the function by which a layer around calls the flow of this one."""
        io = self._linked_io(asynchronous=asynchronous)

        def send(request: Any, context: RequestContext | None = None) -> Awaitable[Any]:
            return self._handle(request, io, context)

        return send

    def _join(self) -> None:
        """Prepare the flow, before the first request."""

    @property
    def _tail(self) -> ResilientTransport[Any, Any, Any, Any, Any]:
        """The layer whose inner transport the flow of this one sends with."""
        return self

    def _reporting(self, io: IO[RequestT, ResponseT]) -> IO[RequestT, ResponseT]:
        """Return the `io` of a flow with a listener, which may emit events."""
        return io

    def _refuse_asynchronous(self) -> None:
        """
        Refuse what cannot serve a synchronous client.

        Raises:
            TypeError: The listener is asynchronous.
        """
        self._emit.refuse_asynchronous()

    def _share_deferred(self, deferred: deque[Awaitable[object]]) -> None:
        """Let the outermost layer await what listeners return after a request."""
        self._emit.deferred = deferred
        inner: Any = self._async_side.made
        if is_linked(inner, asynchronous=True):
            inner._share_deferred(deferred)  # noqa: SLF001 - a layer, too

    def _has_listener(self) -> bool:
        """Whether there is a listener. Any may return what has to be awaited."""
        inner: Any = self._async_side.made
        return self._emit.listener is not None or (
            is_linked(inner, asynchronous=True) and inner._has_listener()  # noqa: SLF001 - a layer, too
        )
