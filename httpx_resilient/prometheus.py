"""
Metrics for Prometheus, for clients of httpx and of httpx2.

    pip install 'httpx_resilient[prometheus]'

    transport = standard_transport(on_event=Metrics())
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector
except ModuleNotFoundError as _missing:
    msg = "metrics need prometheus_client: pip install 'httpx_resilient[prometheus]'"
    raise ImportError(msg, name=_missing.name) from _missing

from httpx_resilient._metrics.converters import Labels
from httpx_resilient._metrics.instruments import (
    Instrument,
    Kind,
    underscored,
)
from httpx_resilient._metrics.listener import MetricsListener, Recorder
from httpx_resilient._metrics.tables import prometheus_table

__all__ = ["Metrics"]

MetricT = TypeVar("MetricT", Counter, Gauge, Histogram)


class Metrics(MetricsListener):
    """
    A listener that counts and times the events of all layers.

    Give it to the `on_event` of each transport. One listener serves any number of
    transports, of both libraries, in any threads.

    Args:
        registry: The registry of its metrics: the global one by default. A registry
            accepts one listener.
        per_origin: Whether to label metrics with their server. Set it to `False` for a
            client of very many servers: the labels `server_address` and `server_port`
            are left out, and with them the states of circuits and of origins.
            In any case, labels name the first 1000 servers, and further ones are
            `_OTHER`.

    Raises:
        ValueError: The registry has a listener already.

    Some gauges are read at each scrape, from the objects given to `watch`: a
    `RetryBudget`, the limits on rate and concurrency, a `PoolingTransport`.

    These are the metrics of `httpx_resilient.otel`, with the names and labels that
    OpenTelemetry's own exporter to Prometheus gives them. A label that does not apply
    is empty.

    All metrics; of labels, `server` stands for `server_address` and `server_port`:

    """

    __doc__ = f"""{__doc__}{prometheus_table()}

    Example:
        >>> from prometheus_client import CollectorRegistry, generate_latest
        >>> from httpx_resilient import RetryingTransport
        >>> registry = CollectorRegistry()
        >>> transport = RetryingTransport(on_event=Metrics(registry))
        >>> exposed = generate_latest(registry).decode()
        >>> "httpx_resilient_retries_total" in exposed
        True
    """

    def __init__(
        self,
        registry: CollectorRegistry = REGISTRY,
        *,
        per_origin: bool = True,
    ) -> None:
        self._registry = registry
        self._observables: list[tuple[Instrument, tuple[str, ...]]] = []
        super().__init__(per_origin=per_origin)
        registry.register(_ObservableCollector(self._observable_families))

    def _create(self, instrument: Instrument, names: tuple[str, ...]) -> Recorder:
        name, description = instrument.prometheus_name, instrument.description
        registry, labels = self._registry, tuple(map(underscored, names))
        if instrument.kind is Kind.COUNTER:
            counter = Counter(name, description, labels, registry=registry)
            return _recorder(counter, Counter.inc)
        if instrument.kind is Kind.GAUGE:
            gauge = Gauge(name, description, labels, registry=registry)
            return _recorder(gauge, Gauge.set)
        buckets = instrument.buckets
        histogram = Histogram(
            name, description, labels, registry=registry, buckets=buckets
        )
        return _recorder(histogram, Histogram.observe)

    def _create_observable(
        self, instrument: Instrument, names: tuple[str, ...]
    ) -> None:
        self._observables.append((instrument, tuple(map(underscored, names))))

    def _observable_families(self) -> Iterator[GaugeMetricFamily]:
        for instrument, names in self._observables:
            family = GaugeMetricFamily(
                instrument.prometheus_name, instrument.description, labels=names
            )
            for value, labels in self._observations(instrument):
                family.add_metric(_label_values(labels), value)
            yield family


def _recorder(metric: MetricT, method: Callable[[MetricT, float], None]) -> Recorder:
    # To find a child takes several times as long as to record a value in it.
    children: dict[Labels, MetricT] = {}

    def record(value: float, labels: Labels) -> None:
        child = children.get(labels)
        if child is None:
            # A metric without labels has no children: it records by itself.
            child = metric.labels(*_label_values(labels)) if labels else metric
            children[labels] = child
        method(child, value)

    return record


class _ObservableCollector(Collector):
    def __init__(self, collect: Callable[[], Iterator[GaugeMetricFamily]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return self._collect()


def _label_values(labels: Labels) -> tuple[str, ...]:
    return tuple("" if label is None else str(label) for label in labels)
