"""OpenTelemetry's own SDK, exporting to memory."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from httpx_resilient import otel
from httpx_resilient.otel import httpx2 as otel2
from support.server import Server
from support.world import World


class Traces:
    """Finished spans, in the order in which they ended, and layers that make them."""

    def __init__(self, world: World) -> None:
        self._exporter = InMemorySpanExporter()
        self.ours = {"httpx": otel, "httpx2": otel2}[world.library.__name__]
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def layer(self, inner: Any = None, **options: Any) -> Any:
        return self.ours.TracingTransport(
            inner, tracer_provider=self.provider, **options
        )

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def values(self, name: str) -> list[Any]:
        return [(span.attributes or {}).get(name) for span in self.spans]

    @property
    def statuses(self) -> list[Any]:
        return self.values("http.response.status_code")

    @property
    def ids(self) -> list[str]:
        return [f"{span.context.span_id:016x}" for span in self.spans]

    @property
    def parents(self) -> list[str | None]:
        return [
            None if span.parent is None else f"{span.parent.span_id:016x}"
            for span in self.spans
        ]


def propagated_ids(server: Server) -> list[str]:
    """The span that each request to a server has named as its parent."""
    return [request.headers["traceparent"].split("-")[2] for request in server.received]


class Measurements:
    """The measurements that a meter provider has collected."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader])

    def points(self) -> dict[str, dict[tuple[Any, ...], Any]]:
        """By instrument and label values: the number, or the point of a histogram."""
        data = self._reader.get_metrics_data()
        metrics = data.resource_metrics[0].scope_metrics[0].metrics if data else ()
        return {
            metric.name.removeprefix("httpx_resilient."): {
                tuple(point.attributes.values()): getattr(point, "value", point)
                for point in metric.data.data_points
            }
            for metric in metrics
        }

    def sums(self) -> dict[str, dict[tuple[Any, ...], float]]:
        """By instrument and label values: the number, or the sum of a histogram."""
        return {
            name: {
                labels: getattr(point, "sum", point) for labels, point in points.items()
            }
            for name, points in self.points().items()
        }
