"""The pool's flow: a fair gate in front of connections that are the family's own."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, Self

from httpx_resilient._core.attempts import after_queue
from httpx_resilient._core.body.tracked import After, ObservedStream
from httpx_resilient._core.classify import of_one_stream
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Admitted, Queued
from httpx_resilient._core.family import Family
from httpx_resilient._core.io.async_io import AsyncEffects
from httpx_resilient._core.io.protocol import Effects, run_sync
from httpx_resilient._core.io.sync_io import SyncEffects
from httpx_resilient._core.methods import IDEMPOTENT_METHODS
from httpx_resilient._core.origin import OriginKey, origin_key, origin_name
from httpx_resilient._core.request_copy import copy_request
from httpx_resilient._pool.connections import Connections
from httpx_resilient._pool.events import (
    ConnectionOpened,
    ConnectionRetired,
    ConnectionReused,
)
from httpx_resilient._pool.negotiation import Asking
from httpx_resilient._pool.proxies import Routes
from httpx_resilient._pool.slots import Slot, Ticket
from httpx_resilient._pool.state import Pool


class Pooled:
    """
    The transport of one side, whose connections are transports of the family.

    Each of them has one connection. So whatever the family's transport does is done,
    and what mocks or watches it works; here it is only decided who gets which.
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
        limits = options.get("limits", family.limits)
        self._family = family
        self.connections = Connections(
            family, options, routes, asynchronous=asynchronous
        )
        self._http1 = options.get("http1", True)
        # Threads must not share a connection of HTTP/2: httpcore's is not made for it.
        self._http2 = options.get("http2", False) and asynchronous
        self._held = family.stream_class(ObservedStream)
        self._lock = Lock()
        self._lost: list[Slot] = []
        self._untold: deque[OriginKey] = deque()
        self._async_effects = AsyncEffects()
        self.pool = Pool(
            _unless_none(limits.max_connections),
            _unless_none(limits.max_keepalive_connections),
            _unless_none(limits.keepalive_expiry),
            self._is_multiplexed,
        )

    def handle_request(self, request: Any) -> Any:
        return run_sync(self._handle(request, SyncEffects()))

    # As in the layers, the flow's coroutine is handed out as it is.
    def handle_async_request(self, request: Any) -> Coroutine[Any, Any, Any]:
        return self._handle(request, self._async_effects)

    async def _handle(self, request: Any, effects: Effects) -> Any:
        slot, waited = self._place(request, effects), 0.0
        if isinstance(slot, Ticket):
            asked = effects.now()
            slot = await self._turn(slot, request, effects)
            waited = effects.now() - asked
        while True:
            was_open = slot.connection is not None
            answered = again = well = False
            try:
                if self.pool.closing:
                    await self.close_retired(effects)
                transport, sent = self._ready(slot, request)
                sending = effects.through(transport, sent)
                response = await (
                    after_queue(sending, waited, effects.now) if waited else sending
                )
                if self._note(slot, response):
                    self._emit(ConnectionOpened, request)
                elif self._emit.listener is not None:
                    self._emit(ConnectionReused, request)
                response.stream = self._held(response.stream, slot, self)
            except Exception as error:
                # Once, because the next one is not open yet.
                again = (
                    was_open
                    and self._may_replay(request, error)
                    and self._renewed(slot)
                )
                if not again:
                    well = of_one_stream(error)
                    raise
            else:
                answered = True
                return response
            finally:
                if not (answered or again):
                    self._end(slot, effects.now(), well=well)
                    await self.close_retired(effects)

    def _place(self, request: Any, effects: Effects) -> Slot | Ticket:
        """Take a place, or a ticket to wait for one."""
        key, now = origin_key(request.url), effects.now()
        with self._lock:
            if self._lost:
                self._end_lost(now)
            origin = self.pool.origin(key)
            slot = self.pool.take(origin, now)
            if slot is not None:
                return slot
            ticket = self.pool.enqueue(origin, effects.waiter())
        if self._lost:
            self._look_for_lost()
        return ticket

    async def _turn(self, ticket: Ticket, request: Any, effects: Effects) -> Slot:
        seconds = request.extensions.get("timeout", {}).get("pool")
        taken, queued = False, effects.now()
        try:
            self._tell_of_retired()
            self._emit(Queued, request, "pool", len(ticket.origin.waiting))
            await self._emit.settle()
            await ticket.waiter.wait(seconds)
            slot = ticket.slot
            if slot is None:
                msg = (
                    f"all {len(self.pool.slots)} connections were in use for "
                    f"{seconds:g} s: is every response closed? Else raise "
                    "max_connections in limits=, or pool= in the client's timeout"
                )
                raise self._family.pool_timeout(msg)
            self._emit(Admitted, request, "pool", effects.now() - queued)
            taken = True
            return slot
        finally:
            ticket.waiter.close()
            if not taken:
                with self._lock:
                    self.pool.abandon(ticket, effects.now())
                if self.pool.closing:
                    await self.close_retired(effects)

    def _ready(self, slot: Slot, request: Any) -> tuple[Any, Any]:
        """Return the transport of a place, made if need be, and what it is to send."""
        if slot.transport is None:
            with self._lock:
                slot.transport = slot.transport or self.connections.to(request.url)
        if slot.origin.leader is not slot:
            return slot.transport, request
        direct = self.connections.proxy_for(request.url) is None
        asking = Asking(self, slot, request, direct=direct)
        return slot.transport, copy_request(request, trace=asking)

    def _note(self, slot: Slot, response: Any) -> bool:
        """
        Note what a response tells of its connection. One of a mock tells nothing.

        Says whether it is a new one.
        """
        extensions = response.extensions
        connection = extensions.get("network_stream")
        is_new = connection is not slot.connection
        if is_new or connection is None or slot.room > 1:
            with self._lock:
                self.pool.connected(slot, connection)
        if self._http2:
            multiplexed = extensions.get("http_version") == b"HTTP/2"
            self.learned(slot, multiplexed=multiplexed)
        return is_new

    def learned(self, slot: Slot, *, multiplexed: bool) -> None:
        """Let those in who wait for word whether a connection takes several."""
        origin = slot.origin
        if origin.leader is slot or origin.multiplexed is not multiplexed:
            with self._lock:
                self.pool.learn(slot, multiplexed=multiplexed)

    def _may_replay(self, request: Any, error: Exception) -> bool:
        """Whether this tells of a connection that was closed while it was idle."""
        family = self._family
        return (
            isinstance(error, family.disconnected)
            and request.method in IDEMPOTENT_METHODS
            and type(request.stream) is family.plain_body
            and not of_one_stream(error)
        )

    def _renewed(self, slot: Slot) -> bool:
        with self._lock:
            renewed = self.pool.renew(slot)
        if renewed:
            self._untold.append(slot.origin.key)
            self._tell_of_retired()
        return renewed

    def _tell_of_retired(self) -> None:
        # Another thread may tell of the last one meanwhile.
        with suppress(IndexError):
            while self._untold:
                key = self._untold.popleft()
                self._emit(ConnectionRetired, origin_name(key))

    def _end(self, slot: Slot, now: float, *, well: bool) -> None:
        with self._lock:
            if not well:
                self._retire(slot)
            self.pool.give(slot, now)
            self._end_lost(now)
        self._tell_of_retired()

    def _end_lost(self, now: float) -> None:
        while self._lost:
            slot = self._lost.pop()
            self._retire(slot)
            self.pool.give(slot, now)

    def _retire(self, slot: Slot) -> None:
        # Told of later: not with the lock in hand, and not from a finalizer.
        if self.pool.retire(slot):
            self._untold.append(slot.origin.key)

    def on_closed(self, held: Slot, error: BaseException | None) -> After | None:
        """Hear that a response was closed."""
        self._end(held, Clock.now(), well=error is None or _is_harmless(error))
        return self.close_retired if self.pool.closing else None

    def on_leaked(self, held: Slot) -> None:
        """Hear of a response that was never closed. In any thread, at any moment."""
        self._lost.append(held)
        self._look_for_lost()

    def _look_for_lost(self) -> None:
        # Whoever holds the lock may be the one in whose midst this was collected; it
        # looks for what was lost when it is done.
        if self._lock.acquire(blocking=False):
            try:
                self._end_lost(Clock.now())
            finally:
                self._lock.release()

    async def close_retired(self, effects: Effects) -> None:
        """Close the connections that nobody is to use again."""
        # One by one, because asyncio may cancel this in the midst of it.
        with suppress(IndexError):
            while True:
                await effects.close(self.pool.closing.pop())

    def _is_multiplexed(self, key: Any) -> bool | None:
        if not self._http2:
            return False
        if not self._http1:
            return True
        return None if key[0] == "https" else False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def close(self) -> None:
        run_sync(self._close_all(SyncEffects()))

    async def aclose(self) -> None:
        await self._close_all(AsyncEffects())

    async def _close_all(self, effects: Effects) -> None:
        with self._lock:
            self.pool.drain()
        await self.close_retired(effects)


def _is_harmless(error: BaseException) -> bool:
    """
    Whether the connection is well, or will be closed by whoever stops to read.

    Of a read that is cancelled twice, httpcore closes the connection and still holds
    its place.
    """
    if isinstance(error, Exception):
        return of_one_stream(error)
    return isinstance(error, GeneratorExit)


def _unless_none(limit: float | None) -> float:
    return math.inf if limit is None else limit
