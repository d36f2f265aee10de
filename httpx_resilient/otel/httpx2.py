"""The names of `httpx_resilient.otel`, for clients of httpx2."""

from __future__ import annotations

try:
    import httpx2
except ModuleNotFoundError as _missing:
    msg = "traces of httpx2 clients need httpx2: pip install 'httpx_resilient[httpx2]'"
    raise ImportError(msg, name=_missing.name) from _missing

from httpx_resilient._core.family import Family
from httpx_resilient.otel._metrics import Metrics
from httpx_resilient.otel._tracing import TracingLayer

__all__ = ["Metrics", "TracingTransport"]

_Inner = httpx2.AsyncBaseTransport | httpx2.BaseTransport
_Proxy = httpx2.Proxy | httpx2.URL | str


class TracingTransport(
    TracingLayer[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy],
    httpx2.AsyncBaseTransport,
    httpx2.BaseTransport,
):
    __doc__ = TracingLayer.__doc__

    _family = Family(httpx2, home="httpx_resilient.httpx2")
