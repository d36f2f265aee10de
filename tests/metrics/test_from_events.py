"""The measurements that each event adds, in OpenTelemetry and in Prometheus."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from support.measured_events import MEASURED, OK, REQUEST
from support.telemetry import Measurements

from httpx_resilient import events, otel, prometheus
from httpx_resilient._metrics.instruments import ALL, Kind
from httpx_resilient._metrics.semconv import BUCKETS, CALL_BUCKETS, status_or_class

every_event = pytest.mark.parametrize(
    "event", MEASURED, ids=lambda event: type(event).__name__
)


@every_event
def test_an_event_adds_its_measurements_in_opentelemetry(event: events.Event) -> None:
    measurements = Measurements()
    otel.Metrics(measurements.provider)(event)
    assert measurements.sums() == MEASURED[event]


@every_event
def test_an_event_adds_the_same_measurements_in_prometheus(event: events.Event) -> None:
    registry = CollectorRegistry()
    prometheus.Metrics(registry)(event)
    by_name = {each.name.removeprefix("httpx_resilient."): each for each in ALL}
    for name, points in MEASURED[event].items():
        for labels, value in points.items():
            sample_name = by_name[name].prometheus_name
            sample_name += "_sum" * (by_name[name].kind is Kind.HISTOGRAM)
            found = [
                sample.value
                for metric in registry.collect()
                for sample in metric.samples
                if sample.name == sample_name
                and tuple(filter(None, sample.labels.values()))
                == tuple(map(str, labels))
            ]
            assert found == [value]


def test_every_public_event_but_the_base_classes_is_in_the_table() -> None:
    kinds = {getattr(events, name) for name in events.__all__} - {
        events.Event,
        events.RequestEvent,
        events.Listener,
        events.with_calls,
    }
    assert {type(event) for event in MEASURED} == kinds


def test_an_event_of_an_unknown_kind_adds_nothing() -> None:
    measurements = Measurements()
    otel.Metrics(measurements.provider)(events.Event())
    assert measurements.sums() == {}


def test_a_duration_has_the_buckets_of_the_conventions() -> None:
    measurements = Measurements()
    metrics = otel.Metrics(measurements.provider)
    metrics(events.AttemptEnded(REQUEST, 1, 0.2, response=OK))
    (point,) = measurements.points()["attempt.duration"].values()
    assert point.explicit_bounds == BUCKETS


def test_a_call_has_longer_buckets_because_it_may_wait_between_attempts() -> None:
    measurements = Measurements()
    metrics = otel.Metrics(measurements.provider)
    metrics(events.CallEnded(REQUEST, 25.0, "retried", 3, response=OK))
    (point,) = measurements.points()["call.duration"].values()
    assert point.explicit_bounds == CALL_BUCKETS
    assert point.explicit_bounds[: len(BUCKETS)] == BUCKETS


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
def test_a_reason_is_labelled_by_its_status_or_class(reason: str, label: str) -> None:
    assert status_or_class(reason) == label


@given(st.text())
def test_the_label_of_a_reason_is_never_free_text(reason: str) -> None:
    assert re.fullmatch(r"_OTHER|\d{3}|[A-Z]\w*", status_or_class(reason))
