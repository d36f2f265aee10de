"""Events of the circuit breaker."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import field
from typing import ClassVar

from httpx_resilient._core.events.base import Event, RequestEvent
from httpx_resilient._core.events.record import event
from httpx_resilient._core.keys import name_of


@event
class CircuitOpened(Event):
    """
    A circuit opened, because too many requests to its origin failed.

    Args:
        origin: The origin, such as `https://api.example.com`.
        reason: The failures or slow requests that opened it.
        seconds: Seconds until the circuit admits a probe.
        key: The key of the circuit, if that is not the origin. It may hold a secret, so
            the text shows only a key of `key_by_path` or `key_by_header`.

    Example:
        >>> print(CircuitOpened("https://api.example.com", "9 of 9 failed", 5.0))
        the circuit to https://api.example.com is open for 5.0 s: 9 of 9 failed
    """

    origin: str
    reason: str
    seconds: float
    key: Hashable = field(default=None, repr=False)

    level: ClassVar[int] = logging.WARNING

    def __str__(self) -> str:
        phase = f"open for {self.seconds:.1f} s: {self.reason}"
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
    A circuit closed, because its probes succeeded: all requests are sent again.

    Args:
        origin: The origin, such as `https://api.example.com`.
        key: The key of the circuit, if that is not the origin.

    Example:
        >>> print(CircuitClosed("https://api.example.com"))
        the circuit to https://api.example.com is closed
    """

    origin: str
    key: Hashable = field(default=None, repr=False)

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return f"the circuit to {name_of(self.key, self.origin)} is closed"


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
