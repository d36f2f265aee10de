"""Events of failover."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from httpx_resilient._core.events.base import Event, RequestEvent


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
        return self._describe(f"{self.source}: {self.reason}; on to {self.target}")


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
