"""Metrics of real requests, through all layers, over real sockets."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from support.server import Server, reply, stall
from support.telemetry import Numbers, Traces
from support.world import World

from httpx_resilient import HedgePolicy, RetryBudget, otel, prometheus

pytestmark = pytest.mark.anyio


async def test_all_layers_are_measured_by_one_listener(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply(503), reply(200))
    numbers, budget = Numbers(), RetryBudget()
    metrics = otel.Metrics(numbers.provider)
    pool = world.ours.PoolingTransport(on_event=metrics)
    metrics.watch(budget, pool)
    transport = world.ours.standard_transport(
        pool, budget=budget, retry={"wait": lambda _: 0.0}, on_event=metrics
    )
    async with world.client(transport) as client:
        await client.get(server.url)
        told = numbers.all()
    at = ("127.0.0.1", server.port)
    assert told["attempts"] == {(*at, "GET", "first"): 1, (*at, "GET", "again"): 2}
    assert told["retries"] == {(*at, "GET", "503"): 2}
    assert {
        labels: point.count for labels, point in told["attempt.duration"].items()
    } == {(*at, "GET", 503, "503"): 2, (*at, "GET", 200): 1}
    assert told["pool.opened"] == {at: 1}
    assert told["pool.reused"] == {at: 2}
    assert told["pool.connections"] == {(*at, "active"): 0, (*at, "idle"): 1}
    assert told["limit.waiting"] == {("pool",): 0}
    assert told["budget.level"].keys() == {at}


async def test_prometheus_measures_the_same(world: World, server: Server) -> None:
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
    numbers = Numbers()
    traced = Traces(world).layer(on_event=otel.Metrics(numbers.provider))
    async with world.client(traced) as client:
        await client.get(server.url)
    assert numbers.all()["pool.opened"] == {("127.0.0.1", server.port): 1}


@pytest.mark.parametrize("runtime", ["asyncio", "trio"], indirect=True)
async def test_a_hedge_is_counted(world: World, server: Server) -> None:
    server.play(stall(), reply(200))
    numbers = Numbers()
    transport: Any = world.ours.HedgingTransport(
        None, HedgePolicy(0.02), on_event=otel.Metrics(numbers.provider)
    )
    async with world.client(transport) as client:
        await client.get(server.url)
    at, told = ("127.0.0.1", server.port), numbers.all()
    assert told["hedge.sent"] == told["hedge.won"] == {at: 1}
    assert "hedge.lost" not in told
