"""What faults claim a wire does, beside what a real one does; and that nothing is lost."""

from __future__ import annotations

import gc
import ssl
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_io import FakeIO
from support.server import Server, Step, close, head, raw, reply, reset, stall
from support.world import World, in_async

from httpx_resilient import RetryingTransport
from httpx_resilient.testing import (
    Chance,
    Latency,
    Reset,
    SlowBody,
    Together,
    Truncated,
)
from httpx_resilient.testing._faulty_body import FaultyBody
from httpx_resilient.testing._plan import BodyFault

pytestmark = pytest.mark.anyio

TLS = ssl.create_default_context()
"""To make one takes longer than such a test."""

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

AS_REAL: dict[str, tuple[Any, Step, Step]] = {
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
"""A fault, what is to be the same on the wire, and what it is injected into."""


async def met(world: World, client: Any, url: str) -> tuple[bytes, str]:
    """Read a response. Returns what came of its body, and the exception that ended it."""
    came = b""
    try:
        response = await client.send(client.build_request("GET", url), stream=True)
        try:
            async for chunk in world.chunks(response):
                came += chunk
        finally:
            await world.close(response)
    except world.library.TransportError as error:
        return came, type(error).__name__
    return came, ""


@pytest.mark.parametrize("case", AS_REAL)
async def test_a_fault_is_what_a_real_wire_does(
    world: World, server: Server, case: str
) -> None:
    fault, real, whole = AS_REAL[case]
    server.play(real, whole)
    outcomes = []
    faulty = world.testing.FaultInjectingTransport(world.http(verify=TLS), fault)
    for transport in (world.http(verify=TLS), faulty):
        timeout = 0.1 if case in {"late", "slow"} else 5.0
        async with world.client(transport, timeout=timeout) as client:
            outcomes.append(await met(world, client, server.url))
    assert outcomes[0] == outcomes[1]
    assert faulty.injected == {type(fault).__name__: 1}
    gc.collect()  # what was left half-way would be warned of here


@pytest.mark.parametrize("fault", [Truncated(30), Reset(30), SlowBody(0.001)])
async def test_a_body_that_is_no_longer_arrives_whole(
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


async def test_the_body_of_a_mock_breaks_as_well(world: World) -> None:
    """A response made with its content counts as read."""
    mock = world.mock(lambda request: world.library.Response(200, text="whole"))
    faulty = world.testing.FaultInjectingTransport(mock, [Truncated(2), None])
    async with world.client(faulty) as client:
        with pytest.raises(world.library.RemoteProtocolError) as caught:
            await client.get("https://any/")
        assert caught.value.__notes__ == [
            "injected by a FaultInjectingTransport: Truncated"
        ]
        assert (await client.get("https://any/")).text == "whole"


async def test_so_does_that_of_an_answer_in_any_order(world: World) -> None:
    testing = world.testing
    answer = testing.Answer(200, body=TEN)
    for fault in (Together(answer, Reset(5)), Together(Reset(5), answer)):
        faulty = testing.FaultInjectingTransport(None, fault)
        async with world.client(faulty) as client:
            assert await met(world, client, "https://any/") == (b"01234", "ReadError")
        assert faulty.injected == {"200": 1, "Reset": 1}


async def test_the_response_stays_the_same_object_and_is_marked(world: World) -> None:
    made = []

    def answer(request: Any) -> Any:
        made.append(world.library.Response(200, text="whole"))
        return made[0]

    fault = Together(Latency(0.001), SlowBody(0.001, size=2))
    faulty = world.testing.FaultInjectingTransport(world.mock(answer), fault)
    async with world.client(faulty) as client:
        response = await client.get("https://any/")
    assert response is made[0]
    assert response.text == "whole"
    assert response.extensions["fault"] == "Latency, SlowBody"


async def test_an_upgraded_connection_has_no_body_to_break() -> None:
    from httpx_resilient.testing import FaultInjectingTransport

    upgraded = httpx.Response(101)
    stream = upgraded.stream
    faulty = FaultInjectingTransport(None, Truncated(0))
    response = await faulty._handle(httpx.Request("GET", "ws://any"), FakeIO(upgraded))
    assert response.stream is stream
    assert response.extensions == {}


async def test_layers_outside_cannot_tell_the_difference(
    world: World, server: Server
) -> None:
    """Retries keep the body, and pay as they would; what was sent was sent whole."""
    server.play(reply(200, b"finally"))
    library, testing = world.library, world.testing
    script = [503, library.ReadTimeout, Reset(), None]
    faulty = testing.FaultInjectingTransport(world.http(verify=TLS), script)
    stop = {"retry": {"stop": lambda state: False}}
    async with world.client(world.transport(faulty)) as client:
        response = await client.put(server.url, content=b"body", extensions=stop)
    testing.assert_attempts(response, 503, library.ReadTimeout, library.ReadError, 200)
    assert server.bodies == [b"body", b"body"]


async def test_a_failed_answer_that_is_slow_is_not_waited_for(world: World) -> None:
    testing = world.testing
    slow = Together(testing.Answer(503, body=TEN), SlowBody(9))
    transport = world.transport(testing.FaultInjectingTransport(None, [slow, 200]))
    async with world.client(transport, timeout=None) as client:
        with anyio.fail_after(5):
            response = await client.get("https://any/")
    testing.assert_attempts(response, 503, 200)


async def test_a_deadline_cuts_what_is_slow(world: World) -> None:
    mock = world.mock(lambda request: world.library.Response(200, text="whole"))
    for fault in (Latency(9), SlowBody(9)):
        faulty = world.testing.FaultInjectingTransport(mock, fault)
        transport = world.ours.DeadlineTransport(faulty, 0.05)
        async with world.client(transport) as client:
            with pytest.raises(world.ours.DeadlineExceeded):
                await client.get("https://any/")


@in_async
async def test_nothing_is_lost_by_who_is_cancelled(
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
async def test_no_place_in_the_pool_is_lost_in_a_storm(
    world: World, server: Server
) -> None:
    server.play(raw(LENGTH + TEN * 3))
    pool = world.ours.PoolingTransport(
        verify=TLS, limits=world.library.Limits(max_connections=3)
    )
    bad = Together(
        Chance(0.3, Latency(0.01)),
        Chance(0.4, 503, Reset(), Reset(5), Truncated(5)),
        Chance(0.4, SlowBody(0.01, size=5)),
    )
    faulty = world.testing.FaultInjectingTransport(pool, bad, seed=1)

    came: list[tuple[bytes, str]] = []

    async def ask(patience: float) -> None:
        with anyio.move_on_after(patience):
            came.append(await met(world, client, server.url))

    async with world.client(faulty, timeout=None) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(ask, number / 500)
        assert pool.stats().active == 0
        assert faulty.injected
        came.clear()
        faulty.enabled = False
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(ask, 5)
    assert came == [(TEN * 3, "")] * 6
    gc.collect()


@in_async
async def test_a_stream_without_end_breaks_as_well(world: World) -> None:
    class Endless(world.library.AsyncByteStream):
        async def __aiter__(self) -> Any:
            while True:
                yield TEN

    mock = world.mock(lambda request: world.library.Response(200, stream=Endless()))
    faulty = world.testing.FaultInjectingTransport(mock, Reset(25))
    async with world.client(faulty) as client:
        came = await met(world, client, "https://any/")
    assert came == (b"0123456789012345678901234", "ReadError")


@in_async
async def test_tasks_get_their_entries_in_the_order_in_which_they_came(
    world: World,
) -> None:
    late = [Together(Latency(0.05 - n / 1000), 500 + n) for n in range(40)]
    faulty = world.testing.FaultInjectingTransport(None, late)
    seen: dict[int, int] = {}
    asked = []

    async def ask(number: int) -> None:
        asked.append(number)
        seen[number] = (await client.get("https://any/")).status_code

    async with world.client(faulty) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon(ask, number)
    assert [seen[number] for number in asked] == list(range(500, 540))
    assert list(seen) != asked


@settings(deadline=None)
@given(st.lists(st.binary(max_size=9)), st.integers(0, 50), st.integers(1, 12))
def test_a_body_comes_in_pieces_and_up_to_where_it_breaks(
    chunks: list[bytes], after: int, size: int
) -> None:
    counted: list[str] = []
    faulty = RetryingTransport()._family.stream_class(FaultyBody)
    fault = BodyFault("Odd", after, every=0.1, size=size)
    io: Any = FakeIO()
    body = faulty(
        chunks,
        fault,
        httpx.Request("GET", "https://any"),
        io,
        counted.append,
        quiet=True,
    )
    pieces, whole = list(body), b"".join(chunks)
    assert b"".join(pieces) == whole[:after]
    assert all(0 < len(piece) <= size for piece in pieces)
    assert io.slept == [0.1] * len(pieces)
    assert counted == ["Odd"] * (bool(pieces) or len(whole) > after)
