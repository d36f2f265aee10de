"""
The measurements that each event adds to the instruments.

An event without a converter here, such as one of a user's own, adds none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
from httpx_resilient._layers.retry.events import (
    AttemptEnded,
    AttemptStarted,
    GaveUp,
    NotRetried,
    RetryScheduled,
)
from httpx_resilient._layers.throttle.events import Throttled
from httpx_resilient._metrics import instruments
from httpx_resilient._metrics.converters import (
    Converter,
    Measurement,
    at_origin,
    count,
    server_of,
)
from httpx_resilient._metrics.of_bodies import BODIES
from httpx_resilient._metrics.semconv import (
    error_type,
    known_methods,
    server_of_origin,
    status_or_class,
)
from httpx_resilient._pool.events import (
    ConnectionOpened,
    ConnectionRetired,
    ConnectionReused,
)

_METHODS = known_methods()


def measurements(event: Event) -> Iterable[Measurement]:
    """Return the measurements that an event adds."""
    convert = _CONVERTERS.get(type(event))
    return () if convert is None else convert(event)


def _method(event: RequestEvent) -> str:
    method = event.method
    return method if method in _METHODS else "_OTHER"


def _call_ended(event: CallEnded) -> Iterator[Measurement]:
    server, method, result = server_of(event), _method(event), event.result
    outcome = event.outcome
    status = outcome if isinstance(outcome, int) else None
    labels = (*server, method, status, error_type(outcome), result)
    yield instruments.CALLS, 1, labels
    yield instruments.CALL_DURATION, event.duration, (*server, method, result)
    yield instruments.CALL_ATTEMPTS, event.attempts, (*server, method)


def _attempt_started(event: AttemptStarted) -> Iterator[Measurement]:
    order = "first" if event.attempt == 1 else "again"
    yield instruments.ATTEMPTS, 1, (*server_of(event), _method(event), order)


def _attempt_ended(event: AttemptEnded) -> Iterator[Measurement]:
    outcome = event.outcome
    status = outcome if isinstance(outcome, int) else None
    labels = (*server_of(event), _method(event), status, error_type(outcome))
    yield instruments.ATTEMPT_DURATION, event.duration, labels


def _retry_scheduled(event: RetryScheduled) -> Iterator[Measurement]:
    labels = (*server_of(event), _method(event), status_or_class(event.reason))
    yield instruments.RETRIES, 1, labels
    yield instruments.RETRY_WAIT, event.wait, labels


def _nothing(event: NotRetried) -> Iterator[Measurement]:  # noqa: ARG001 - a converter
    """Measure nothing: the duration of the attempt has its error already."""
    return iter(())


def _gave_up(event: GaveUp) -> Iterator[Measurement]:
    outcome = event.attempts[-1].outcome
    # A strategy may retry a status below 400, which `error_type` does not report.
    error = str(outcome) if isinstance(outcome, int) else error_type(outcome)
    yield instruments.GAVE_UP, 1, (*server_of(event), _method(event), error)


def _admitted(event: Admitted) -> Iterator[Measurement]:
    yield instruments.LIMIT_WAIT, event.waited, (*server_of(event), event.limit)


def _rate_limited(event: RateLimited) -> Iterator[Measurement]:
    if event.refused:
        yield instruments.LIMIT_REFUSALS, 1, (*server_of(event), "rate")


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


_fault = count(instruments.FAULTS, lambda event: status_or_class(event.fault))

_CONVERTERS: dict[type[Event], Converter] = {
    CallEnded: _call_ended,
    AttemptStarted: _attempt_started,
    AttemptEnded: _attempt_ended,
    RetryScheduled: _retry_scheduled,
    GaveUp: _gave_up,
    NotRetried: _nothing,
    BudgetRefused: count(instruments.BUDGET_REFUSALS),
    CircuitCreated: at_origin(instruments.CIRCUIT_STATE, 0),
    CircuitOpened: _circuit_opened,
    CircuitHalfOpened: at_origin(instruments.CIRCUIT_STATE, 1),
    CircuitClosed: at_origin(instruments.CIRCUIT_STATE, 0),
    CircuitRefused: count(instruments.CIRCUIT_REFUSALS),
    Throttled: count(instruments.THROTTLE_REFUSALS),
    Queued: count(instruments.LIMIT_QUEUED, lambda event: event.limit),
    Admitted: _admitted,
    RateLimited: _rate_limited,
    PausedByServer: count(instruments.SERVER_PAUSES),
    HedgeSent: count(instruments.HEDGE_SENT),
    HedgeWon: count(instruments.HEDGE_WON),
    HedgeLost: count(instruments.HEDGE_LOST),
    FailedOver: _failed_over,
    CredentialsFailed: _nothing,
    CredentialsRefreshed: _nothing,
    CredentialsRenewed: _nothing,
    CredentialsWithheld: _nothing,
    OriginDown: at_origin(instruments.ORIGIN_UP, 0),
    OriginUp: at_origin(instruments.ORIGIN_UP, 1),
    DeadlineCut: count(instruments.DEADLINE_CUTS, lambda event: event.awaited),
    ConnectionOpened: count(instruments.POOL_OPENED),
    ConnectionReused: count(instruments.POOL_REUSED),
    ConnectionRetired: at_origin(instruments.POOL_RETIRED),
    **BODIES,
    FaultInjected: _fault,
    LatencyInjected: _fault,
}
