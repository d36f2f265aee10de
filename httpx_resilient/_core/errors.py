"""
The exceptions that a layer raises instead of sending, or of waiting any longer.

Each is also an exception of the client's library, so code that catches the library's
exceptions catches these:

    TransportError
    ├── TimeoutException
    │   ├── PoolTimeout           the library's own: no connection or permit became free
    │   └── DeadlineExceeded
    ├── CircuitOpen
    ├── CredentialsUnavailable
    ├── RateLimitExceeded
    └── RequestThrottled

The bindings derive them from both classes.
"""

from __future__ import annotations

from typing import ClassVar

from httpx_resilient._core.classify import Retryability


class Refusal(Exception):  # noqa: N818 - each is an error by its second base
    """
    The base of these exceptions, the same for both libraries.

    Args:
        message: The request that was refused, the reason, and what to do.
        retry_after: Seconds until another attempt makes sense, or `None` if unknown.
    """

    retryability: Retryability = Retryability.NEVER
    """How a retry around this layer treats the exception: by default, as final."""

    library_base: ClassVar[str] = "transport_error"
    """The second base that a binding adds: the name of a field of `Family`."""

    retry_after: float | None

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
