"""The immutable states of a circuit, and the settings of a breaker."""

from __future__ import annotations

from typing import NamedTuple

from httpx_resilient._core.state.sliding_window import Counts, Window

EPSILON = 1e-6
"""Seconds that are too short to wait for: a clock may not even show them."""


class Rules(NamedTuple):
    """The settings of a `CircuitBreaker`, which documents them."""

    failure_rate: float = 0.5
    minimum_calls: int = 20
    slice: float = 1.0
    open_for: float = 5.0
    max_open_for: float = 60.0
    slow_rate: float = 0.5


class Open(NamedTuple):
    """
    All requests are refused.

    Args:
        until: When the next request becomes a probe, in monotonic seconds.
        openings: The number of times in a row that the circuit has opened.
        reason: Why it opened.
        counts: Calls, failures and slow calls that opened it.
        refused: Requests that were refused since the circuit was last closed.
    """

    until: float
    openings: int
    reason: str
    counts: Counts
    refused: int = 0


class HalfOpen(NamedTuple):
    """
    One probe is sent, and one more at a time after each probe with good headers.

    Args:
        openings: The number of times in a row that the circuit has opened.
        probes: When each probe without headers was sent, oldest first.
        counts: Calls, failures and slow calls of the probes that have ended.
        refused: Requests that were refused since the circuit was last closed.
        bodies: When each probe was sent that has good headers, and whose body has not
            ended.
    """

    openings: int
    probes: tuple[float, ...] = ()
    counts: Counts = (0, 0, 0)
    refused: int = 0
    bodies: tuple[float, ...] = ()


class Forced(NamedTuple):
    """The user has forced the circuit open or closed."""

    open: bool
    refused: int = 0


Circuit = Window | Open | HalfOpen | Forced
"""A closed circuit is the window that counts calls, failures and slow calls."""


class Refused(NamedTuple):
    """The reason for a refusal, and the seconds until another attempt makes sense."""

    reason: str
    retry_after: float


class Busy(NamedTuple):
    """The seconds after which a request asks again, unless a probe is answered."""

    seconds: float
