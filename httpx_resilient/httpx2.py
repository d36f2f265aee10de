"""
The names of `httpx_resilient`, for clients of httpx2.

    async with httpx2.AsyncClient(transport=RetryingTransport()) as client: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    import httpx2
except ModuleNotFoundError as _missing:
    msg = "clients of httpx2 need httpx2: pip install 'httpx_resilient[httpx2]'"
    raise ImportError(msg, name=_missing.name) from _missing

import httpx_resilient
from httpx_resilient._stack.binding import bind

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, TypeVar

    from httpx2 import AsyncBaseTransport, BaseTransport, Limits, Request, Response

    from httpx_resilient._stack import generic
    from httpx_resilient._stack.shared import *

    _Inner = AsyncBaseTransport | BaseTransport
    _Proxy = httpx2.Proxy | httpx2.URL | str
    _ClientT = TypeVar("_ClientT")

    RequestExtensions = generic.RequestExtensions[Request, Response]
    RetryOptions = generic.RetryOptions[Request, Response]
    RetryOverrides = generic.RetryOverrides[Request, Response]
    RetryState = generic.RetryState[Request, Response]

    class CircuitOpen(generic.CircuitOpen, httpx2.TransportError): ...

    class ContentChanged(generic.ContentChanged, httpx2.RemoteProtocolError): ...

    class CredentialsUnavailable(
        generic.CredentialsUnavailable, httpx2.TransportError
    ): ...

    class DeadlineExceeded(generic.DeadlineExceeded, httpx2.TimeoutException): ...

    class DownloadError(generic.DownloadError, httpx2.TransportError): ...

    class ChecksumMismatch(generic.ChecksumMismatch, DownloadError): ...  # noqa: N818 - as above

    class RateLimitExceeded(generic.RateLimitExceeded, httpx2.TransportError): ...

    class RequestThrottled(generic.RequestThrottled, httpx2.TransportError): ...

    class UploadError(generic.UploadError, httpx2.TransportError):
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
        generic.Downloader[httpx2.Client, httpx2.AsyncClient, httpx2.URL | str]
    ): ...

    class _Uploader(generic.Uploader[httpx2.Client, httpx2.AsyncClient, Response]): ...

    download: Final = _Downloader.download
    standard_transport: Final = _StandardStack.standard_transport
    upload: Final = _Uploader.upload
    wrap: Final = _ClientWrapper.wrap
else:
    __all__ = httpx_resilient.__all__
    __getattr__, __dir__ = bind(__name__, httpx2.__name__, __all__)
