"""What each event adds to the instruments, in OpenTelemetry and in Prometheus."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from support.telemetry import Numbers

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    Attempt,
    ConcurrencyLimit,
    PoolingTransport,
    RateLimit,
    RetryBudget,
    events,
    otel,
    prometheus,
)
from httpx_resilient._metrics.instruments import ALL, Kind
from httpx_resilient._metrics.readings import class_of
from httpx_resilient._metrics.semconv import SECONDS

A, B = "https://a.test", "https://b.test"
REQUEST = httpx.Request("GET", "https://a.test/x?secret=1")
BREW = httpx.Request("BREW", "http://b.test:81")
OK, BUSY = httpx.Response(200), httpx.Response(503)
FAILED = (Attempt(1, 503, "503", 0.1, 0.1), Attempt(2, httpx.ReadError, "x", 0.0, 0.1))
AT = ("a.test", 443)

HEARD: dict[events.Event, dict[str, dict[tuple[Any, ...], float]]] = {
    events.AttemptStarted(REQUEST, 1): {"attempts": {(*AT, "GET", "first"): 1}},
    events.AttemptStarted(BREW, 3): {
        "attempts": {("b.test", 81, "_OTHER", "again"): 1}
    },
    events.RetryScheduled(REQUEST, 1, "503", wait=0.5): {
        "retries": {(*AT, "GET", "503"): 1},
        "retry.wait": {(*AT, "GET", "503"): 0.5},
    },
    events.GaveUp(REQUEST, 2, "whatever", 1.0, FAILED): {
        "gave_up": {(*AT, "GET", "ReadError"): 1}
    },
    events.GaveUp(REQUEST, 1, "whatever", 1.0, FAILED[:1]): {
        "gave_up": {(*AT, "GET", "503"): 1}
    },
    events.AttemptEnded(REQUEST, 1, 0.2, response=OK): {
        "attempt.duration": {(*AT, "GET", 200): 0.2}
    },
    events.AttemptEnded(REQUEST, 1, 0.2, response=BUSY): {
        "attempt.duration": {(*AT, "GET", 503, "503"): 0.2}
    },
    events.AttemptEnded(REQUEST, 1, 0.2, error=TimeoutError()): {
        "attempt.duration": {(*AT, "GET", "TimeoutError"): 0.2}
    },
    events.AttemptEnded(REQUEST, 1, 0.2): {"attempt.duration": {(*AT, "GET"): 0.2}},
    events.BudgetRefused(REQUEST): {"budget.refusals": {AT: 1}},
    events.CircuitOpened(A, "9 of 9 failed", 5.0): {
        "circuit.opened": {AT: 1},
        "circuit.state": {AT: 2},
    },
    events.CircuitHalfOpened(A): {"circuit.state": {AT: 1}},
    events.CircuitClosed(A): {"circuit.state": {AT: 0}},
    events.CircuitRefused(REQUEST, "is open", 2.0): {"circuit.refusals": {AT: 1}},
    events.Throttled(REQUEST, 0.5): {"throttle.refusals": {AT: 1}},
    events.Queued(REQUEST, "pool", 3): {"limit.queued": {(*AT, "pool"): 1}},
    events.Admitted(REQUEST, "pool", 0.5): {"limit.wait": {(*AT, "pool"): 0.5}},
    events.RateLimited(REQUEST, 9.0, refused=True): {
        "limit.refusals": {(*AT, "rate"): 1}
    },
    events.RateLimited(REQUEST, 9.0, refused=False): {},
    events.PausedByServer(REQUEST, 30): {"server.pauses": {AT: 1}},
    events.HedgeSent(REQUEST, 0.1): {"hedge.sent": {AT: 1}},
    events.HedgeWon(REQUEST): {"hedge.won": {AT: 1}},
    events.HedgeLost(REQUEST): {"hedge.lost": {AT: 1}},
    events.FailedOver(REQUEST, A, B, "ConnectError"): {
        "failovers": {(*AT, "ConnectError"): 1}
    },
    events.OriginDown(A, "503"): {"origin.up": {AT: 0}},
    events.OriginUp(A): {"origin.up": {AT: 1}},
    events.DeadlineCut(REQUEST, "its body", 2.5): {"deadline.cuts": {(*AT, "body"): 1}},
    events.ConnectionOpened(REQUEST): {"pool.opened": {AT: 1}},
    events.ConnectionReused(REQUEST): {"pool.reused": {AT: 1}},
    events.ConnectionRetired(A): {"pool.retired": {AT: 1}},
    events.FaultInjected(REQUEST, "503"): {"faults": {(*AT, "503"): 1}},
}


def plain(numbers: Numbers) -> dict[str, dict[tuple[Any, ...], float]]:
    return {
        name: {labels: getattr(value, "sum", value) for labels, value in points.items()}
        for name, points in numbers.all().items()
    }


@pytest.mark.parametrize("event", HEARD, ids=lambda event: type(event).__name__)
def test_opentelemetry_hears_of(event: events.Event) -> None:
    numbers = Numbers()
    otel.Metrics(numbers.provider)(event)
    assert plain(numbers) == HEARD[event]


@pytest.mark.parametrize("event", HEARD, ids=lambda event: type(event).__name__)
def test_prometheus_hears_the_same(event: events.Event) -> None:
    registry = CollectorRegistry()
    prometheus.Metrics(registry)(event)
    by_name = {each.name.removeprefix("httpx_resilient."): each for each in ALL}
    for name, points in HEARD[event].items():
        for labels, value in points.items():
            flat = by_name[name].flat
            flat += "_sum" * (by_name[name].kind is Kind.HISTOGRAM)
            found = [
                sample.value
                for metric in registry.collect()
                for sample in metric.samples
                if sample.name == flat
                and tuple(filter(None, sample.labels.values()))
                == tuple(map(str, labels))
            ]
            assert found == [value]


def test_every_event_is_heard_but_by_its_base_classes() -> None:
    kinds = {getattr(events, name) for name in events.__all__} - {
        events.Event,
        events.RequestEvent,
        events.Listener,
    }
    assert {type(event) for event in HEARD} == kinds


def test_an_event_of_another_kind_adds_nothing() -> None:
    numbers = Numbers()
    otel.Metrics(numbers.provider)(events.Event())
    assert numbers.all() == {}


def test_a_duration_has_the_buckets_of_the_conventions() -> None:
    numbers = Numbers()
    otel.Metrics(numbers.provider)(events.AttemptEnded(REQUEST, 1, 0.2, response=OK))
    (point,) = numbers.all()["attempt.duration"].values()
    assert point.explicit_bounds == SECONDS


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        ("503", "503"),
        ("503, and the retry budget is spent", "503"),
        ("ReadTimeout", "ReadTimeout"),
        ("HTTPError: some text", "HTTPError"),
        ("the server said so", "_OTHER"),
        ("Quota for tenant 17", "_OTHER"),
        ("5031", "_OTHER"),
        ("", "_OTHER"),
    ],
)
def test_a_reason_is_told_by_its_status_or_class(reason: str, label: str) -> None:
    assert class_of(reason) == label


@given(st.text())
def test_a_label_is_never_a_free_text(reason: str) -> None:
    assert re.fullmatch(r"_OTHER|\d{3}|[A-Z]\w*", class_of(reason))


def families(registry: CollectorRegistry) -> dict[str, tuple[str, set[str]]]:
    """Names and types, and the names of labels, without those of the exporter."""

    def labels(metric: Metric) -> set[str]:
        return {name for sample in metric.samples for name in sample.labels} - {"le"}

    return {
        metric.name: (
            metric.type,
            {name for name in labels(metric) if not name.startswith("otel_")},
        )
        for metric in registry.collect()
        if metric.name != "target" and metric.samples
    }


def test_the_names_are_those_of_opentelemetrys_exporter_to_prometheus() -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    reader = PrometheusMetricReader(registry=theirs)
    budget, provider = RetryBudget(), MeterProvider([reader])
    budget.account(REQUEST.url)
    for listener in (otel.Metrics(provider), prometheus.Metrics(ours)):
        listener.watch(budget, ConcurrencyLimit(1))
        for event in HEARD:
            listener(event)
    assert families(theirs) == families(ours)
    provider.shutdown()


class TestWatching:
    def test_a_budgets_level(self) -> None:
        numbers, budget = Numbers(), RetryBudget(most=5)
        otel.Metrics(numbers.provider).watch(budget)
        budget.spend(REQUEST.url, 1.0, 2)
        assert plain(numbers) == {"budget.level": {AT: 3}}

    def test_limits_and_pools(self) -> None:
        numbers = Numbers()
        limits = [ConcurrencyLimit(1), AdaptiveConcurrencyLimit(), RateLimit(1)]
        otel.Metrics(numbers.provider).watch(*limits, PoolingTransport())
        waiting = {("concurrency",): 0, ("rate",): 0, ("pool",): 0}
        assert plain(numbers) == {"limit.waiting": waiting}

    def test_without_origins_the_numbers_of_all_are_added(self) -> None:
        numbers, budget = Numbers(), RetryBudget(most=5)
        metrics = otel.Metrics(numbers.provider, per_origin=False)
        metrics.watch(budget)
        budget.account(REQUEST.url)
        budget.account(BREW.url)
        for event in HEARD:
            metrics(event)
        told = plain(numbers)
        assert told["budget.level"] == {(): 10}
        assert told["pool.opened"] == {(): 1}
        assert "circuit.state" not in told

    def test_prometheus_without_origins(self) -> None:
        registry, budget = CollectorRegistry(), RetryBudget(most=5)
        metrics = prometheus.Metrics(registry, per_origin=False)
        metrics.watch(budget)
        budget.account(REQUEST.url)
        for event in HEARD:
            metrics(event)
        value = registry.get_sample_value
        assert value("httpx_resilient_budget_level") == 5
        assert value("httpx_resilient_pool_opened_total") == 1
        assert value("httpx_resilient_circuit_state") is None

    def test_what_has_no_levels_is_refused(self) -> None:
        wrong: Any = "budget"
        with pytest.raises(TypeError, match="what can be watched is a RetryBudget"):
            otel.Metrics().watch(wrong)


def test_a_registry_takes_one_listener() -> None:
    registry = CollectorRegistry()
    assert repr(prometheus.Metrics(registry)) == "<Metrics>"
    with pytest.raises(ValueError, match="Duplicated"):
        prometheus.Metrics(registry)


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_every_name_is_in_the_documentation(each: Any) -> None:
    assert f"    {each.name} (" in str(otel.Metrics.__doc__)
    assert f"    {each.flat} (" in str(prometheus.Metrics.__doc__)
