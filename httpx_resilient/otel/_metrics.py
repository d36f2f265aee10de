"""Metrics by OpenTelemetry: a listener that feeds its instruments."""

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
from httpx_resilient._metrics.instruments import Instrument, Kind, table
from httpx_resilient._metrics.listener import Measuring
from httpx_resilient._metrics.readings import Labels
from httpx_resilient._metrics.semconv import SCHEMA

Add = Callable[[float, dict[str, str | int]], None]


class Metrics(Measuring):
    """
    Counts and times what happens in the layers: give it to `on_event` of each.

    One listener serves any number of transports, of both libraries, in any threads.

    Args:
        meter_provider: Where metrics go: the global one by default.
        per_origin: Whether to tell servers apart. Without that, there is no label
            `server.address` nor `server.port`, no state of circuits and none of
            origins: for who talks to very many.

    Levels are told when metrics are collected, of what it was given by `watch`: a
    `RetryBudget`, the limits on rate and concurrency, a `PoolingTransport`.

    Labels have few values whatever happens: `error.type` is a status, or the bare name
    of an exception's class, and never the text of a reason. An attempt is what a
    `RetryingTransport` sends, so its duration spans what is inside of that: waiting for
    limits, hedges, failover. It has the buckets of `http.client.request.duration`, and
    a name of its own, because the official instrumentor counts by that one.

    All instruments; of labels, `server` stands for `server.address` and `server.port`:

    """

    __doc__ = f"""{__doc__}{table()}

    Example:
        >>> from httpx_resilient import RetryBudget, RetryingTransport
        >>> budget = RetryBudget()
        >>> metrics = Metrics()
        >>> metrics.watch(budget)
        >>> RetryingTransport(budget=budget, on_event=metrics)
        <RetryingTransport>
    """

    def __init__(
        self,
        meter_provider: MeterProvider | None = None,
        *,
        per_origin: bool = True,
    ) -> None:
        self._meter = get_meter("httpx_resilient", __version__, meter_provider, SCHEMA)
        self._adders: dict[Instrument, Add] = {}
        super().__init__(per_origin=per_origin)

    def _make(self, instrument: Instrument, names: tuple[str, ...]) -> None:  # noqa: ARG002 - they come with the numbers
        self._adders[instrument] = _adder(self._meter, instrument)

    def _make_level(self, instrument: Instrument, names: tuple[str, ...]) -> None:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for value, labels in self._levels(instrument):
                yield Observation(value, _attributes(names, labels))

        self._meter.create_observable_gauge(
            instrument.name, [observe], instrument.unit, instrument.about
        )

    def _add(self, instrument: Instrument, value: float, labels: Labels) -> None:
        add = self._adders.get(instrument)
        if add is not None:
            add(value, _attributes(self._names[instrument], labels))


def _attributes(names: tuple[str, ...], labels: Labels) -> dict[str, str | int]:
    named = zip(names, labels, strict=True)
    return {name: label for name, label in named if label is not None}


def _adder(meter: Meter, of: Instrument) -> Add:
    if of.kind is Kind.COUNTER:
        return meter.create_counter(of.name, of.unit, of.about).add
    if of.kind is Kind.GAUGE:
        return meter.create_gauge(of.name, of.unit, of.about).set
    return meter.create_histogram(
        of.name, of.unit, of.about, explicit_bucket_boundaries_advisory=of.buckets
    ).record
