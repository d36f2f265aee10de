"""
A trace of one request: an internal span for it, and a client span for each attempt.

    pip install 'httpx_resilient[otel]' opentelemetry-sdk

Each attempt propagates its own span to the server, in the header `traceparent`. For
httpx2, import `TracingTransport` from `httpx_resilient.otel.httpx2`.
"""

from __future__ import annotations

import httpx
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from unreliable import unreliable

from httpx_resilient import RetryingTransport
from httpx_resilient.otel import TracingTransport

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

with unreliable("finally") as url:
    transport = TracingTransport(RetryingTransport(TracingTransport()))
    with httpx.Client(transport=transport) as client:
        client.get(url, params={"user": "me", "sig": "secret"})

SHOWN = {
    "http.response.status_code": "status",
    "http.request.resend_count": "resend",
    "httpx_resilient.attempts": "attempts",
}


def show(span: ReadableSpan, trace_start: int) -> None:
    """Print the start of a span within its trace, its duration and its attributes."""
    start, end = span.start_time or 0, span.end_time or 0
    name = f"  {span.name}" if span.parent else span.name
    values = span.attributes or {}
    shown = [
        f"{short}={values[key]!r}" for key, short in SHOWN.items() if key in values
    ]
    offset, duration = (start - trace_start) / 1e6, (end - start) / 1e6
    print(f"{name:12}{span.kind.name:9}{offset:6.1f} ms +{duration:6.1f} ms ", *shown)


# Inner spans end first, so the request is the last one.
*attempts, request = exporter.get_finished_spans()
print((request.attributes or {})["url.full"])
for each in (request, *attempts):
    show(each, request.start_time or 0)
