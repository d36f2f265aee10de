"""
What a layer raises instead of sending, or instead of waiting any longer.

Each is an exception of the client's own library, so what catches those catches these:

    TransportError
    ├── TimeoutException
    │   ├── PoolTimeout           the library's own: no connection or permit in time
    │   └── DeadlineExceeded
    ├── CircuitOpen
    ├── RateLimitExceeded
    └── RequestThrottled

They are bound to a library in `__init__.py` and in `httpx2.py`.
"""

from __future__ import annotations

from typing import ClassVar

from httpx_resilient._core.classify import Retryability


class Refusal(Exception):  # noqa: N818 - each is an error by its second base
    """
    The part of it that is the same in both libraries.

    Args:
        message: What was refused, why, and what to do.
        retry_after: Seconds until it makes sense to try again, if that is known.
    """

    evidence: ClassVar[Retryability] = Retryability.FINAL
    """What it tells a retry around this layer: not to go on, unless said otherwise."""

    retry_after: float | None

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
