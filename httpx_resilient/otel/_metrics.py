"""Metrics for OpenTelemetry: the listener on the instruments of a meter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from opentelemetry.metrics import (
    CallbackOptions,
    Meter,
    MeterProvider,
    Observation,
    get_meter,
)

from httpx_resilient import __version__
from httpx_resilient._core.public import public
from httpx_resilient._metrics.converters import Labels
from httpx_resilient._metrics.instruments import Instrument, Kind
from httpx_resilient._metrics.listener import MetricsListener, Recorder
from httpx_resilient._metrics.semconv import SCHEMA_URL
from httpx_resilient._metrics.tables import opentelemetry_table

Attributes = dict[str, str | int]


@public("httpx_resilient.otel")
class Metrics(MetricsListener):
    """
    A listener that counts and times the events of all layers.

    Give it to the `on_event` of each transport. One listener serves any number of
    transports, of both libraries, in any threads.

    Args:
        meter_provider: The provider of its meter: the global one by default.
        per_origin: Whether to label metrics with their server. Set it to `False` for a
            client of very many servers: the labels `server.address` and `server.port`
            are left out, and with them the states of circuits and of origins.
            In any case, labels name the first 1000 servers, and further ones are
            `_OTHER`.

    Observable gauges are read at each collection, from the objects given to `watch`: a
    `RetryBudget`, the limits on rate and concurrency, a `PoolingTransport`.

    The number of values of each label is bounded: `error.type` is a status, or the bare
    name of an exception's class, never the text of a reason. The duration of an attempt
    is measured by `RetryingTransport`, so it includes the layers inside: queueing,
    hedges, failover. It has the buckets of `http.client.request.duration`, and a name
    of its own, because the official instrumentor records under that name.

    All instruments; of labels, `server` stands for `server.address` and `server.port`:

    """

    __doc__ = f"""{__doc__}{opentelemetry_table()}

    Example:
        >>> from httpx_resilient import RetryBudget, RetryingTransport
        >>> budget = RetryBudget()
        >>> metrics = Metrics()
        >>> metrics.watch(budget)
        >>> transport = RetryingTransport(budget=budget, on_event=metrics)
    """

    def __init__(
        self,
        meter_provider: MeterProvider | None = None,
        *,
        per_origin: bool = True,
    ) -> None:
        self._meter = get_meter(
            "httpx_resilient", __version__, meter_provider, SCHEMA_URL
        )
        super().__init__(per_origin=per_origin)

    def _create(self, instrument: Instrument, names: tuple[str, ...]) -> Recorder:
        record = _create_in(self._meter, instrument)
        return lambda value, labels: record(value, _attributes(names, labels))

    def _create_observable(
        self, instrument: Instrument, names: tuple[str, ...]
    ) -> None:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for value, labels in self._observations(instrument):
                yield Observation(value, _attributes(names, labels))

        self._meter.create_observable_gauge(
            instrument.name, [observe], instrument.unit, instrument.description
        )


def _create_in(
    meter: Meter, instrument: Instrument
) -> Callable[[float, Attributes], None]:
    """Create an instrument in a meter, and return its method that records a value."""
    name, unit, description = instrument.name, instrument.unit, instrument.description
    if instrument.kind is Kind.COUNTER:
        return meter.create_counter(name, unit, description).add
    if instrument.kind is Kind.GAUGE:
        return meter.create_gauge(name, unit, description).set
    return meter.create_histogram(
        name,
        unit,
        description,
        explicit_bucket_boundaries_advisory=instrument.buckets,
    ).record


def _attributes(names: tuple[str, ...], labels: Labels) -> Attributes:
    named = zip(names, labels, strict=True)
    return {name: label for name, label in named if label is not None}
