"""The listener: the objects it watches, its labels, and the names it registers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from support.measured_events import MEASURED, REQUEST, SERVER_A, UNUSUAL
from support.telemetry import Measurements

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    CircuitBreaker,
    ConcurrencyLimit,
    ConcurrencyLimitingTransport,
    PoolingTransport,
    RateLimit,
    RateLimitingTransport,
    RetryBudget,
    events,
    key_by_path,
    otel,
    prometheus,
)
from httpx_resilient._metrics.instruments import ALL
from httpx_resilient._metrics.listener import MAX_SERVERS


def families(registry: CollectorRegistry) -> dict[str, tuple[str, set[str]]]:
    """Names, types and label names, without those that the exporter adds."""

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


def test_prometheus_has_the_names_that_opentelemetrys_exporter_gives() -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    reader = PrometheusMetricReader(registry=theirs)
    budget, limit, provider = (
        RetryBudget(),
        ConcurrencyLimit(1),
        MeterProvider([reader]),
    )
    budget.account(REQUEST.url)
    used(limit)
    for listener in (otel.Metrics(provider), prometheus.Metrics(ours)):
        listener.watch(budget, limit)
        for event in MEASURED:
            listener(event)
    assert families(theirs) == families(ours)
    provider.shutdown()


def test_a_watched_budget_reports_its_level() -> None:
    measurements, budget = Measurements(), RetryBudget(most=5)
    otel.Metrics(measurements.provider).watch(budget)
    budget.spend(REQUEST.url, 1.0, 2)
    assert measurements.sums() == {"budget.level": {SERVER_A: 3}}


def test_a_watched_budget_with_keys_reports_the_level_of_each_server() -> None:
    measurements = Measurements()
    by_path, by_tenant = (
        RetryBudget(most=5, key=key_by_path()),
        RetryBudget(most=5, key=len),
    )
    otel.Metrics(measurements.provider).watch(by_path, by_tenant)
    for target in ("one", "two"):
        by_path.account(REQUEST.url.join(f"/{target}"))
    tenant: Any = "tenant"
    by_tenant.account(tenant)
    assert measurements.sums() == {"budget.level": {SERVER_A: 10, (): 5}}


def used(*limits: Any) -> None:
    """Send a request through each limit, so that it knows the server."""
    for limit in limits:
        rate = isinstance(limit, RateLimit)
        kind: Any = RateLimitingTransport if rate else ConcurrencyLimitingTransport
        mock = httpx.MockTransport(lambda request: httpx.Response(200))
        with httpx.Client(transport=kind(mock, limit)) as client:
            client.get(REQUEST.url)


def test_watched_limits_report_their_queues_by_server() -> None:
    measurements = Measurements()
    limits = [ConcurrencyLimit(1), AdaptiveConcurrencyLimit(), RateLimit(1)]
    otel.Metrics(measurements.provider).watch(*limits, PoolingTransport())
    assert measurements.sums() == {}
    used(*limits)
    waiting = {(*SERVER_A, "concurrency"): 0, (*SERVER_A, "rate"): 0}
    assert measurements.sums() == {"limit.waiting": waiting}


def test_a_limit_of_all_origins_or_of_own_keys_names_no_server() -> None:
    measurements = Measurements()
    limits = [ConcurrencyLimit(1, per_origin=False), RateLimit(1, key=lambda _: "*")]
    otel.Metrics(measurements.provider).watch(*limits)
    used(*limits)
    waiting = {("concurrency",): 0, ("rate",): 0}
    assert measurements.sums() == {"limit.waiting": waiting}


def test_an_object_that_cannot_be_watched_is_refused() -> None:
    wrong: Any = "budget"
    with pytest.raises(TypeError, match="watch takes a RetryBudget"):
        otel.Metrics().watch(wrong)


def test_a_circuit_needs_no_watching() -> None:
    breaker: Any = CircuitBreaker()
    with pytest.raises(TypeError, match="circuits need no watching"):
        otel.Metrics().watch(breaker)


def test_without_origins_opentelemetry_sums_the_numbers_of_all_servers() -> None:
    measurements, budget = Measurements(), RetryBudget(most=5)
    metrics = otel.Metrics(measurements.provider, per_origin=False)
    metrics.watch(budget)
    budget.account(REQUEST.url)
    budget.account(UNUSUAL.url)
    for event in MEASURED:
        metrics(event)
    sums = measurements.sums()
    assert sums["budget.level"] == {(): 10}
    assert sums["pool.opened"] == {(): 1}
    assert "circuit.state" not in sums


def test_without_origins_prometheus_has_no_label_of_a_server() -> None:
    registry, budget = CollectorRegistry(), RetryBudget(most=5)
    metrics = prometheus.Metrics(registry, per_origin=False)
    metrics.watch(budget)
    budget.account(REQUEST.url)
    for event in MEASURED:
        metrics(event)
    value = registry.get_sample_value
    assert value("httpx_resilient_budget_level") == 5
    assert value("httpx_resilient_pool_opened_total") == 1
    assert value("httpx_resilient_circuit_state") is None


def test_a_registry_takes_one_listener() -> None:
    registry = CollectorRegistry()
    assert repr(prometheus.Metrics(registry)) == "<Metrics>"
    with pytest.raises(ValueError, match="Duplicated"):
        prometheus.Metrics(registry)


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_the_name_of_every_instrument_is_documented(each: Any) -> None:
    assert f"    {each.name} (" in str(otel.Metrics.__doc__)
    assert f"    {each.prometheus_name} (" in str(prometheus.Metrics.__doc__)


def test_labels_name_a_bounded_number_of_servers() -> None:
    registry = CollectorRegistry()
    metrics, budget = prometheus.Metrics(registry), RetryBudget(most=5)
    metrics.watch(budget)
    for number in range(MAX_SERVERS + 10):
        origin = f"https://{number}.example"
        request = httpx.Request("GET", origin)
        metrics(events.AttemptStarted(request, 1))
        metrics(events.CircuitOpened(origin, "5 of 5 failed", 5.0))
    for number in (MAX_SERVERS + 1, MAX_SERVERS + 2):
        budget.account(f"https://{number}.example")
    samples = {
        metric.name: {
            sample.labels["server_address"]: sample.value
            for sample in metric.samples
            if not sample.name.endswith("_created")
        }
        for metric in registry.collect()
    }
    attempts = samples["httpx_resilient_attempts"]
    assert len(attempts) == MAX_SERVERS + 1
    assert attempts["_OTHER"] == 10
    assert samples["httpx_resilient_circuit_opened"]["_OTHER"] == 10
    # One gauge would say nothing about ten circuits, but what is left can be summed.
    assert len(samples["httpx_resilient_circuit_state"]) == MAX_SERVERS
    assert "_OTHER" not in samples["httpx_resilient_circuit_state"]
    assert samples["httpx_resilient_budget_level"] == {"_OTHER": 10}


def test_each_listener_bounds_its_own_servers() -> None:
    first = prometheus.Metrics(CollectorRegistry())
    for number in range(MAX_SERVERS + 1):
        first(events.AttemptStarted(httpx.Request("GET", f"https://{number}"), 1))
    registry = CollectorRegistry()
    second = prometheus.Metrics(registry)
    second(events.AttemptStarted(httpx.Request("GET", "https://new.example"), 1))
    [family] = [m for m in registry.collect() if m.name == "httpx_resilient_attempts"]
    assert family.samples[0].labels["server_address"] == "new.example"
