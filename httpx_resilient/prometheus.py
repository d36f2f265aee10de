"""
Metrics by Prometheus, for clients of httpx and of httpx2.

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
except ModuleNotFoundError as error:
    msg = "metrics need prometheus_client: pip install 'httpx_resilient[prometheus]'"
    raise ImportError(msg) from error

from httpx_resilient._metrics.instruments import Instrument, Kind, flat, flat_table
from httpx_resilient._metrics.listener import Measuring
from httpx_resilient._metrics.readings import Labels

__all__ = ["Metrics"]

MetricT = TypeVar("MetricT", Counter, Gauge, Histogram)

Add = Callable[[float, Labels], None]


class Metrics(Measuring):
    """
    Counts and times what happens in the layers: give it to `on_event` of each.

    One listener serves any number of transports, of both libraries, in any threads.

    Args:
        registry: Where metrics are registered: the global one by default. A registry
            takes one listener.
        per_origin: Whether to tell servers apart. Without that, there is no label
            `server_address` nor `server_port`, no state of circuits and none of
            origins: for who talks to very many.

    Raises:
        ValueError: The registry has a listener already.

    Levels are told when metrics are scraped, of what it was given by `watch`: a
    `RetryBudget`, the limits on rate and concurrency, a `PoolingTransport`.

    These are the metrics of `httpx_resilient.otel`, with the names and labels that
    OpenTelemetry's own exporter to Prometheus gives them. A label that has nothing to
    tell is empty.

    All metrics; of labels, `server` stands for `server_address` and `server_port`:

    """

    __doc__ = f"""{__doc__}{flat_table()}

    Example:
        >>> from prometheus_client import CollectorRegistry, generate_latest
        >>> from httpx_resilient import RetryingTransport
        >>> registry = CollectorRegistry()
        >>> RetryingTransport(on_event=Metrics(registry))
        <RetryingTransport>
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
        self._adders: dict[Instrument, Add] = {}
        self._read: list[tuple[Instrument, tuple[str, ...]]] = []
        super().__init__(per_origin=per_origin)
        registry.register(_Levels(self._families))

    def _make(self, instrument: Instrument, names: tuple[str, ...]) -> None:
        name, about, registry = instrument.flat, instrument.about, self._registry
        labels = tuple(map(flat, names))
        if instrument.kind is Kind.COUNTER:
            counter = Counter(name, about, labels, registry=registry)
            add = _adder(counter, Counter.inc)
        elif instrument.kind is Kind.GAUGE:
            gauge = Gauge(name, about, labels, registry=registry)
            add = _adder(gauge, Gauge.set)
        else:
            buckets = instrument.buckets
            histogram = Histogram(
                name, about, labels, registry=registry, buckets=buckets
            )
            add = _adder(histogram, Histogram.observe)
        self._adders[instrument] = add

    def _make_level(self, instrument: Instrument, names: tuple[str, ...]) -> None:
        self._read.append((instrument, tuple(map(flat, names))))

    def _add(self, instrument: Instrument, value: float, labels: Labels) -> None:
        add = self._adders.get(instrument)
        if add is not None:
            add(value, labels)

    def _families(self) -> Iterator[GaugeMetricFamily]:
        for instrument, names in self._read:
            family = GaugeMetricFamily(instrument.flat, instrument.about, labels=names)
            for value, labels in self._levels(instrument):
                family.add_metric(_texts(labels), value)
            yield family


def _adder(metric: MetricT, method: Callable[[MetricT, float], None]) -> Add:
    # To find a child takes several times as long as to add to it.
    children: dict[Labels, MetricT] = {}

    def add(value: float, labels: Labels) -> None:
        child = children.get(labels)
        if child is None:
            # One without labels is its own only child.
            child = metric.labels(*_texts(labels)) if labels else metric
            children[labels] = child
        method(child, value)

    return add


class _Levels(Collector):
    def __init__(self, collect: Callable[[], Iterator[GaugeMetricFamily]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return self._collect()


def _texts(labels: Labels) -> tuple[str, ...]:
    return tuple("" if label is None else str(label) for label in labels)
