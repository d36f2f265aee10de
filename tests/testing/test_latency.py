"""The distributions of latencies."""

from __future__ import annotations

import logging
import math
from random import Random

import pytest
from support.fake_io import FakeIO
from support.faults import outcome_of, plan_of
from support.world import World

from httpx_resilient.testing import FaultInjectingTransport, Latency, Together


def drawn(latency: Latency) -> list[float]:
    """Draw 2,000 latencies, and sort them."""
    return sorted(plan_of(latency, seed=str(n)).delay for n in range(2000))


def test_a_number_is_always_the_same_latency() -> None:
    assert set(drawn(Latency(0.2))) == {0.2}


def test_uniform_latencies_lie_between_two_bounds() -> None:
    seconds = drawn(Latency.uniform(1, 3))
    assert 1 <= seconds[0] < 1.1
    assert 1.9 < seconds[1000] < 2.1
    assert 2.9 < seconds[-1] <= 3


def test_normal_latencies_have_a_mean_and_a_deviation_and_are_never_negative() -> None:
    seconds = drawn(Latency.normal(1, 0.5))
    assert seconds[0] == 0
    assert 0.95 < seconds[1000] < 1.05
    assert 1.4 < seconds[1682] < 1.6  # one deviation above the mean


def test_lognormal_latencies_have_a_median_and_a_99th_percentile() -> None:
    seconds = drawn(Latency.lognormal(median=1, p99=10))
    assert 0.9 < seconds[1000] < 1.1
    assert 8 < seconds[1980] < 13


def test_a_callable_is_a_distribution_that_is_limited_to_a_day() -> None:
    assert drawn(Latency(Random.random))[1000] == pytest.approx(0.5, abs=0.05)
    assert drawn(Latency(lambda _: math.inf))[0] == 86_400


def test_a_callable_that_returns_nan_raises_an_error_that_names_the_seconds() -> None:
    faulty = FaultInjectingTransport(None, Latency(lambda _: math.nan))
    assert "seconds is a number of seconds" in str(outcome_of(faulty, FakeIO()))


@pytest.mark.anyio
async def test_is_logged_at_debug_because_it_may_come_with_every_request(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "httpx_resilient")
    inner = world.mock(lambda request: world.library.Response(200))
    faults = [Together(Latency(0.001), 503), None]
    faulty = world.testing.FaultInjectingTransport(inner, faults)
    async with world.client(world.transport(faulty)) as client:
        await client.get("https://a.example/")
    levels = {
        record.getMessage().partition(": ")[2]: record.levelname
        for record in caplog.records
        if record.name == "httpx_resilient" and "injected" in record.getMessage()
    }
    assert levels == {"injected: Latency": "DEBUG", "injected: 503": "INFO"}
