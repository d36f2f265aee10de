"""
The measurements that each event adds to the instruments.

An event without a converter here, such as one of a user's own, adds none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from httpx_resilient._budget.events import BudgetRefused
from httpx_resilient._core.events.base import Event, RequestEvent
from httpx_resilient._core.events.calls import CallEnded
from httpx_resilient._core.events.faults import FaultInjected, LatencyInjected
from httpx_resilient._core.events.queueing import Admitted, Queued
from httpx_resilient._layers.circuit_breaker.events import (
    CircuitClosed,
    CircuitCreated,
    CircuitHalfOpened,
    CircuitOpened,
    CircuitRefused,
)
from httpx_resilient._layers.credentials.events import (
    CredentialsFailed,
    CredentialsRefreshed,
    CredentialsRenewed,
)
from httpx_resilient._layers.deadline.events import DeadlineCut
from httpx_resilient._layers.failover.events import (
    CredentialsWithheld,
    FailedOver,
    OriginDown,
    OriginUp,
)
from httpx_resilient._layers.hedging.events import HedgeLost, HedgeSent, HedgeWon
from httpx_resilient._layers.rate_limit.events import PausedByServer, RateLimited
from httpx_resilient._layers.resuming.events import BodyBroken, BodyLost, BodyResumed
from httpx_resilient._layers.retry.events import (
    AttemptEnded,
    AttemptStarted,
    GaveUp,
    NotRetried,
    RetryScheduled,
)
from httpx_resilient._layers.throttle.events import Throttled
from httpx_resilient._metrics import instruments
from httpx_resilient._metrics.instruments import Instrument
from httpx_resilient._metrics.of_event_streams import EVENT_STREAMS
from httpx_resilient._metrics.semconv import (
    error_type,
    known_methods,
    server_of_origin,
    server_of_url,
    status_or_class,
)
from httpx_resilient._pool.events import (
    ConnectionOpened,
    ConnectionRetired,
    ConnectionReused,
)

Label = str | int | None
Labels = tuple[Label, ...]
"""Values of an instrument's labels, in its order. `None` leaves a label out."""

Measurement = tuple[Instrument, float, Labels]
Converter = Callable[[Any], Iterable[Measurement]]

_METHODS = known_methods()


class _OriginEvent(Protocol):
    @property
    def origin(self) -> str: ...


def measurements(event: Event) -> Iterable[Measurement]:
    """Return the measurements that an event adds."""
    convert = _CONVERTERS.get(type(event))
    return () if convert is None else convert(event)


def _method(event: RequestEvent) -> str:
    method = event.method
    return method if method in _METHODS else "_OTHER"


def _server(event: RequestEvent) -> Labels:
    return server_of_url(event.request.url)


def _call_ended(event: CallEnded) -> Iterator[Measurement]:
    server, method, result = _server(event), _method(event), event.result
    outcome = event.outcome
    status = outcome if isinstance(outcome, int) else None
    labels = (*server, method, status, error_type(outcome), result)
    yield instruments.CALLS, 1, labels
    yield instruments.CALL_DURATION, event.duration, (*server, method, result)
    yield instruments.CALL_ATTEMPTS, event.attempts, (*server, method)


def _attempt_started(event: AttemptStarted) -> Iterator[Measurement]:
    order = "first" if event.attempt == 1 else "again"
    yield instruments.ATTEMPTS, 1, (*_server(event), _method(event), order)


def _attempt_ended(event: AttemptEnded) -> Iterator[Measurement]:
    outcome = event.outcome
    status = outcome if isinstance(outcome, int) else None
    labels = (*_server(event), _method(event), status, error_type(outcome))
    yield instruments.ATTEMPT_DURATION, event.duration, labels


def _retry_scheduled(event: RetryScheduled) -> Iterator[Measurement]:
    labels = (*_server(event), _method(event), status_or_class(event.reason))
    yield instruments.RETRIES, 1, labels
    yield instruments.RETRY_WAIT, event.wait, labels


def _nothing(event: NotRetried) -> Iterator[Measurement]:  # noqa: ARG001 - a converter
    """Measure nothing: the duration of the attempt has its error already."""
    return iter(())


