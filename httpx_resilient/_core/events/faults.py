"""The event of a `FaultInjectingTransport`."""

from __future__ import annotations

import logging
from typing import ClassVar

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
class FaultInjected(RequestEvent):
    """
    A `FaultInjectingTransport` has injected a fault.

    Args:
        request: The request that the fault applies to.
        fault: Name of the fault, such as `503`, `ReadTimeout` or `Latency`.

    Example:
        >>> print(FaultInjected(request, "503"))
        GET https://api.example.com/: injected: 503
    """

    fault: str

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return self._describe(f"injected: {self.fault}")


@event
class LatencyInjected(FaultInjected):
    """
    A `FaultInjectingTransport` has delayed a request, as it may do with each.

    Args:
        request: The request that the fault applies to.
        fault: Name of the fault: `Latency`.

    Example:
        >>> print(LatencyInjected(request, "Latency"))
        GET https://api.example.com/: injected: Latency
    """

    level: ClassVar[int] = logging.DEBUG
