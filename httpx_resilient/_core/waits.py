"""The part of a context that tells the time of this side from that of the server."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

Unsent = Literal["queue", "connection"]
"""What a request waits for that was not sent: a place on this side, or connecting."""


class Waits:
    """When a request waited in queues of this side, and whether it was sent."""

    # The defaults cost a request nothing that never waits.
    __slots__ = ("__dict__",)

    parent: Any
    waits: Sequence[tuple[float, float]] = ()
    """When each wait in a queue began and ended, in monotonic seconds."""
    queued_since: float = math.inf
    """When the wait began that is not over; infinite if there is none."""
    unsent: Unsent | None = None
    """What the attempt was last seen in, if that proves that it was not sent yet."""
    refused: bool = False
    """Whether a layer of this side has not admitted the attempt."""

    @property
    def is_held_here(self) -> bool:
        """Whether no server is waited for: a layer, or a queue, holds the attempt."""
        return self.refused or self.unsent == "queue"

    def is_where(self, other: Waits) -> None:
        """Record that the attempt was last seen where another context has seen it."""
        if other.unsent is not self.unsent:  # most requests have the default
            self.unsent = other.unsent

    def elapsed_since(self, moment: float, now: float) -> float:
        """
        Return the seconds since a moment, without those in queues of this side.

        Only this time says how fast the server is.

        Args:
            moment: When to begin, in monotonic seconds.
            now: Monotonic seconds.
        """
        waited, latest = 0.0, moment
        # Hedges may wait at the same time.
        for began, ended in sorted([*self.waits, (self.queued_since, now)]):
            waited += max(ended - max(began, latest), 0.0)
            latest = max(latest, ended)
        return now - moment - waited

    def waits_in_queue(self, since: float) -> None:
        """Record when a wait began, here and in the contexts around."""
        context: Waits | None = self
        while context is not None:
            context.queued_since = since
            context = context.parent

    def has_waited(self, since: float, now: float) -> None:
        """Record when a wait began and ended, here and in the contexts around."""
        context: Waits | None = self
        while context is not None:
            context.queued_since = math.inf
            context.waits = [*context.waits, (since, now)]
            context = context.parent
