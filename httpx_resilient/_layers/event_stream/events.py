"""Events of event streams. None has anything of what a stream carries."""

from __future__ import annotations

import logging
from typing import ClassVar

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
class EventStreamOpened(RequestEvent):
    """
    A request was answered by an event stream, for the first time or again.

    Args:
        request: The request.
        connection: The number of the connection, counted from 1.

    Example:
        >>> print(EventStreamOpened(request, connection=1))
        GET https://api.example.com/: event stream, connection 1
    """

    connection: int

    def __str__(self) -> str:
        return self._describe(f"event stream, connection {self.connection}")


@event
class EventStreamReconnecting(RequestEvent):
    """
    The connection of an event stream has ended, and another one follows.

    Args:
        request: The request.
        reason: Why it has ended, or why the attempt before has failed.
        wait: Seconds until the next attempt.

    Example:
        >>> print(EventStreamReconnecting(request, "ReadError", wait=3.0))
        GET https://api.example.com/: event stream: ReadError; reconnecting in 3.00 s
    """

    level: ClassVar[int] = logging.INFO

    reason: str
    wait: float

    def __str__(self) -> str:
        how = f"{self.reason}; reconnecting in {self.wait:.2f} s"
        return self._describe(f"event stream: {how}")


@event
class EventStreamEnded(RequestEvent):
    """
    An event stream has ended for good.

    Args:
        request: The request.
        reason: `clean end`, `204`, `closed` by its reader; or why it failed.
        connections: The number of connections that it had.
        failed: Whether its reader gets an exception.

    Example:
        >>> print(EventStreamEnded(request, "204", connections=2, failed=False))
        GET https://api.example.com/: event stream ended after 2 connections: 204
    """

    reason: str
    connections: int
    failed: bool

    def __str__(self) -> str:
        count = self.connections
        times = "1 connection" if count == 1 else f"{count} connections"
        return self._describe(f"event stream ended after {times}: {self.reason}")
