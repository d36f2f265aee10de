"""Events of credentials. None has anything of a credential."""

from __future__ import annotations

import logging
from typing import ClassVar

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
class CredentialsRefreshed(RequestEvent):
    """
    A new credential was fetched, for this request and for all others.

    Args:
        request: The request that has fetched it.
        took: The seconds that this took.

    Example:
        >>> print(CredentialsRefreshed(request, took=0.25))
        GET https://api.example.com/: fetched a new credential in 0.250 s
    """

    took: float

    def __str__(self) -> str:
        return self._describe(f"fetched a new credential in {self.took:.3f} s")


@event
class CredentialsFailed(RequestEvent):
    """
    No credential could be fetched. All requests that waited for it fail.

    Args:
        request: The request that has tried.
        error: The name of the exception that the function has raised.

    Example:
        >>> print(CredentialsFailed(request, "ConnectError"))
        GET https://api.example.com/: no new credential: ConnectError
    """

    level: ClassVar[int] = logging.WARNING

    error: str

    def __str__(self) -> str:
        return self._describe(f"no new credential: {self.error}")


@event
class CredentialsRenewed(RequestEvent):
    """
    A request was answered by 401, and is sent once more with a newer credential.

    Args:
        request: The request.
        waited: The seconds between the answer and that.

    Example:
        >>> print(CredentialsRenewed(request, waited=0.25))
        GET https://api.example.com/: 401, sent again with a newer credential
    """

    level: ClassVar[int] = logging.INFO

    waited: float

    def __str__(self) -> str:
        return self._describe("401, sent again with a newer credential")
