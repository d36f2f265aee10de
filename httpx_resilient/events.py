"""
The events of the layers: `on_event=` of any layer is called with each.

    def listen(event: Event) -> None:
        match event:
            case RetryScheduled(attempt=1, wait=wait):
                print(f"{event.url}: {event.reason}, again in {wait:.1f} s")

    transport = RetryingTransport(on_event=listen)

The classes are the same for httpx and httpx2. In their examples, `request` is a request
of `GET https://api.example.com/`.
"""

from __future__ import annotations

from httpx_resilient._budget.events import BudgetRefused
from httpx_resilient._core.events.base import Event, Listener, RequestEvent
from httpx_resilient._core.events.calls import CallEnded, with_calls
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
from httpx_resilient._layers.event_stream.events import (
    EventStreamEnded,
    EventStreamOpened,
    EventStreamReconnecting,
)
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
from httpx_resilient._pool.events import (
    ConnectionOpened,
    ConnectionRetired,
    ConnectionReused,
)
from httpx_resilient._transfers.upload.events import UploadBroke, UploadResumed

__all__ = [
    "Admitted",
    "AttemptEnded",
    "AttemptStarted",
    "BodyBroken",
    "BodyLost",
    "BodyResumed",
    "BudgetRefused",
    "CallEnded",
    "CircuitClosed",
    "CircuitCreated",
    "CircuitHalfOpened",
    "CircuitOpened",
    "CircuitRefused",
    "ConnectionOpened",
    "ConnectionRetired",
    "ConnectionReused",
    "CredentialsFailed",
    "CredentialsRefreshed",
    "CredentialsRenewed",
    "CredentialsWithheld",
    "DeadlineCut",
    "Event",
    "EventStreamEnded",
    "EventStreamOpened",
    "EventStreamReconnecting",
    "FailedOver",
    "FaultInjected",
    "GaveUp",
    "HedgeLost",
    "HedgeSent",
    "HedgeWon",
    "LatencyInjected",
    "Listener",
    "NotRetried",
    "OriginDown",
    "OriginUp",
    "PausedByServer",
    "Queued",
    "RateLimited",
    "RequestEvent",
    "RetryScheduled",
    "Throttled",
    "UploadBroke",
    "UploadResumed",
    "with_calls",
]
