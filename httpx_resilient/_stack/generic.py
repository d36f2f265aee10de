"""
The classes that each binding specializes for its library, under the same name.

A transport and an exception of a binding are classes of their own, because a client
accepts and catches only subclasses of its own library's classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from httpx_resilient._stack.lazy import lazy

if TYPE_CHECKING:
    from httpx_resilient._layers.circuit_breaker.transport import (
        CircuitBreakingTransport,
        CircuitOpen,
    )
    from httpx_resilient._layers.concurrency.transport import (
        ConcurrencyLimitingTransport,
    )
    from httpx_resilient._layers.credentials.transport import (
        CredentialsTransport,
        CredentialsUnavailable,
    )
    from httpx_resilient._layers.deadline.transport import (
        DeadlineExceeded,
        DeadlineTransport,
    )
    from httpx_resilient._layers.event_stream.transport import EventStreamTransport
    from httpx_resilient._layers.failover.transport import FailoverTransport
    from httpx_resilient._layers.hedging.transport import HedgingTransport
    from httpx_resilient._layers.pool.transport import PoolingTransport
    from httpx_resilient._layers.rate_limit.transport import (
        RateLimitExceeded,
        RateLimitingTransport,
    )
    from httpx_resilient._layers.resuming.errors import ContentChanged
    from httpx_resilient._layers.resuming.transport import ResumingTransport
    from httpx_resilient._layers.retry.options import RetryOptions, RetryOverrides
    from httpx_resilient._layers.retry.state import RetryState
    from httpx_resilient._layers.retry.transport import RetryingTransport
    from httpx_resilient._layers.throttle.transport import (
        RequestThrottled,
        ThrottlingTransport,
    )
    from httpx_resilient._stack.extensions import RequestExtensions
    from httpx_resilient._stack.standard import StandardStack
    from httpx_resilient._stack.wrap import ClientWrapper
    from httpx_resilient._transfers.download.errors import (
        ChecksumMismatch,
        DownloadError,
    )
    from httpx_resilient._transfers.download.function import Downloader
    from httpx_resilient._transfers.upload.record import UploadError
    from httpx_resilient._transfers.upload.upload import Uploader
    from httpx_resilient._transport.base import ResilientTransport
    from httpx_resilient._transport.stage_transport import StageTransport
else:
    __getattr__ = lazy(
        __name__,
        {
            "_layers.circuit_breaker.transport": (
                "CircuitBreakingTransport",
                "CircuitOpen",
            ),
            "_layers.concurrency.transport": ("ConcurrencyLimitingTransport",),
            "_layers.credentials.transport": (
                "CredentialsTransport",
                "CredentialsUnavailable",
            ),
            "_layers.deadline.transport": ("DeadlineExceeded", "DeadlineTransport"),
            "_layers.event_stream.transport": ("EventStreamTransport",),
            "_layers.failover.transport": ("FailoverTransport",),
            "_layers.hedging.transport": ("HedgingTransport",),
            "_layers.pool.transport": ("PoolingTransport",),
            "_layers.rate_limit.transport": (
                "RateLimitExceeded",
                "RateLimitingTransport",
            ),
            "_layers.resuming.errors": ("ContentChanged",),
            "_layers.resuming.transport": ("ResumingTransport",),
            "_layers.retry.options": ("RetryOptions", "RetryOverrides"),
            "_layers.retry.state": ("RetryState",),
            "_layers.retry.transport": ("RetryingTransport",),
            "_layers.throttle.transport": ("RequestThrottled", "ThrottlingTransport"),
            "_stack.extensions": ("RequestExtensions",),
            "_stack.standard": ("StandardStack",),
            "_stack.wrap": ("ClientWrapper",),
            "_transfers.download.errors": ("ChecksumMismatch", "DownloadError"),
            "_transfers.download.function": ("Downloader",),
            "_transfers.upload.record": ("UploadError",),
            "_transfers.upload.upload": ("Uploader",),
            "_transport.base": ("ResilientTransport",),
            "_transport.stage_transport": ("StageTransport",),
        },
    )

__all__ = [
    "ChecksumMismatch",
    "CircuitBreakingTransport",
    "CircuitOpen",
    "ClientWrapper",
    "ConcurrencyLimitingTransport",
    "ContentChanged",
    "CredentialsTransport",
    "CredentialsUnavailable",
    "DeadlineExceeded",
    "DeadlineTransport",
    "DownloadError",
    "Downloader",
    "EventStreamTransport",
    "FailoverTransport",
    "HedgingTransport",
    "PoolingTransport",
    "RateLimitExceeded",
    "RateLimitingTransport",
    "RequestExtensions",
    "RequestThrottled",
    "ResilientTransport",
    "ResumingTransport",
    "RetryOptions",
    "RetryOverrides",
    "RetryState",
    "RetryingTransport",
    "StageTransport",
    "StandardStack",
    "ThrottlingTransport",
    "UploadError",
    "Uploader",
]
