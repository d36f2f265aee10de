"""What a `FaultInjectingTransport` does."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from httpx_resilient._core.events.base import RequestEvent


@dataclass(frozen=True, slots=True)
class FaultInjected(RequestEvent):
    """
    A fault has happened, on purpose.

    Args:
        request: The request.
        fault: Its name: `503`, `ReadTimeout`, `Latency`, ...

    Example:
        >>> print(FaultInjected(request, "503"))
        GET https://api.example.com/: injected: 503
    """

    fault: str

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return self._told(f"injected: {self.fault}")
