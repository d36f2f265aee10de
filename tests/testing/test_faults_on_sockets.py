"""Injected faults against real ones on sockets, and that layers and pools recover."""

from __future__ import annotations

import gc
import ssl
from typing import Any

import anyio
import pytest
from support.faults import read_body
from support.server import Server, Step, close, head, raw, reply, reset, stall
from support.world import World, in_async

from httpx_resilient.testing import (
    Chance,
    Latency,
    Reset,
    SlowBody,
    Together,
    Truncated,
)

pytestmark = pytest.mark.anyio

TLS = ssl.create_default_context()
"""Shared, as making one takes longer than a test."""

TEN = b"0123456789"
LENGTH = head(200, {"content-length": "30"})
CHUNKED = head(200, {"transfer-encoding": "chunked"})
UNTIL_CLOSE = head(200, {})
WHOLE = {
    LENGTH: raw(LENGTH + TEN * 3),
    CHUNKED: raw(CHUNKED + b"1e\r\n" + TEN * 3 + b"\r\n0\r\n\r\n"),
    UNTIL_CLOSE: close(UNTIL_CLOSE + TEN * 3),
}
BROKEN = {
    LENGTH: LENGTH + TEN,
    CHUNKED: CHUNKED + b"1e\r\n" + TEN,
    UNTIL_CLOSE: UNTIL_CLOSE + TEN,
}

CASES: dict[str, tuple[Any, Step, Step]] = {
    "reset": (Reset(), reset(), reply()),
    "reset, length": (Reset(10), reset(BROKEN[LENGTH]), WHOLE[LENGTH]),
    "reset, chunks": (Reset(10), reset(BROKEN[CHUNKED]), WHOLE[CHUNKED]),
    "reset, neither": (Reset(10), reset(BROKEN[UNTIL_CLOSE]), WHOLE[UNTIL_CLOSE]),
    "closed, length": (Truncated(10), close(BROKEN[LENGTH]), WHOLE[LENGTH]),
    "closed, chunks": (Truncated(10), close(BROKEN[CHUNKED]), WHOLE[CHUNKED]),
    "closed, neither": (
        Truncated(10), close(BROKEN[UNTIL_CLOSE]), WHOLE[UNTIL_CLOSE],
    ),
    "late": (Latency(9), stall(), reply()),
    "slow": (SlowBody(9), stall(CHUNKED), WHOLE[CHUNKED]),
}  # fmt: skip
"""A fault, the same failure of a real server, and the response to inject it into."""


@pytest.mark.parametrize("case", CASES)
async def test_a_fault_looks_like_the_same_failure_of_a_real_server(
    world: World, server: Server, case: str
) -> None:
    fault, real, whole = CASES[case]
    server.play(real, whole)
    outcomes = []
    faulty = world.testing.FaultInjectingTransport(world.http(verify=TLS), fault)
    for transport in (world.http(verify=TLS), faulty):
        timeout = 0.1 if case in {"late", "slow"} else 5.0
        async with world.client(transport, timeout=timeout) as client:
            outcomes.append(await read_body(world, client, server.url))
    assert outcomes[0] == outcomes[1]
    assert faulty.injected == {type(fault).__name__: 1}
    gc.collect()  # warns of a generator that is left suspended


@pytest.mark.parametrize("fault", [Truncated(30), Reset(30), SlowBody(0.001)])
async def test_a_body_up_to_the_length_of_the_fault_arrives_whole(
    world: World, server: Server, fault: Any
) -> None:
    server.play(WHOLE[LENGTH], WHOLE[CHUNKED], reply())
    inner = world.http(verify=TLS)
    faulty = world.testing.FaultInjectingTransport(inner, fault)
    async with world.client(faulty) as client:
        assert (await client.get(server.url)).content == TEN * 3
        assert (await client.get(server.url)).content == TEN * 3
        assert (await client.get(server.url)).content == b""
    assert server.connections == 1
    slow = isinstance(fault, SlowBody)
    assert faulty.injected == ({"SlowBody": 2} if slow else {})


