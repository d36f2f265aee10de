"""
Bodies that break: what their responses occupy is free at once, though nobody closes them.

A reader that meets an exception often forgets to close the response, and a log of errors
keeps it. Its connection is of no use any more, so its place must not wait for either.
"""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from support.gates import in_total, pooling, stream, until
from support.server import Server, Step, close, head, raw, reply, reset, stall
from support.world import World, in_async

from httpx_resilient import CircuitBreaker, ConcurrencyLimit
from httpx_resilient._layers.circuit_breaker.circuit import HalfOpen

pytestmark = pytest.mark.anyio

HALF = head(200, {"content-length": "9"}) + b"half"
ENDS: dict[str, Step] = {
    "closed": close(HALF),
    "reset": reset(HALF),
    "silent": stall(HALF),
    "cancelled": stall(HALF),
}

ends = pytest.mark.parametrize("end", ENDS)


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def impatient(world: World, transport: Any) -> Any:
    timeout = world.library.Timeout(10, pool=0.3, read=0.1)
    return world.client(transport, timeout=timeout)


async def break_body(world: World, client: Any, url: str, end: str) -> list[Any]:
    """Read a body that breaks, and do not close it. Returns what a log would keep."""
    response = await stream(client, url)
    kept = [response]
    if end == "cancelled":
        with anyio.move_on_after(0.03) as scope:
            async for _ in response.aiter_raw():
                pass
        assert scope.cancelled_caught
        return kept
    try:
        async for _ in world.chunks(response):
            pass
    except world.library.TransportError as error:
        kept.append(error)
    assert len(kept) == 2
    return kept


def skip_unless_it_applies(world: World, end: str) -> None:
    if world.sync and end == "cancelled":
        pytest.skip("a synchronous reader cannot be cancelled")


def broken_bodies(world: World) -> Any:
    """Return a mock whose bodies break."""

    class Broken(world.library.SyncByteStream, world.library.AsyncByteStream):  # type: ignore[name-defined,misc] # the library is a parameter
        def __iter__(self) -> Iterator[bytes]:
            yield b"half"
            raise world.library.ReadError("broken")

        async def __aiter__(self) -> Any:
            for chunk in self:
                yield chunk

    return world.mock(lambda request: world.library.Response(200, stream=Broken()))


@ends
async def test_the_place_in_the_pool_is_free(
    world: World, server: Server, end: str
) -> None:
    skip_unless_it_applies(world, end)
    transport = pooling(world, 1)
    client, kept = impatient(world, transport), list[Any]()
    for _ in range(3):
        server.play(ENDS[end], reply(200, b"next"))
        kept += await break_body(world, client, server.url, end)
        assert "active" not in in_total(transport)
        assert (await client.get(server.url)).content == b"next"
    await until(world, lambda: len(server.open_connections) == 1)
    for response in kept[:: len(kept) // 3]:
        await world.close(response)
    assert in_total(transport)["idle"] == 1
    await client.aclose()


@in_async
async def test_a_task_that_is_cancelled_in_a_group_frees_its_place(
    world: World, server: Server
) -> None:
    server.play(stall(HALF), reply())
    transport = pooling(world, 1)
    async with impatient(world, transport) as client:
        response = await stream(client, server.url)

        async def read() -> None:
            async for _ in response.aiter_raw():
                pass

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.sleep(0.03)
            tasks.cancel_scope.cancel()
        assert (await client.get(server.url)).status_code == 200


@ends
async def test_the_permit_of_a_concurrency_limit_is_free(
    world: World, server: Server, end: str
) -> None:
    skip_unless_it_applies(world, end)
    limit = ConcurrencyLimit(1)
    transport = world.ours.ConcurrencyLimitingTransport(pooling(world, 1), limit)
    client = impatient(world, transport)
    server.play(ENDS[end], reply())
    kept = await break_body(world, client, server.url, end)
    (state,) = limit.states().values()
    assert (state.in_flight, len(kept) > 0) == (0, True)
    assert (await client.get(server.url)).status_code == 200
    await client.aclose()


async def test_the_permit_of_a_concurrency_limit_over_a_mock_is_free(
    world: World,
) -> None:
    limit = ConcurrencyLimit(1)
    transport = world.ours.ConcurrencyLimitingTransport(broken_bodies(world), limit)
    client, kept = impatient(world, transport), list[Any]()
    for _ in range(3):
        kept += await break_body(world, client, "http://any/", "closed")
        (state,) = limit.states().values()
        assert state.in_flight == 0


def half_open(breaker: CircuitBreaker, key: Any) -> None:
    """Replace a circuit by a half-open one."""
    breaker.circuits.apply(key, lambda _: (HalfOpen(1, counts=(0, 0, 0)), None))


def probes(breaker: CircuitBreaker) -> int:
    """Return the probes of the only origin that are under way."""
    (circuit,) = breaker.circuits.states().values()
    return len(getattr(circuit, "probes", ()))


@ends
async def test_the_probe_of_a_half_open_circuit_has_ended(
    world: World, server: Server, end: str
) -> None:
    skip_unless_it_applies(world, end)
    breaker = CircuitBreaker()
    half_open(breaker, ("http", "127.0.0.1", server.port))
    transport = world.ours.CircuitBreakingTransport(pooling(world, 1), breaker)
    client = impatient(world, transport)
    server.play(ENDS[end], reply())
    kept = await break_body(world, client, server.url, end)
    assert (probes(breaker), len(kept) > 0) == (0, True)
    await client.aclose()


async def test_the_probe_of_a_half_open_circuit_over_a_mock_has_ended(
    world: World,
) -> None:
    breaker = CircuitBreaker()
    half_open(breaker, ("http", "any", None))
    transport = world.ours.CircuitBreakingTransport(broken_bodies(world), breaker)
    client = impatient(world, transport)
    kept = await break_body(world, client, "http://any/", "closed")
    assert (probes(breaker), len(kept)) == (0, 2)


async def test_unread_errors_that_are_let_go_of_free_their_places_when_the_pool_stalls(
    world: World, server: Server
) -> None:
    """A response of the library refers to itself, and nothing collects it here."""
    body = bytes(100_000)
    server.play(raw(head(400, {"content-length": str(len(body))}) + body))
    transport = pooling(world, 2)
    timeout = world.library.Timeout(20, pool=None)
    client = world.client(transport, timeout=timeout)
    started = time.monotonic()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(5):
            assert (await stream(client, server.url)).status_code == 400
        gc.collect()
    assert len([each for each in warned if "neither read" in str(each.message)]) == 5
    assert time.monotonic() - started < 10
    await client.aclose()
