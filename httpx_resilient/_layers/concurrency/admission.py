"""The admission of a request by a concurrency limit."""

from __future__ import annotations

import math
from collections.abc import Iterator

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Queued
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.io.admission import Admission, Wait, pool_timeout_of
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._layers.concurrency.limit import ALL
from httpx_resilient._layers.concurrency.semaphore import Gate, Ticket


class PermitAdmission(Admission):
    """
    Waits for a permit, for at most `timeout["pool"]` seconds.

    Args:
        gate: The gate that gives the permit.
        family: The library whose `PoolTimeout` is raised.
    """

    __slots__ = ("_family", "_gate", "_ticket")

    name = "concurrency"

    def __init__(
        self,
        request: RequestLike,
        gate: Gate,
        effects: Effects,
        emit: EventEmitter,
        family: Family,
    ) -> None:
        super().__init__(request, effects, emit)
        self._gate = gate
        self._family = family
        self._ticket: Ticket | None = None

    def _waits(self) -> Iterator[Wait]:
        gate, seconds = self._gate, pool_timeout_of(self._request)
        waiter = self._new_waiter()
        self._ticket = ticket = gate.enqueue(waiter)
        if ticket is None:
            raise self._family.pool_timeout(_queue_is_full(gate))
        self._emit(Queued, self._request, self.name, gate.state.waiting)
        yield waiter, math.inf, seconds
        if not ticket.served:
            raise self._family.pool_timeout(_took_too_long(gate, seconds))

    def _withdraw(self) -> None:
        if self._ticket is not None:
            self._gate.abandon(self._ticket)


def _queue_is_full(gate: Gate) -> str:
    state = gate.state
    return (
        f"{state.in_flight} requests{_where(gate)} are under way and {state.waiting} "
        "wait, as many as may: send fewer at a time, or raise queue= of the limit"
    )


def _took_too_long(gate: Gate, seconds: float) -> str:
    return (
        f"{gate.state.in_flight} requests{_where(gate)} were under way for "
        f"{seconds:g} s, as many as may: is every response closed? Else raise the "
        "limit, or pool= in the client's timeout"
    )


def _where(gate: Gate) -> str:
    return "" if gate.name == ALL else f" to {gate.name}"
