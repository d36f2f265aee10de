"""The ticket of a request that waits for a connection."""

from __future__ import annotations

import math

from httpx_resilient._core.body.tracked import TrackedStream
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._pool.origins import Destination


class Ticket:
    """
    A request that waits for a slot. It has been served once its lease has one.

    Args:
        destination: The destination of the request.
        lease: The lease of the request.
        waiter: Wakes the request.
        patience: Seconds that it waits for a connection that another request opens: its
            own connect timeout.
    """

    __slots__ = (
        "destination", "error", "is_refused", "leader", "lease", "overtaken",
        "patience", "waiter",
    )  # fmt: skip

    def __init__(
        self,
        destination: Destination,
        lease: TrackedStream,
        waiter: Waiter,
        patience: float = math.inf,
    ) -> None:
        self.destination = destination
        self.lease = lease
        self.waiter = waiter
        self.patience = patience
        self.leader = destination.leader
        """The slot whose connection it began to wait for."""
        self.error: Exception | None = None
        """Why that connection was not opened."""
        self.overtaken = 0
        """How often a younger request was served first."""
        self.is_refused = False
        """Whether the pool was closed while the request waited."""

    @property
    def is_settled(self) -> bool:
        """Whether the request waits no longer."""
        return self.lease.resource is not None or self.is_refused or bool(self.error)
