"""The events of the pool."""

from __future__ import annotations

from typing import ClassVar

from httpx_resilient._core.events.base import Event, RequestEvent
from httpx_resilient._core.events.record import event


@event
class ConnectionOpened(RequestEvent):
    """
    A request got its response on a new connection.

    Args:
        request: The request.
        wired: Whether the connection is the library's own, not one of httpcore.

    Example:
        >>> print(ConnectionOpened(request))
        GET https://api.example.com/: on a new connection
    """

    wired: bool = False

    logged: ClassVar[bool] = False

    def __str__(self) -> str:
        return self._describe("on a new connection")


@event
class ConnectionReused(RequestEvent):
    """
    A request got its response on a connection that was open already.

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
    A connection is retired, because a request on it failed or was cancelled.

    Args:
        origin: The origin of the connection, such as `https://api.example.com`.

    Example:
        >>> print(ConnectionRetired("https://api.example.com"))
        a connection to https://api.example.com is retired
    """

    origin: str

    def __str__(self) -> str:
        return f"a connection to {self.origin} is retired"