def _gave_up(event: GaveUp) -> Iterator[Measurement]:
    outcome = event.attempts[-1].outcome
    # A strategy may retry a status below 400, which `error_type` does not report.
    error = str(outcome) if isinstance(outcome, int) else error_type(outcome)
    yield instruments.GAVE_UP, 1, (*_server(event), _method(event), error)


def _admitted(event: Admitted) -> Iterator[Measurement]:
    yield instruments.LIMIT_WAIT, event.waited, (*_server(event), event.limit)


def _rate_limited(event: RateLimited) -> Iterator[Measurement]:
    if event.refused:
        yield instruments.LIMIT_REFUSALS, 1, (*_server(event), "rate")


def _circuit_opened(event: CircuitOpened) -> Iterator[Measurement]:
    if event.by_hand and event.key is not None:
        return  # its origin may be unknown
    server = server_of_origin(event.origin)
    if not event.by_hand:
        yield instruments.CIRCUIT_OPENED, 1, server
    if event.key is None:
        yield instruments.CIRCUIT_STATE, 2, server


def _failed_over(event: FailedOver) -> Iterator[Measurement]:
    labels = (*server_of_origin(event.source), status_or_class(event.reason))
    yield instruments.FAILOVERS, 1, labels


def _count(instrument: Instrument, *labels: Callable[[Any], Label]) -> Converter:
    """Convert an event of a request: count it by server, and by further labels."""

    def convert(event: RequestEvent) -> tuple[Measurement]:
        further = (label(event) for label in labels)
        return ((instrument, 1, (*_server(event), *further)),)

    return convert


def _at_origin(instrument: Instrument, value: float = 1) -> Converter:
    """
    Convert an event of an origin: record a constant value by server.

    An event of another key says nothing about the server as a whole.
    """

    def convert(event: _OriginEvent) -> tuple[Measurement, ...]:
        if getattr(event, "key", None) is not None:
            return ()
        return ((instrument, value, server_of_origin(event.origin)),)

    return convert


_fault = _count(instruments.FAULTS, lambda event: status_or_class(event.fault))

_CONVERTERS: dict[type[Event], Converter] = {
    CallEnded: _call_ended,
    AttemptStarted: _attempt_started,
    AttemptEnded: _attempt_ended,
    RetryScheduled: _retry_scheduled,
    GaveUp: _gave_up,
    NotRetried: _nothing,
    BodyBroken: _count(instruments.BODY_BREAKS),
    BodyLost: _count(instruments.BODY_LOST),
    BodyResumed: _count(instruments.BODY_RESUMED),
    BudgetRefused: _count(instruments.BUDGET_REFUSALS),
    CircuitCreated: _at_origin(instruments.CIRCUIT_STATE, 0),
    CircuitOpened: _circuit_opened,
    CircuitHalfOpened: _at_origin(instruments.CIRCUIT_STATE, 1),
    CircuitClosed: _at_origin(instruments.CIRCUIT_STATE, 0),
    CircuitRefused: _count(instruments.CIRCUIT_REFUSALS),
    Throttled: _count(instruments.THROTTLE_REFUSALS),
    Queued: _count(instruments.LIMIT_QUEUED, lambda event: event.limit),
    Admitted: _admitted,
    RateLimited: _rate_limited,
    PausedByServer: _count(instruments.SERVER_PAUSES),
    HedgeSent: _count(instruments.HEDGE_SENT),
    HedgeWon: _count(instruments.HEDGE_WON),
    HedgeLost: _count(instruments.HEDGE_LOST),
    FailedOver: _failed_over,
    CredentialsFailed: _nothing,
    CredentialsRefreshed: _nothing,
    CredentialsRenewed: _nothing,
    CredentialsWithheld: _nothing,
    OriginDown: _at_origin(instruments.ORIGIN_UP, 0),
    OriginUp: _at_origin(instruments.ORIGIN_UP, 1),
    DeadlineCut: _count(instruments.DEADLINE_CUTS, lambda event: event.awaited),
    ConnectionOpened: _count(instruments.POOL_OPENED),
    ConnectionReused: _count(instruments.POOL_REUSED),
    ConnectionRetired: _at_origin(instruments.POOL_RETIRED),
    **EVENT_STREAMS,
    FaultInjected: _fault,
    LatencyInjected: _fault,
}
