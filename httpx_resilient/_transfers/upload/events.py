"""Events of uploads."""

from __future__ import annotations

import logging
from typing import ClassVar

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._core.events.record import event


@event
class UploadBroke(RequestEvent):
    """
    A request of an `upload` broke, or met a conflict. After a wait, a HEAD follows.

    Args:
        request: The request.
        offset: How many bytes the server has, as it last said.
        reason: What broke it.
        wait: Seconds until the next request.

    Example:
        >>> print(UploadBroke(request, 1_000_000, "ReadError", 0.75))
        GET https://api.example.com/: upload broke at 1,000,000 or later: ReadError, \
on in 0.75 s
    """

    offset: int
    reason: str
    wait: float

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        return self._describe(
            f"upload broke at {self.offset:,} or later: {self.reason}, on in "
            f"{self.wait:.2f} s"
        )


@event
class UploadResumed(RequestEvent):
    """
    A server has told the offset from which an `upload` goes on.

    Args:
        request: The request that has asked it.
        offset: How many bytes the server has.
        length: How many bytes the upload has, or `None` if that is not known yet.

    Example:
        >>> print(UploadResumed(request, 1_000_000, 5_000_000))
        GET https://api.example.com/: upload goes on at 1,000,000 of 5,000,000
    """

    offset: int
    length: int | None

    level: ClassVar[int] = logging.INFO

    def __str__(self) -> str:
        of = "" if self.length is None else f" of {self.length:,}"
        return self._describe(f"upload goes on at {self.offset:,}{of}")
