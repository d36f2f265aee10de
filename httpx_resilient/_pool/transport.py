"""The flow of the pool: fair leases of connections, which are the family's own."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Mapping
from typing import Any, Self

from httpx_resilient._core.body.tracked import TrackedStream, track
from httpx_resilient._core.classify import of_one_stream
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.io.admission import admit
from httpx_resilient._core.io.loading import async_effects
from httpx_resilient._core.io.protocol import Effects, Send, run_sync
from httpx_resilient._core.io.sync_io import SyncEffects
from httpx_resilient._core.methods import IDEMPOTENT_METHODS
from httpx_resilient._pool.admission import PoolAdmission
from httpx_resilient._pool.connections import Connections
from httpx_resilient._pool.events import ConnectionOpened, ConnectionReused
from httpx_resilient._pool.leases import Leases
from httpx_resilient._pool.negotiation import known_multiplexing, probed
from httpx_resilient._pool.proxies import Routes
from httpx_resilient._pool.slots import Slot, Ticket
from httpx_resilient._pool.state import Pool


class PooledTransport:
    """
    The innermost part of one side, asynchronous or synchronous: a layer links to it.

    Each connection is a transport of the family, limited to one connection. So all
    features of that transport work, and so do its mocks and its instrumentation. The
    pool only chooses the connection.

    Args:
        family: The HTTP library.
        options: The options of its transport.
        routes: The proxies of the environment.
        emit: The emitter of the pool's events.
        asynchronous: The side.
    """

    def __init__(
        self,
        family: Family,
        options: Mapping[str, Any],
        routes: Routes,
        emit: EventEmitter,
        *,
        asynchronous: bool,
    ) -> None:
        self._emit = emit
        self._family = family
        self.connections = Connections(
            family, options, routes, asynchronous=asynchronous
        )
        # Threads cannot share a connection: httpcore's HTTP/2 is not thread-safe.
        self._http2 = options.get("http2", False) and asynchronous
        self._stream_class = family.stream_class(TrackedStream)
        self._async_effects: Any = async_effects() if asynchronous else None
        limits = options.get("limits", family.limits)
        self.pool = Pool(
            _or_infinite(limits.max_connections),
            _or_infinite(limits.max_keepalive_connections),
            _or_infinite(limits.keepalive_expiry),
            known_multiplexing(http1=options.get("http1", True), http2=self._http2),
        )
        self.leases = Leases(self.pool, emit)

    def _link(self, *, asynchronous: bool) -> Send:
        """Return the function by which a layer around calls the flow of the pool."""
        effects = self._async_effects if asynchronous else SyncEffects()

        def send(request: Any, context: RequestContext | None = None) -> Awaitable[Any]:
            context = context or begin(request, effects)
            return self._handle(request, effects, context)

        return send

    def _share_deferred(self, deferred: deque[Awaitable[object]]) -> None:
        """Let the outermost layer await what listeners return after a request."""
        self._emit.deferred = deferred

    def _has_asynchronous_listener(self) -> bool:
        return self._emit.asynchronous

    async def _handle(
        self, request: Any, effects: Effects, context: RequestContext
    ) -> Any:
        leases = self.leases
        slot = leases.acquire(context.origin, effects)
        if isinstance(slot, Ticket):
            timeout = self._family.pool_timeout
            slot = await admit(
                PoolAdmission(context, slot, leases, self._emit, timeout), effects
            )
        while True:
            was_open = slot.connection is not None
            is_leased = reusable = False
            try:
                if self.pool.closing:
                    await leases.close_retired(effects)
                transport, sent = self._prepare(slot, request)
                response = await effects.through(transport, sent, context)
                if self._observe(slot, response):
                    self._emit(context, ConnectionOpened, request)
                elif self._emit.listener is not None:
                    self._emit(context, ConnectionReused, request)
                track(response, self._stream_class, leases, slot, observed=True)
            except Exception as error:
                # One replay at most: its connection is new, so `was_open` is false.
                is_leased = (
                    was_open
                    and self._is_replayable(request, error)
                    and leases.renew(slot)
                )
                if not is_leased:
                    reusable = of_one_stream(error)
                    raise
            else:
                is_leased = True
                return response
            finally:
                if not is_leased:
                    leases.release(slot, effects.now(), reusable=reusable)
                    await leases.close_retired(effects)

    def _prepare(self, slot: Slot, request: Any) -> tuple[Any, Any]:
        """Return the slot's transport, made if need be, and the request to send."""
        if slot.transport is None:
            with self.leases.lock:
                slot.transport = slot.transport or self.connections.to(request.url)
        if slot.origin.leader is not slot:
            return slot.transport, request
        direct = self.connections.proxy_for(request.url) is None
        return slot.transport, probed(request, self.leases, slot, direct=direct)

    def _observe(self, slot: Slot, response: Any) -> bool:
        """
        Observe the connection of a response. The response of a mock has no connection.

        Returns:
            Whether the connection is new.
        """
        extensions = response.extensions
        connection = extensions.get("network_stream")
        is_new = connection is not slot.connection
        if is_new or connection is None or slot.capacity > 1:
            self.leases.connected(slot, connection)
        if self._http2:
            multiplexed = extensions.get("http_version") == b"HTTP/2"
            self.leases.negotiated(slot, multiplexed=multiplexed)
        return is_new

    def _is_replayable(self, request: Any, error: Exception) -> bool:
        """Whether an idle connection was closed, and the request may be sent again."""
        family = self._family
        return (
            isinstance(error, family.disconnected)
            and request.method in IDEMPOTENT_METHODS
            and type(request.stream) is family.plain_body
            and not of_one_stream(error)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def close(self) -> None:
        run_sync(self.leases.close_all(SyncEffects()))

    async def aclose(self) -> None:
        await self.leases.close_all(self._async_effects)


def _or_infinite(limit: float | None) -> float:
    return math.inf if limit is None else limit
