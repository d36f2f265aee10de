"""What a circuit breaker and a throttle do."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from httpx_resilient._core.events.base import Event, RequestEvent


@dataclass(frozen=True, slots=True)
class CircuitOpened(Event):
    """
    Too many requests to an origin have failed: for a while none is sent.

    Args:
        origin: Such as `https://api.example.com`.
        reason: How many failed.
        seconds: Until it is tried again.

    Example:
        >>> print(CircuitOpened("https://api.example.com", "9 of 9 failed", 5.0))
        the circuit to https://api.example.com is open for 5.0 s: 9 of 9 failed
    """

    origin: str
    reason: str
    seconds: float

    level: ClassVar[int] = logging.WARNING

    def __str__(self) -> str:
        how = f"open for {self.seconds:.1f} s: {self.reason}"
        return f"the circuit to {self.origin} is {how}"


@dataclass(frozen=True, slots=True)
class CircuitHalfOpened(Event):
    """
    The time of an open circuit is over: a request finds out how the server is.

    Args:
        origin: Such as `https://api.example.com`.

    Example:
        >>> print(CircuitHalfOpened("https://api.example.com"))
        the circuit to https://api.example.com is half-open
    """

    origin: str

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return f"the circuit to {self.origin} is half-open"


@dataclass(frozen=True, slots=True)
class CircuitClosed(Event):
    """
    The server is well again: all requests are sent.

    Args:
        origin: Such as `https://api.example.com`.

    Example:
        >>> print(CircuitClosed("https://api.example.com"))
        the circuit to https://api.example.com is closed
    """

    origin: str

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return f"the circuit to {self.origin} is closed"


@dataclass(frozen=True, slots=True)
class CircuitRefused(RequestEvent):
    """
    A request was not sent, because the circuit to its origin is open.

    Args:
        request: The request.
        reason: In which state it is, and why.
        retry_after: Seconds until one may be sent.

    Example:
        >>> print(CircuitRefused(request, "is open", retry_after=2.0))
        GET https://api.example.com/: refused, the circuit is open
    """

    reason: str
    retry_after: float

    def __str__(self) -> str:
        return self._describe(f"refused, the circuit {self.reason}")
