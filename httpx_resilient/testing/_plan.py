"""The plan of one request: each of its faults adds its part, in order."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import NamedTuple


class CannedResponse(NamedTuple):
    """A response that is made locally. No server sends it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class BodyFault(NamedTuple):
    """
    One defect of a response body.

    Args:
        name: Name of the fault in events, notes and counts.
        after: The body breaks after this many bytes, if it is longer.
        reset: Whether the connection is then reset. Otherwise it is closed.
        every: Seconds of pause before each piece.
        size: Largest piece, in bytes. `None` leaves the chunks as they arrive.
    """

    name: str
    after: float = math.inf
    reset: bool = False
    every: float = 0.0
    size: int | None = None


@dataclass
class FaultPlan:
    """
    Everything that is going to happen to one request.

    Args:
        elapsed: Seconds between the first request and this one.
        seed: Seed of this request's random numbers. Each request has its own seed, so
            the faults of one request never change those of another.
    """

    elapsed: float
    seed: str
    delay: float = 0.0
    """Seconds of waiting before anything else happens."""
    ended_by: str = ""
    """Name of the fault that ends the request here. Empty if the request passes."""
    response: CannedResponse | None = None
    error: Exception | type[Exception] | None = None
    body_faults: list[BodyFault] = field(default_factory=list[BodyFault])

    @cached_property
    def rng(self) -> Random:
        """Random numbers for this request; created on demand, as most need none."""
        return Random(self.seed)  # noqa: S311 - chaos, not cryptography

    def add_delay(self, seconds: float) -> None:
        """Wait longer. Has no effect after a fault that ends the request."""
        if not self.ended_by:
            self.delay += seconds

    def end(
        self,
        name: str,
        *,
        response: CannedResponse | None = None,
        error: Exception | type[Exception] | None = None,
    ) -> None:
        """
        End the request with a response, an exception, or else a connection reset.

        Only the first call has an effect.
        """
        if not self.ended_by:
            self.ended_by, self.response, self.error = name, response, error

    @property
    def loses_response(self) -> bool:
        """Whether the request is sent and its response is then lost to a reset."""
        return bool(self.ended_by) and self.response is None and self.error is None
