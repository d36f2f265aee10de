"""What the pool does."""

from __future__ import annotations

from typing import ClassVar

from httpx_resilient._core.events.base import Event, RequestEvent
from httpx_resilient._core.events.record import event


@event
class ConnectionOpened(RequestEvent):
    """
    A request was answered on a connection that was opened for it.

    Args:
        request: The request.

    Example:
        >>> print(ConnectionOpened(request))
        GET https://api.example.com/: on a new connection
    """

    logged: ClassVar[bool] = False

    def __str__(self) -> str:
        return self._describe("on a new connection")


@event
class ConnectionReused(RequestEvent):
    """
    A request was answered on a connection that was open.

    Args:
        request: The request.

    Example:
        >>> print(ConnectionReused(request))
        GET https://api.example.com/: on a connection used before
    """

    logged: ClassVar[bool] = False

    def __str__(self) -> str:
        return self._describe("on a connection used before")


@event
class ConnectionRetired(Event):
    """
    A connection is given up, because a request on it has failed or was cancelled.

    Args:
        origin: Such as `https://api.example.com`.

    Example:
        >>> print(ConnectionRetired("https://api.example.com"))
        a connection to https://api.example.com is given up
    """

    origin: str

    def __str__(self) -> str:
        return f"a connection to {self.origin} is given up"
