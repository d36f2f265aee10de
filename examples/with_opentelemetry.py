"""
OpenTelemetry on both sides of a `RetryingTransport`: a span for each attempt, inside
one span for the call.

`HTTPXClientInstrumentor().instrument()` makes the inner spans without further code.
`instrument_client(client)` makes only the outer span, which hides retries.

    pip install httpx_resilient opentelemetry-sdk opentelemetry-instrumentation-httpx

The names for httpx2: `SyncOpenTelemetryTransportHttpx2`, `HTTPX2ClientInstrumentor`.
"""

from __future__ import annotations

import httpx
from opentelemetry.instrumentation.httpx import SyncOpenTelemetryTransport
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from unreliable import unreliable

from httpx_resilient import RetryingTransport

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))

with unreliable("finally") as url:
    attempt = SyncOpenTelemetryTransport(httpx.HTTPTransport(), provider)
    call = SyncOpenTelemetryTransport(RetryingTransport(attempt), provider)
    with httpx.Client(transport=call) as client:
        client.get(url)

for span in exporter.get_finished_spans():
    kind = "attempt" if span.parent else "call"
    print(f"{kind:7} {span.name}", (span.attributes or {})["http.status_code"])