async def test_a_retry_sends_the_body_again_after_each_kind_of_fault(
    world: World, server: Server
) -> None:
    """Of the four attempts, the server sees the one that is reset and the last one."""
    server.play(reply(200, b"finally"))
    library, testing = world.library, world.testing
    script = [503, library.ReadTimeout, Reset(), None]
    faulty = testing.FaultInjectingTransport(world.http(verify=TLS), script)
    stop = {"retry": {"stop": lambda state: False}}
    async with world.client(world.transport(faulty)) as client:
        response = await client.put(server.url, content=b"body", extensions=stop)
    testing.assert_attempts(response, 503, library.ReadTimeout, library.ReadError, 200)
    assert server.bodies == [b"body", b"body"]


async def test_a_retry_does_not_wait_for_the_slow_body_of_a_failed_response(
    world: World,
) -> None:
    testing = world.testing
    slow = Together(testing.Answer(503, body=TEN), SlowBody(9))
    transport = world.transport(testing.FaultInjectingTransport(None, [slow, 200]))
    async with world.client(transport, timeout=None) as client:
        with anyio.fail_after(5):
            response = await client.get("https://any/")
    testing.assert_attempts(response, 503, 200)


async def test_a_deadline_interrupts_a_latency_and_a_slow_body(world: World) -> None:
    mock = world.mock(lambda request: world.library.Response(200, text="whole"))
    for fault in (Latency(9), SlowBody(9)):
        faulty = world.testing.FaultInjectingTransport(mock, fault)
        transport = world.ours.DeadlineTransport(faulty, 0.05)
        async with world.client(transport) as client:
            with pytest.raises(world.ours.DeadlineExceeded):
                await client.get("https://any/")


@in_async
async def test_a_cancelled_request_returns_its_connection(
    world: World, server: Server
) -> None:
    server.play(raw(LENGTH + TEN * 3))
    limits = world.library.Limits(max_connections=1)
    script = [Latency(9), SlowBody(9), Together(SlowBody(9, 1), Truncated(5)), Reset()]
    faulty = world.testing.FaultInjectingTransport(
        world.http(verify=TLS, limits=limits), script
    )
    async with world.client(faulty, timeout=None) as client:
        for _ in range(3):
            with anyio.move_on_after(0.05) as scope:
                await client.get(server.url)
            assert scope.cancelled_caught
        with pytest.raises(world.library.ReadError):
            await client.get(server.url)
        assert (await client.get(server.url)).content == TEN * 3
    gc.collect()


@in_async
async def test_the_pool_gets_all_connections_back_after_many_faults_and_cancellations(
    world: World, server: Server
) -> None:
    server.play(raw(LENGTH + TEN * 3))
    pool = world.ours.PoolingTransport(
        verify=TLS, limits=world.library.Limits(max_connections=3)
    )
    chaos = Together(
        Chance(0.3, Latency(0.01)),
        Chance(0.4, 503, Reset(), Reset(5), Truncated(5)),
        Chance(0.4, SlowBody(0.01, size=5)),
    )
    faulty = world.testing.FaultInjectingTransport(pool, chaos, seed=1)
    arrived: list[tuple[bytes, str]] = []

    async def get(patience: float) -> None:
        with anyio.move_on_after(patience):
            arrived.append(await read_body(world, client, server.url))

    async with world.client(faulty, timeout=None) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(get, number / 500)
        assert pool.stats().active == 0
        assert faulty.injected
        arrived.clear()
        faulty.enabled = False
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(get, 5)
    assert arrived == [(TEN * 3, "")] * 6
    gc.collect()


@in_async
async def test_concurrent_tasks_use_the_entries_of_a_script_in_the_order_they_start(
    world: World,
) -> None:
    late = [Together(Latency(0.05 - n / 1000), 500 + n) for n in range(40)]
    faulty = world.testing.FaultInjectingTransport(None, late)
    seen: dict[int, int] = {}
    started = []

    async def get(number: int) -> None:
        started.append(number)
        seen[number] = (await client.get("https://any/")).status_code

    async with world.client(faulty) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon(get, number)
    assert [seen[number] for number in started] == list(range(500, 540))
    assert list(seen) != started
