"""Metrics of real requests, through all layers, over real sockets."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from support.server import Server, reply, stall
from support.telemetry import Measurements, Traces
from support.world import World

from httpx_resilient import HedgePolicy, RetryBudget, otel, prometheus

pytestmark = pytest.mark.anyio


async def test_one_listener_measures_all_layers(world: World, server: Server) -> None:
    server.play(reply(503), reply(503), reply(200))
    measurements, budget = Measurements(), RetryBudget()
    metrics = otel.Metrics(measurements.provider)
    pool = world.ours.PoolingTransport(on_event=metrics)
    metrics.watch(budget, pool)
    transport = world.ours.standard_transport(
        pool, budget=budget, retry={"wait": lambda _: 0.0}, on_event=metrics
    )
    async with world.client(transport) as client:
        await client.get(server.url)
        points = measurements.points()
    at = ("127.0.0.1", server.port)
    assert points["calls"] == {(*at, "GET", 200, "retried"): 1}
    assert points["call.attempts"] == {(*at, "GET"): 3}
    assert points["call.duration"][*at, "GET", "retried"].count == 1
    assert points["attempts"] == {(*at, "GET", "first"): 1, (*at, "GET", "again"): 2}
    assert points["retries"] == {(*at, "GET", "503"): 2}
    assert {
        labels: point.count for labels, point in points["attempt.duration"].items()
    } == {(*at, "GET", 503, "503"): 2, (*at, "GET", 200): 1}
    assert points["pool.opened"] == {at: 1}
    assert points["pool.reused"] == {at: 2}
    assert points["pool.connections"] == {(*at, "active"): 0, (*at, "idle"): 1}
    assert points["limit.waiting"] == {(*at, "pool"): 0}
    assert points["budget.level"].keys() == {at}


async def test_prometheus_counts_the_retries_of_a_request(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply(200))
    registry = CollectorRegistry()
    transport = world.transport(on_event=prometheus.Metrics(registry))
    async with world.client(transport) as client:
        await client.get(server.url)
    labels = {
        "server_address": "127.0.0.1",
        "server_port": str(server.port),
        "http_request_method": "GET",
        "error_type": "503",
    }
    name = "httpx_resilient_retries_total"
    assert registry.get_sample_value(name, labels) == 1


async def test_a_tracing_transport_measures_its_own_pool(
    world: World, server: Server
) -> None:
    measurements = Measurements()
    traced = Traces(world).layer(on_event=otel.Metrics(measurements.provider))
    async with world.client(traced) as client:
        await client.get(server.url)
    assert measurements.points()["pool.opened"] == {("127.0.0.1", server.port): 1}


@pytest.mark.parametrize("runtime", ["asyncio", "trio"], indirect=True)
async def test_a_hedge_is_counted(world: World, server: Server) -> None:
    server.play(stall(), reply(200))
    measurements = Measurements()
    transport: Any = world.ours.HedgingTransport(
        None, HedgePolicy(0.02), on_event=otel.Metrics(measurements.provider)
    )
    async with world.client(transport) as client:
        await client.get(server.url)
    at, points = ("127.0.0.1", server.port), measurements.points()
    assert points["hedge.sent"] == points["hedge.won"] == {at: 1}
    assert "hedge.lost" not in points
