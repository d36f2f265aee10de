"""Events of bodies that break."""

from __future__ import annotations

import logging
from typing import ClassVar

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
class BodyBroken(RequestEvent):
    """
    A body broke, or a request for the rest of it failed. Another request follows.

    Args:
        request: The request, as the caller made it.
        offset: The bytes of the body that have arrived so far.
        reason: The name of the exception, or what the answer lacked.
        wait: The seconds until the next request.

    Example:
        >>> print(BodyBroken(request, 300_000, "ReadError", wait=0.5))
        GET https://api.example.com/: broke after 300,000 B: ReadError, again in 0.50 s
    """

    level: ClassVar[int] = logging.INFO

    offset: int
    reason: str
    wait: float

    def __str__(self) -> str:
        return self._describe(
            f"broke after {self.offset:,} B: {self.reason}, again in {self.wait:.2f} s"
        )


@event
class BodyResumed(RequestEvent):
    """
    A body goes on where it broke.

    Args:
        request: The request, as the caller made it.
        offset: The bytes of the body that had arrived before.
        validator: What proves that it is the same version: the `ETag`, the
            `Last-Modified`, or `hash` if everything was read once more and compared.
        reread: The bytes of the body that came more than once, for that.

    Example:
        >>> print(BodyResumed(request, 300_000, 'ETag "a"', reread=0))
        GET https://api.example.com/: goes on at 300,000 B by ETag "a", 0 B read again
    """

    level: ClassVar[int] = logging.INFO

    offset: int
    validator: str
    reread: int

    def __str__(self) -> str:
        return self._describe(
            f"goes on at {self.offset:,} B by {self.validator}, {self.reread:,} B read "
            "again"
        )


@event
class BodyLost(RequestEvent):
    """
    A body broke and does not go on: its reader gets the exception.

    Args:
        request: The request, as the caller made it.
        offset: The bytes of the body that have arrived.
        reason: Why it does not go on.

    Example:
        >>> print(BodyLost(request, 300_000, "the server answered 404"))
        GET https://api.example.com/: lost after 300,000 B: the server answered 404
    """

    level: ClassVar[int] = logging.WARNING

    offset: int
    reason: str

    def __str__(self) -> str:
        return self._describe(f"lost after {self.offset:,} B: {self.reason}")
