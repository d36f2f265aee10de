"""Events of failover."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import field
from typing import ClassVar

from httpx_resilient._core.events.base import Event, RequestEvent
from httpx_resilient._core.events.record import event
from httpx_resilient._core.keys import key_text


@event
class FailedOver(RequestEvent):
    """
    A request is sent to another origin after one has failed.

    Args:
        request: The caller's request, addressed to the first origin.
        source: The origin that failed.
        target: The origin that gets the request next.
        reason: The outcome at `source`: a status code or the name of an exception.

    Example:
        >>> print(FailedOver(request, "https://a", "https://b", "503"))
        GET https://api.example.com/: failed over from https://a (503) to https://b
    """

    source: str
    target: str
    reason: str

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return self._describe(
            f"failed over from {self.source} ({self.reason}) to {self.target}"
        )


@event
class CredentialsWithheld(RequestEvent):
    """
    An origin refuses a request that it got without the credentials for the first one.

    Args:
        request: The caller's request, addressed to the first origin.
        target: The origin that refused it.
        status: The status of its response: 401, 403 or 407.
        names: The names of the headers that it did not get.

    Example:
        >>> print(CredentialsWithheld(request, "https://b", 401, ("Cookie",)))
        GET https://api.example.com/: 401 from https://b, which did not get Cookie
    """

    target: str
    status: int
    names: tuple[str, ...]

    level: ClassVar[int] = logging.WARNING

    def __str__(self) -> str:
        names = ", ".join(self.names)
        return self._describe(
            f"{self.status} from {self.target}, which did not get {names}"
        )


@event
class OriginDown(Event):
    """
    An origin has failed, so requests go to the next one.

    Args:
        origin: The origin, such as `https://eu.example.com`.
        reason: The failure: a status code or the name of an exception.
        key: The key of the requests that it fails to serve, if `Failover` has `key=`.

    Example:
        >>> print(OriginDown("https://eu.example.com", "ConnectError"))
        https://eu.example.com is down: ConnectError
    """

    origin: str
    reason: str
    key: Hashable = field(default=None, repr=False)

    level: ClassVar[int] = logging.WARNING

    def __str__(self) -> str:
        return f"{self.origin} is down{_for(self.key)}: {self.reason}"


@event
class OriginUp(Event):
    """
    An origin that was down has answered a request.

    Args:
        origin: The origin, such as `https://eu.example.com`.
        key: As in `OriginDown`.

    Example:
        >>> print(OriginUp("https://eu.example.com"))
        https://eu.example.com is up again
    """

    origin: str
    key: Hashable = field(default=None, repr=False)

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return f"{self.origin} is up again{_for(self.key)}"


def _for(key: Hashable) -> str:
    return "" if key is None else f" for {key_text(key) or 'one key'}"
