"""
A trace of one request: an internal span for it, and a client span for each attempt.

    pip install 'httpx_resilient[otel]' opentelemetry-sdk

Each attempt tells the server its own span, in the header `traceparent`. For httpx2,
import `TracingTransport` from `httpx_resilient.otel.httpx2`.
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


def show(span: ReadableSpan, began: int) -> None:
    """Print a span in a line, when it began and how long it took."""
    start, end = span.start_time or 0, span.end_time or 0
    name = f"  {span.name}" if span.parent else span.name
    found = span.attributes or {}
    told = [f"{short}={found[key]!r}" for key, short in SHOWN.items() if key in found]
    at, took = (start - began) / 1e6, (end - start) / 1e6
    print(f"{name:12}{span.kind.name:9}{at:6.1f} ms +{took:6.1f} ms ", *told)


# The innermost end first.
*attempts, request = exporter.get_finished_spans()
print((request.attributes or {})["url.full"])
for each in (request, *attempts):
    show(each, request.start_time or 0)
