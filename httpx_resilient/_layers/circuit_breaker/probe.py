"""The visit of a request that passes a circuit."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from httpx_resilient._core.clock import Clock

if TYPE_CHECKING:
    from httpx_resilient._layers.circuit_breaker.circuits import Circuits

Call = list[float]
"""
When a request was sent, in monotonic seconds; and when its headers came, if they were
slow. Empty once the request is recorded: a listener may raise afterwards.
"""


class Probe(Call):
    """
    The call of a request that may be a probe, because the circuit was not closed.

    If it is lost, because an exception struck at the wrong moment or its response was
    never closed, another request may be the probe.
    """

    key: Hashable
    breaker: Circuits | None = None
    half_opened = False
    """Whether this request made the circuit half-open."""

    def give_back(self, now: float) -> None:
        """Let another request be the probe."""
        if self and self.breaker is not None:
            self.breaker.leave(self.key, self[0], now, failed=None, slow=False)
            self.clear()

    def __del__(self) -> None:
        self.give_back(Clock.now())
