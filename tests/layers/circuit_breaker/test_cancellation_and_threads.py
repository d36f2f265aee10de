"""The circuit-breaking layer: cancelled requests, and threads that share a breaker."""

from __future__ import annotations

import random
import threading
from typing import Any

import anyio
import httpx
import pytest
from support.gates import until
from support.server import Server, Step, close, drip, head, reply, stall
from support.world import World, in_async

from httpx_resilient import CircuitBreaker, CircuitBreakingTransport
from httpx_resilient._core.origin import OriginKey
from httpx_resilient._layers.circuit_breaker.state import HalfOpen

pytestmark = pytest.mark.anyio

HALF = head(200, {"content-length": "9"}) + b"half"


def quick() -> CircuitBreaker:
    return CircuitBreaker(minimum_calls=2, open_for=0.05, max_open_for=0.05)


def half_open(breaker: CircuitBreaker, key: OriginKey, successes: int = 0) -> None:
    """Replace a circuit by a half-open one with this number of successful probes."""
    circuit = HalfOpen(1, counts=(successes, 0, 0))
    breaker.circuits.apply(key, lambda _: (circuit, None))


def circuit_of(breaker: CircuitBreaker) -> Any:
    """Return the circuit of the only origin."""
    (circuit,) = breaker.circuits.states().values()
    return circuit


@in_async
@pytest.mark.parametrize("step", [stall(), stall(HALF)], ids=["headers", "body"])
async def test_another_probe_is_sent_after_one_is_cancelled(
    world: World, server: Server, step: Step
) -> None:
    server.play(reply(500), reply(500), step, reply(200))
    breaker = quick()
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        for _ in range(2):
            await client.get(server.url)
        await world.sleep(0.1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, server.url)
            await until(world, lambda: server.requests == 3)
            tasks.cancel_scope.cancel()
        assert (await client.get(server.url)).status_code == 200
    (state,) = breaker.states().values()
    assert state[:3] == ("half-open", 1, 0)


@in_async
async def test_a_storm_of_cancelled_probes_leaves_the_circuit_half_open(
    world: World, server: Server
) -> None:
    chance = random.Random(7)
    fates = [
        reply(200, b"x" * 100),
        drip(200, [b"x"] * 3, every=0.001),
        stall(),
        stall(HALF),
    ]
    breaker = CircuitBreaker(minimum_calls=10_000, open_for=0.01, max_open_for=0.01)
    server.play(*[chance.choice(fates) for _ in range(300)], reply(200))
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    ended: list[Any] = []
    async with world.client(transport) as client:
        half_open(breaker, ("http", "127.0.0.1", server.port), successes=5)

        async def get() -> None:
            with anyio.move_on_after(chance.random() / 20):
                try:
                    ended.append(await client.get(server.url))
                except world.ours.CircuitOpen as error:
                    ended.append(error)

        for _ in range(6):
            async with anyio.create_task_group() as tasks:
                for _ in range(50):
                    tasks.start_soon(get)
        circuit = circuit_of(breaker)
        assert isinstance(circuit, HalfOpen)
        assert (circuit.probes, circuit.bodies) == ((), ())
        answered = sum(isinstance(each, world.library.Response) for each in ended)
        assert answered <= circuit.counts[0] - 5
        assert circuit.counts[1:] == (0, 0)
        server.play(reply(200))
        with anyio.fail_after(5):
            assert (await client.get(server.url)).status_code == 200


@in_async
async def test_cancelled_requests_do_not_count_in_a_closed_circuit(
    world: World, server: Server
) -> None:
    server.play(stall(), stall(HALF), close())
    server.play(stall(HALF))
    breaker = CircuitBreaker()
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(client.get, server.url)
            await until(world, lambda: server.requests == 30)
            tasks.cancel_scope.cancel()
    assert {state[:3] for state in breaker.states().values()} == {("closed", 0, 0)}


def in_threads(work: Any, number: int = 4) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_requests_of_all_threads_count_in_one_circuit() -> None:
    breaker = CircuitBreaker(minimum_calls=10**6, window=10**6)
    statuses = [200, 404, 500]

    def work() -> None:
        transport = CircuitBreakingTransport(
            httpx.MockTransport(
                lambda request: httpx.Response(int(request.url.path[1:]))
            ),
            breaker,
        )
        with httpx.Client(transport=transport) as client:
            for number in range(300):
                client.get(f"http://any/{statuses[number % 3]}")

    in_threads(work)
    assert breaker.states()["http://any"][:4] == ("closed", 1200, 400, 0)


def test_of_eight_concurrent_threads_one_sends_a_probe() -> None:
    breaker = CircuitBreaker(half_open_wait=0)
    together = threading.Barrier(8)
    all_refused, seen = threading.Event(), list[str]()

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append("sent")
        assert all_refused.wait(10)
        return httpx.Response(200)

    transport = CircuitBreakingTransport(httpx.MockTransport(handler), breaker)
    half_open(breaker, ("http", "any", None))

    def work() -> None:
        together.wait()
        try:
            transport.handle_request(httpx.Request("GET", "http://any/"))
        except httpx.TransportError:
            seen.append("refused")
            if seen.count("refused") == 7:
                all_refused.set()

    in_threads(work, 8)
    assert sorted(seen) == [*["refused"] * 7, "sent"]
