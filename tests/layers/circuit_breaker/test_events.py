"""A circuit has a state in the metrics before its first transition."""

from __future__ import annotations

from typing import Any

import pytest
from support.server import Server, reply
from support.telemetry import Measurements
from support.world import World

from httpx_resilient import CircuitBreaker, events, key_by_path, otel

pytestmark = pytest.mark.anyio


def created(recorded: list[Any]) -> list[str]:
    return [str(each) for each in recorded if isinstance(each, events.CircuitCreated)]


@pytest.mark.parametrize("slow_after", [None, 9])
async def test_the_first_request_to_an_origin_emits_circuit_created(
    world: World, server: Server, slow_after: float | None
) -> None:
    server.play(reply(200), reply(200))
    recorded: list[Any] = []
    layer = world.ours.CircuitBreakingTransport(
        None, CircuitBreaker(slow_after=slow_after), on_event=recorded.append
    )
    async with world.client(layer) as client:
        await client.get(server.url)
        await client.get(server.url)
    assert created(recorded) == [f"the circuit to {server.url[:-1]} is new"]


async def test_a_circuit_with_a_key_is_created_by_its_key(
    world: World, server: Server
) -> None:
    server.play(reply(200), reply(200), reply(200))
    recorded: list[Any] = []
    layer = world.ours.CircuitBreakingTransport(
        None, CircuitBreaker(key=key_by_path()), on_event=recorded.append
    )
    async with world.client(layer) as client:
        for path in ("a", "b", "a"):
            await client.get(f"{server.url}{path}")
    assert created(recorded) == [
        f"the circuit to {server.url}{path} is new" for path in ("a", "b")
    ]


async def test_a_circuit_is_closed_in_the_metrics_from_the_first_request_on(
    world: World, server: Server
) -> None:
    server.play(reply(200))
    measurements = Measurements()
    layer = world.ours.CircuitBreakingTransport(
        None, CircuitBreaker(), on_event=otel.Metrics(measurements.provider)
    )
    async with world.client(layer) as client:
        await client.get(server.url)
    at = ("127.0.0.1", server.port)
    assert measurements.points()["circuit.state"] == {at: 0}
