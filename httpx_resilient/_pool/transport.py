"""The flow of the pool: fair leases of connections."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any, Self

from httpx_resilient._core.classify import SWITCHING_PROTOCOLS
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.io.admission import admit
from httpx_resilient._core.io.loading import async_effects
from httpx_resilient._core.io.loops import running_loop
from httpx_resilient._core.io.protocol import Effects, Send, run_sync
from httpx_resilient._core.io.sync_io import SyncEffects
from httpx_resilient._core.origin import OriginKey
from httpx_resilient._pool.admission import CLOSED, PoolAdmission
from httpx_resilient._pool.connections import Connections
from httpx_resilient._pool.events import ConnectionOpened, ConnectionReused
from httpx_resilient._pool.lease import Lease
from httpx_resilient._pool.leases import Leases, leaves_connection_usable
from httpx_resilient._pool.limits import pool_limits
from httpx_resilient._pool.negotiation import known_multiplexing
from httpx_resilient._pool.outcome import Outcomes
from httpx_resilient._pool.preparation import Preparation
from httpx_resilient._pool.proxies import Routes
from httpx_resilient._pool.reaper import IdleOwner, Reaper, ThreadReaper
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.sockets import is_open
from httpx_resilient._pool.state import Pool
from httpx_resilient._pool.wired import send_wired
from httpx_resilient._wire.wiring import Wiring


class PooledTransport:
    """
    The innermost part of one side, asynchronous or synchronous: a layer links to it.

    A connection is one of our own, or a transport of the family that is limited to one
    connection. So all features of that transport work, and so do its mocks and its
    instrumentation. The pool only chooses the connection.

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
        self._asynchronous = asynchronous
        self.connections = Connections(
            family, options, routes, asynchronous=asynchronous
        )
        # Threads cannot share a connection: httpcore's HTTP/2 is not thread-safe.
        self._learns_http2 = http2 = options.get("http2", False) and asynchronous
        self._lease_class = family.stream_class(Lease)
        self._async_effects: Any = async_effects() if asynchronous else None
        limits = pool_limits(options.get("limits", family.limits), options)
        multiplexed = known_multiplexing(http1=options.get("http1", True), http2=http2)
        reaper = _loop_reaper if asynchronous else ThreadReaper
        self.leases = Leases(partial(Pool, limits, multiplexed, is_open), reaper, emit)
        self._outcomes = Outcomes(
            family, self.leases, asynchronous=asynchronous, http2=http2
        )
        self._wiring = Wiring(
            family,
            options,
            lambda url: self.connections.proxy_for(url) is None,
            self._is_http1,
            asynchronous=asynchronous,
        )
        self._send_wired = partial(send_wired, asynchronous=asynchronous)
        self._preparation = Preparation(
            family,
            self.leases,
            self.connections,
            asynchronous=asynchronous,
            http2=http2,
        )

    @property
    def pool(self) -> Pool:
        """The state. A child process has another one after a fork."""
        return self.leases.pool

    def _is_http1(self, key: OriginKey) -> bool:
        """Whether the pool has learnt that an origin speaks no HTTP/2."""
        return self._learns_http2 and self.pool.is_http1(key)

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

    def _has_listener(self) -> bool:
        return self._emit.listener is not None

    async def _handle(  # noqa: C901, PLR0912 - in one piece, since each request pays for each call
        self, request: Any, effects: Effects, context: RequestContext
    ) -> Any:
        leases, loop = self.leases, running_loop() if self._asynchronous else None
        lease = self._lease_class(leases)
        slot: Any = None
        try:
            if context.attempt != 1:
                self._refuse_after_close(context)
            is_wired = self._wiring.takes(request, context.origin)
            ticket = leases.acquire(lease, context, effects, loop, is_wired)
            if ticket is not None:
                await admit(
                    PoolAdmission(context, ticket, leases, self._emit, self._family),
                    effects,
                )
            slot = lease.resource
            if leases.pool.closing:
                await leases.close_retired(effects)
            transport, sent = self._preparation.prepare(slot, request, context)
            send = self._send_wired if is_wired else effects.through
            response = await send(transport, sent, context)
            if is_wired:
                lease.reader = transport.reader
            if self._outcomes.answered(slot, response, context.now):
                self._emit(context, ConnectionOpened, request, is_wired)
            elif self._emit.listener is not None:
                self._emit(context, ConnectionReused, request)
            slot.awaits_response = False
            if not self._asynchronous:
                lease.timeouts = context.timeouts
            if response.status_code == SWITCHING_PROTOCOLS:
                lease.is_upgraded = True
            lease.stream, response.stream = response.stream, lease
        except Exception as error:
            lease.error = error
            if slot is None:
                raise
            context.unsent = None  # a later attempt may have an open connection
            raised = self._outcomes.failed(slot, error, context, effects.now())
            if raised is error:
                raise
            raise raised from error
        except BaseException as error:  # observed only, and raised again
            lease.error = error
            raise
        finally:
            if lease.stream is None and self._give_back(lease, slot):
                await leases.close_retired(effects)
        return response

    def _give_back(self, lease: Lease, used: Slot | None) -> bool:
        """
        End the lease of a request that got no response on its slot, if it has used one.

        Returns:
            Whether there are connections to close. A coroutine that is collected must
            not await that any more.
        """
        reusable = used is None or leaves_connection_usable(lease.error)
        self.leases.release(lease, reusable=reusable, complete=True)
        lease.error = None  # its frames lead back to the lease
        is_collected = isinstance(sys.exception(), GeneratorExit)
        return bool(self.pool.closing) and not is_collected

    def _refuse_after_close(self, context: RequestContext) -> None:
        """Refuse another attempt of a request that is older than the last close."""
        if context.started <= self.pool.closed_at:
            raise self._family.transport_error(CLOSED)

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


def _loop_reaper(owner: IdleOwner) -> Reaper:
    from httpx_resilient._pool.loop_reaper import LoopReaper  # noqa: PLC0415 - loads asyncio

    return LoopReaper(owner)
