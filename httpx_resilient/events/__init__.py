"""
What happens in the layers: one class for each thing, for `on_event=` of any of them.

    def listen(event: Event) -> None:
        match event:
            case RetryScheduled(attempt=1, wait=wait):
                print(f"{event.url}: {event.reason}, again in {wait:.1f} s")

    transport = RetryingTransport(on_event=listen)

They are the same for httpx and httpx2. In the examples `request` is one for
`GET https://api.example.com/`.
"""

from __future__ import annotations

from httpx_resilient.events._attempts import (
    AttemptEnded,
    AttemptStarted,
    BudgetRefused,
    GaveUp,
    RetryScheduled,
)
from httpx_resilient.events._base import (
    Event,
    Listener,
    RequestEvent,
)
from httpx_resilient.events._connections import (
    ConnectionOpened,
    ConnectionRetired,
    ConnectionReused,
)
from httpx_resilient.events._injected import FaultInjected
from httpx_resilient.events._queued import (
    Admitted,
    PausedByServer,
    Queued,
    RateLimited,
)
from httpx_resilient.events._refused import (
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    CircuitRefused,
    Throttled,
)
from httpx_resilient.events._rerouted import (
    DeadlineCut,
    FailedOver,
    HedgeLost,
    HedgeSent,
    HedgeWon,
    OriginDown,
    OriginUp,
)

__all__ = [
    "Admitted",
    "AttemptEnded",
    "AttemptStarted",
    "BudgetRefused",
    "CircuitClosed",
    "CircuitHalfOpened",
    "CircuitOpened",
    "CircuitRefused",
    "ConnectionOpened",
    "ConnectionRetired",
    "ConnectionReused",
    "DeadlineCut",
    "Event",
    "FailedOver",
    "FaultInjected",
    "GaveUp",
    "HedgeLost",
    "HedgeSent",
    "HedgeWon",
    "Listener",
    "OriginDown",
    "OriginUp",
    "PausedByServer",
    "Queued",
    "RateLimited",
    "RequestEvent",
    "RetryScheduled",
    "Throttled",
]
