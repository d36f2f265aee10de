"""What hedging, failover and deadlines do."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from httpx_resilient.events._base import Event, RequestEvent


@dataclass(frozen=True, slots=True)
class HedgeSent(RequestEvent):
    """
    A request takes long, and was sent a second time.

    Args:
        request: The request.
        delay: Seconds after which.

    Example:
        >>> print(HedgeSent(request, delay=0.12))
        GET https://api.example.com/: hedged, after 0.120 s or more
    """

    delay: float

    def __str__(self) -> str:
        return self._told(f"hedged, after {self.delay:.3f} s or more")


@dataclass(frozen=True, slots=True)
class HedgeWon(RequestEvent):
    """
    The second one was answered first.

    Args:
        request: The request.

    Example:
        >>> print(HedgeWon(request))
        GET https://api.example.com/: the hedge has won
    """

    def __str__(self) -> str:
        return self._told("the hedge has won")


@dataclass(frozen=True, slots=True)
class HedgeLost(RequestEvent):
    """
    The first one was answered first after all, or both have failed.

    Args:
        request: The request.

    Example:
        >>> print(HedgeLost(request))
        GET https://api.example.com/: the hedge has lost
    """

    def __str__(self) -> str:
        return self._told("the hedge has lost")


@dataclass(frozen=True, slots=True)
class FailedOver(RequestEvent):
    """
    A request goes on to another origin.

    Args:
        request: The request, as it was addressed at first.
        source: The origin that has failed.
        target: The one that is asked instead.
        reason: What became of it at the first.

    Example:
        >>> print(FailedOver(request, "https://a.test", "https://b.test", "503"))
        GET https://api.example.com/: https://a.test: 503; on to https://b.test
    """

    source: str
    target: str
    reason: str

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return self._told(f"{self.source}: {self.reason}; on to {self.target}")


@dataclass(frozen=True, slots=True)
class OriginDown(Event):
    """
    An origin has failed: requests go to the next one.

    Args:
        origin: Such as `https://eu.example.com`.
        reason: What it has answered, or how it has failed.

    Example:
        >>> print(OriginDown("https://eu.example.com", "ConnectError"))
        https://eu.example.com is down: ConnectError
    """

    origin: str
    reason: str

    level: ClassVar[int] = logging.WARNING

    def __str__(self) -> str:
        return f"{self.origin} is down: {self.reason}"


@dataclass(frozen=True, slots=True)
class OriginUp(Event):
    """
    An origin that was down has answered.

    Args:
        origin: Such as `https://eu.example.com`.

    Example:
        >>> print(OriginUp("https://eu.example.com"))
        https://eu.example.com is up again
    """

    origin: str

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return f"{self.origin} is up again"


@dataclass(frozen=True, slots=True)
class DeadlineCut(RequestEvent):
    """
    A request took longer than its deadline allows.

    Args:
        request: The request.
        awaited: What did not come in time: `its headers` or `its body`.
        total: Seconds of the deadline.

    Example:
        >>> print(DeadlineCut(request, "its body", total=2.5))
        GET https://api.example.com/: its body did not come within 2.5 s
    """

    awaited: str
    total: float

    def __str__(self) -> str:
        return self._told(f"{self.awaited} did not come within {self.total:g} s")
