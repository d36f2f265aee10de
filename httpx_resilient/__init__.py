"""
Makes any httpx client resilient by changing one argument.

    async with httpx.AsyncClient(transport=RetryingTransport()) as client: ...

For httpx2 clients the same names are in `httpx_resilient.httpx2`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from httpx_resilient._stack import shared as _shared
from httpx_resilient._stack.binding import bind

__version__ = "0.2.0"

__all__ = [
    "ChecksumMismatch",
    "CircuitBreakingTransport",
    "CircuitOpen",
    "ConcurrencyLimitingTransport",
    "ContentChanged",
    "CredentialsTransport",
    "CredentialsUnavailable",
    "DeadlineExceeded",
    "DeadlineTransport",
    "DownloadError",
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
    "ThrottlingTransport",
    "UploadError",
    "download",
    "standard_transport",
    "upload",
    "wrap",
]
__all__ += _shared.__all__

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, TypeVar

    import httpx
    from httpx import AsyncBaseTransport, BaseTransport, Limits, Request, Response

    from httpx_resilient._stack import generic
    from httpx_resilient._stack.shared import *

    _Inner = AsyncBaseTransport | BaseTransport
    _Proxy = httpx.Proxy | httpx.URL | str
    _ClientT = TypeVar("_ClientT")

    RequestExtensions = generic.RequestExtensions[Request, Response]
    RetryOptions = generic.RetryOptions[Request, Response]
    RetryOverrides = generic.RetryOverrides[Request, Response]
    RetryState = generic.RetryState[Request, Response]

    class CircuitOpen(generic.CircuitOpen, httpx.TransportError): ...

    class ContentChanged(generic.ContentChanged, httpx.RemoteProtocolError): ...

    class CredentialsUnavailable(
        generic.CredentialsUnavailable, httpx.TransportError
    ): ...

    class DeadlineExceeded(generic.DeadlineExceeded, httpx.TimeoutException): ...

    class DownloadError(generic.DownloadError, httpx.TransportError): ...

    class ChecksumMismatch(generic.ChecksumMismatch, DownloadError): ...  # noqa: N818 - as above

    class RateLimitExceeded(generic.RateLimitExceeded, httpx.TransportError): ...

    class RequestThrottled(generic.RequestThrottled, httpx.TransportError): ...

    class UploadError(generic.UploadError, httpx.TransportError):
        response: Response | None

    class ResilientTransport(
        generic.ResilientTransport[Request, Response, _Inner, Limits, _Proxy],
        AsyncBaseTransport,
        BaseTransport,
    ): ...

    class CircuitBreakingTransport(
        generic.CircuitBreakingTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class ConcurrencyLimitingTransport(
        generic.ConcurrencyLimitingTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class CredentialsTransport(
        generic.CredentialsTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class DeadlineTransport(
        generic.DeadlineTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class EventStreamTransport(
        generic.EventStreamTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class FailoverTransport(
        generic.FailoverTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class HedgingTransport(
        generic.HedgingTransport[Request, Response, _Inner, Limits, _Proxy],
        AsyncBaseTransport,
    ): ...

    class PoolingTransport(
        generic.PoolingTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class RateLimitingTransport(
        generic.RateLimitingTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class ResumingTransport(
        generic.ResumingTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class RetryingTransport(
        generic.RetryingTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class StageTransport(
        generic.StageTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class ThrottlingTransport(
        generic.ThrottlingTransport[Request, Response, _Inner, Limits, _Proxy],
        ResilientTransport,
    ): ...

    class _StandardStack(
        generic.StandardStack[
            Request,
            Response,
            _Inner,
            Limits,
            _Proxy,
            ResilientTransport,
            AsyncBaseTransport,
        ]
    ): ...

    class _ClientWrapper(generic.ClientWrapper[_Inner]):
        @classmethod
        def wrap(cls, client: _ClientT, layer: Callable[[Any], _Inner]) -> _ClientT: ...

    class _Downloader(
        generic.Downloader[httpx.Client, httpx.AsyncClient, httpx.URL | str]
    ): ...

    class _Uploader(generic.Uploader[httpx.Client, httpx.AsyncClient, Response]): ...

    download: Final = _Downloader.download
    standard_transport: Final = _StandardStack.standard_transport
    upload: Final = _Uploader.upload
    wrap: Final = _ClientWrapper.wrap
else:
    __getattr__, __dir__ = bind(__name__, "httpx", __all__)
