"""
Traces and metrics for OpenTelemetry, for clients of httpx.

    pip install 'httpx_resilient[otel]'

    transport = standard_transport(TracingTransport(), on_event=Metrics())

For clients of httpx2, import `TracingTransport` from `httpx_resilient.otel.httpx2`.
"""

from __future__ import annotations

import httpx

from httpx_resilient._core.family import Family

try:
    from httpx_resilient.otel._metrics import Metrics
    from httpx_resilient.otel._tracing import TracingLayer
except ModuleNotFoundError as _missing:
    msg = "traces and metrics need OpenTelemetry: pip install 'httpx_resilient[otel]'"
    raise ImportError(msg, name=_missing.name) from _missing

__all__ = ["Metrics", "TracingTransport"]

_Inner = httpx.AsyncBaseTransport | httpx.BaseTransport
_Proxy = httpx.Proxy | httpx.URL | str


class TracingTransport(
    TracingLayer[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy],
    httpx.AsyncBaseTransport,
    httpx.BaseTransport,
):
    __doc__ = TracingLayer.__doc__

    _family = Family(httpx, home="httpx_resilient")
