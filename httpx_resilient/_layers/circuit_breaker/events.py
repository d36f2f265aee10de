"""Events of the circuit breaker."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import field
from typing import ClassVar

from httpx_resilient._core.events.base import Event, RequestEvent
from httpx_resilient._core.events.record import event
from httpx_resilient._core.keys import name_of

FORCED_OPEN = "forced open by hand"
"""Why a circuit is open that its user has forced open."""


@event
class CircuitCreated(Event):
    """
    A request is sent through a circuit of which nothing is known yet: it is closed.

    It comes with the first request, and with each other one until the first has ended.

    Args:
        origin: The origin, such as `https://api.example.com`.
        key: The key of the circuit, if that is not the origin.

    Example:
        >>> print(CircuitCreated("https://api.example.com"))
        the circuit to https://api.example.com is new
    """

    origin: str
    key: Hashable = field(default=None, repr=False)

    logged: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"the circuit to {name_of(self.key, self.origin)} is new"


@event
class CircuitOpened(Event):
    """
    A circuit opened, because too many requests to its origin failed, or by hand.

    Args:
        origin: The origin, such as `https://api.example.com`. It is empty if a circuit
            was changed by hand whose key does not say it.
        reason: The failures or slow requests that opened it.
        seconds: Seconds until the circuit admits a probe; infinite if it was opened by
            hand.
        key: The key of the circuit, if that is not the origin. It may hold a secret, so
            the text shows only a key of `key_by_path` or `key_by_header`.
        by_hand: Whether `breaker.force_open` has opened it. Every transport with this
            breaker emits that.

    Example:
        >>> print(CircuitOpened("https://api.example.com", "9 of 9 failed", 5.0))
        the circuit to https://api.example.com is open for 5.0 s: 9 of 9 failed
    """

    origin: str
    reason: str
    seconds: float
    key: Hashable = field(default=None, repr=False)
    by_hand: bool = False

    level: ClassVar[int] = logging.WARNING

    def __str__(self) -> str:
        phase = f"open for {self.seconds:.1f} s: {self.reason}"
        if self.by_hand:
            phase = self.reason
        return f"the circuit to {name_of(self.key, self.origin)} is {phase}"


@event
class CircuitHalfOpened(Event):
    """
    An open circuit became half-open, and a request is sent as a probe.

    Args:
        origin: The origin, such as `https://api.example.com`.
        key: The key of the circuit, if that is not the origin.

    Example:
        >>> print(CircuitHalfOpened("https://api.example.com"))
        the circuit to https://api.example.com is half-open
    """

    origin: str
    key: Hashable = field(default=None, repr=False)

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return f"the circuit to {name_of(self.key, self.origin)} is half-open"


@event
class CircuitClosed(Event):
    """
    A circuit closed, because its probes succeeded, or by hand.

    All requests are sent again.

    Args:
        origin: The origin, such as `https://api.example.com`; see `CircuitOpened`.
        key: The key of the circuit, if that is not the origin.
        by_hand: Whether `breaker.reset` or `breaker.force_closed` has closed it. Every
            transport with this breaker emits that.

    Example:
        >>> print(CircuitClosed("https://api.example.com"))
        the circuit to https://api.example.com is closed
    """

    origin: str
    key: Hashable = field(default=None, repr=False)
    by_hand: bool = False

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        by_hand = " by hand" if self.by_hand else ""
        return f"the circuit to {name_of(self.key, self.origin)} is closed{by_hand}"


@event
class CircuitRefused(RequestEvent):
    """
    A request was not sent, because the circuit to its origin is not closed.

    Args:
        request: The request.
        reason: The phase of the circuit, why, and when to retry or how to close it.
        retry_after: Seconds until another attempt makes sense.

    Example:
        >>> print(CircuitRefused(request, "is open", retry_after=2.0))
        GET https://api.example.com/: refused, the circuit is open
    """

    reason: str
    retry_after: float

    def __str__(self) -> str:
        return self._describe(f"refused, the circuit {self.reason}")
