"""What each event adds to the instruments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from httpx_resilient._budget.events import BudgetRefused
from httpx_resilient._core.events.base import Event, RequestEvent
from httpx_resilient._core.events.faults import FaultInjected
from httpx_resilient._core.events.queueing import Admitted, Queued
from httpx_resilient._layers.circuit_breaker.events import (
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    CircuitRefused,
)
from httpx_resilient._layers.deadline.events import DeadlineCut
from httpx_resilient._layers.failover.events import FailedOver, OriginDown, OriginUp
from httpx_resilient._layers.hedging.events import HedgeLost, HedgeSent, HedgeWon
from httpx_resilient._layers.rate_limit.events import PausedByServer, RateLimited
from httpx_resilient._layers.retry.events import (
    AttemptEnded,
    AttemptStarted,
    GaveUp,
    RetryScheduled,
)
from httpx_resilient._layers.throttle.events import Throttled
from httpx_resilient._metrics import instruments as on
from httpx_resilient._metrics.instruments import Instrument
from httpx_resilient._metrics.semconv import (
    error_of,
    known_methods,
    server_from,
    server_of,
)
from httpx_resilient._pool.events import (
    ConnectionOpened,
    ConnectionRetired,
    ConnectionReused,
)

Label = str | int | None
Labels = tuple[Label, ...]
"""The values of an instrument's labels, in their order. `None` is for one left out."""

Reading = tuple[Instrument, float, Labels]

_METHODS = known_methods()

_CLASS = re.compile(r"(\d{3}|[A-Z]\w*)(?:,|:|$)")


class _OfOrigin(Protocol):
    @property
    def origin(self) -> str: ...


def readings(event: Event) -> Iterable[Reading]:
    """Tell what an event adds."""
    read = _READERS.get(type(event))
    return () if read is None else read(event)


def class_of(reason: str) -> str:
    """
    The status or the class of an exception that a reason begins with.

    A reason is free text, and a label must not have as many values as there are texts.
    """
    found = _CLASS.match(reason)
    return "_OTHER" if found is None else found[1]


def _method(event: RequestEvent) -> str:
    method = event.method
    return method if method in _METHODS else "_OTHER"


def _server(event: RequestEvent) -> Labels:
    return server_of(event.request.url)


def _started(event: AttemptStarted) -> Iterator[Reading]:
    which = "first" if event.attempt == 1 else "again"
    yield on.ATTEMPTS, 1, (*_server(event), _method(event), which)


def _ended(event: AttemptEnded) -> Iterator[Reading]:
    outcome = event.outcome
    status = outcome if isinstance(outcome, int) else None
    labels = (*_server(event), _method(event), status, error_of(outcome))
    yield on.ATTEMPT_DURATION, event.duration, labels


def _scheduled(event: RetryScheduled) -> Iterator[Reading]:
    labels = (*_server(event), _method(event), class_of(event.reason))
    yield on.RETRIES, 1, labels
    yield on.RETRY_WAIT, event.wait, labels


def _gave_up(event: GaveUp) -> Iterator[Reading]:
    outcome = event.attempts[-1].outcome
    error = str(outcome) if isinstance(outcome, int) else error_of(outcome)
    yield on.GAVE_UP, 1, (*_server(event), _method(event), error)


def _admitted(event: Admitted) -> Iterator[Reading]:
    yield on.LIMIT_WAIT, event.waited, (*_server(event), event.limit)


def _rate_limited(event: RateLimited) -> Iterator[Reading]:
    if event.refused:
        yield on.LIMIT_REFUSALS, 1, (*_server(event), "rate")


def _opened(event: CircuitOpened) -> Iterator[Reading]:
    server = server_from(event.origin)
    yield on.CIRCUIT_OPENED, 1, server
    yield on.CIRCUIT_STATE, 2, server


def _one_of_request(
    instrument: Instrument, *labels: Callable[[Any], Label]
) -> Callable[[Any], Iterable[Reading]]:
    def read(event: RequestEvent) -> tuple[Reading]:
        told = (label(event) for label in labels)
        return ((instrument, 1, (*_server(event), *told)),)

    return read


def _of_origin(
    instrument: Instrument, value: float = 1
) -> Callable[[Any], Iterable[Reading]]:
    def read(event: _OfOrigin) -> tuple[Reading]:
        return ((instrument, value, server_from(event.origin)),)

    return read


def _failed_over(event: FailedOver) -> Iterator[Reading]:
    yield on.FAILOVERS, 1, (*server_from(event.source), class_of(event.reason))


_READERS: dict[type[Event], Callable[[Any], Iterable[Reading]]] = {
    AttemptStarted: _started,
    AttemptEnded: _ended,
    RetryScheduled: _scheduled,
    GaveUp: _gave_up,
    BudgetRefused: _one_of_request(on.BUDGET_REFUSALS),
    CircuitOpened: _opened,
    CircuitHalfOpened: _of_origin(on.CIRCUIT_STATE, 1),
    CircuitClosed: _of_origin(on.CIRCUIT_STATE, 0),
    CircuitRefused: _one_of_request(on.CIRCUIT_REFUSALS),
    Throttled: _one_of_request(on.THROTTLE_REFUSALS),
    Queued: _one_of_request(on.LIMIT_QUEUED, lambda event: event.limit),
    Admitted: _admitted,
    RateLimited: _rate_limited,
    PausedByServer: _one_of_request(on.SERVER_PAUSES),
    HedgeSent: _one_of_request(on.HEDGE_SENT),
    HedgeWon: _one_of_request(on.HEDGE_WON),
    HedgeLost: _one_of_request(on.HEDGE_LOST),
    FailedOver: _failed_over,
    OriginDown: _of_origin(on.ORIGIN_UP, 0),
    OriginUp: _of_origin(on.ORIGIN_UP, 1),
    DeadlineCut: _one_of_request(
        on.DEADLINE_CUTS, lambda event: event.awaited.removeprefix("its ")
    ),
    ConnectionOpened: _one_of_request(on.POOL_OPENED),
    ConnectionReused: _one_of_request(on.POOL_REUSED),
    ConnectionRetired: _of_origin(on.POOL_RETIRED),
    FaultInjected: _one_of_request(on.FAULTS, lambda event: class_of(event.fault)),
}
