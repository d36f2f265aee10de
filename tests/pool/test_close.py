"""Closing a pool: nothing waits in vain, nothing is sent any more, nothing stays open."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest
import tenacity
from support.gates import Gate, in_total, patient, pooling, state_of, stream, until
from support.server import Server, head, reply, stall
from support.world import World, in_async

from httpx_resilient import attempts_of
from httpx_resilient._pool import upkeep

pytestmark = pytest.mark.anyio

CLOSED = "the transport was closed"
HALF = head(200, {"content-length": "9"}) + b"half"


async def shut(world: World, transport: Any) -> None:
    transport.close() if world.sync else await transport.aclose()


class Requests:
    """Requests that are sent at once, and how they end."""

    def __init__(self, client: Any, url: str) -> None:
        self.ends: list[Any] = []
        self._client = client
        self._url = url

    async def get(self) -> None:
        try:
            self.ends.append((await self._client.get(self._url)).status_code)
        except Exception as error:
            self.ends.append(error)


def is_closed_error(world: World, error: Any) -> bool:
    return isinstance(error, world.library.TransportError) and CLOSED in str(error)


async def is_refused(
    world: World, requests: Requests, server: Server, sent: int
) -> None:
    """Assert that the close has ended the only request, and its connection."""
    (error,) = requests.ends
    assert is_closed_error(world, error)
    assert server.requests == sent
    await until(world, lambda: not server.open_connections)


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "GRACE", 0.05)


@pytest.fixture
def long_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait for nothing would be longer than the time limit of the test."""
    monkeypatch.setattr(upkeep, "GRACE", 10**6)


async def test_waiting_requests_are_told_and_sent_by_nobody(
    world: World, server: Server, long_grace: None
) -> None:
    """The request under way gets its answer. The others are not tried again."""
    gate = Gate()
    server.play(gate)
    pool = pooling(world)
    requests = Requests(patient(world, world.transport(pool)), server.url)

    async def close() -> None:
        await until(world, lambda: pool.stats().waiting == 3 and server.requests)
        await shut(world, pool)

    async def let() -> None:
        await until(world, lambda: len(requests.ends) == 3)
        gate.let()

    await world.together(*[requests.get] * 4, close, let)
    *refused, answer = requests.ends
    assert answer == 200
    for error in refused:
        assert is_closed_error(world, error)
        assert len(attempts_of(error)) == 1
    assert server.requests == server.connections == 1
    await until(world, lambda: not server.open_connections)
    assert in_total(pool) == {"opened": 1}


async def test_a_request_without_an_answer_is_cut_after_a_grace(
    world: World, server: Server, no_grace: None
) -> None:
    server.play(reply(), stall())
    pool = pooling(world)
    client = patient(world, world.transport(pool))
    await client.get(server.url)
    requests = Requests(client, server.url)

    async def close() -> None:
        await until(world, lambda: server.requests == 2)
        await shut(world, pool)

    await world.together(requests.get, close)
    await is_refused(world, requests, server, sent=2)


async def test_a_body_that_is_being_read_is_cut_at_once(
    world: World, server: Server, long_grace: None
) -> None:
    """It has no end that the pool could wait for: it may be an event stream."""
    server.play(stall(HALF))
    pool = pooling(world)
    client = patient(world, pool)
    response = await stream(client, server.url)
    ends: list[Any] = []

    async def read() -> None:
        try:
            ends.append(await world.read(response))
        except Exception as error:
            ends.append(error)

    async def close() -> None:
        await world.sleep(0.05)
        await shut(world, pool)

    await world.together(read, close)
    assert isinstance(
        ends[0], (world.library.TransportError, world.library.StreamError)
    )
    await world.close(response)
    await until(world, lambda: not server.open_connections)
    assert not pool.stats().active


async def test_a_request_that_waits_for_its_next_attempt_sends_nothing_any_more(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    pool = pooling(world)
    transport = world.transport(pool, wait=tenacity.wait_fixed(0.3))
    requests = Requests(world.client(transport), server.url)

    async def close() -> None:
        await until(world, lambda: server.requests)
        await until(world, lambda: not pool.stats().active)
        await shut(world, transport)

    await world.together(requests.get, close)
    await is_refused(world, requests, server, sent=1)


async def test_a_close_without_requests_under_way_takes_no_time(
    world: World, server: Server, long_grace: None
) -> None:
    pool = pooling(world, 3)
    client = world.client(pool)
    responses = [await stream(client, server.url) for _ in range(3)]
    for each in responses:
        await world.read(each)
    assert in_total(pool)["idle"] == 3
    await shut(world, pool)
    await until(world, lambda: not server.open_connections)
    assert in_total(pool) == {"opened": 3}


@pytest.mark.parametrize("times", range(3))
async def test_a_transport_can_be_used_after_each_close(
    world: World, server: Server, times: int
) -> None:
    transport = world.transport(pooling(world))
    for number in range(times + 1):
        client = world.client(transport)
        for _ in range(2):
            assert (await client.get(server.url)).status_code == 200
        await shut(world, transport)
        assert server.connections == number + 1
        await until(world, lambda: not server.open_connections)


@in_async
async def test_a_response_that_was_cut_occupies_no_place(
    world: World, server: Server
) -> None:
    server.play(stall(HALF), reply())
    pool = pooling(world)
    client = patient(world, pool)
    response = await stream(client, server.url)
    await shut(world, pool)
    assert not pool.stats().active
    assert (await client.get(server.url)).status_code == 200
    await world.close(response)
    assert in_total(pool) == {"idle": 1, "opened": 2, "retired": 1}
    await shut(world, pool)
    await until(world, lambda: not server.open_connections)


@pytest.mark.parametrize("runtime", ["sync"])
async def test_a_response_that_was_cut_in_a_thread_occupies_its_place_until_its_close(
    world: World, server: Server
) -> None:
    """Another thread may read from it, which has to notice first."""
    server.play(stall(HALF), reply())
    pool = pooling(world)
    client = patient(world, pool)
    response = await stream(client, server.url)
    await shut(world, pool)
    await until(world, lambda: not server.open_connections)
    await world.close(response)
    assert (await client.get(server.url)).status_code == 200
    await shut(world, pool)


async def test_a_pool_may_be_closed_by_several_at_once(
    world: World, server: Server
) -> None:
    gate = Gate()
    server.play(gate)
    pool = pooling(world, 2)
    requests = Requests(patient(world, pool), server.url)

    async def close() -> None:
        await until(world, lambda: server.requests == 2)
        gate.let(2)
        await shut(world, pool)

    await world.together(*[requests.get] * 2, *[close] * 3)
    assert requests.ends == [200, 200]
    await until(world, lambda: not server.open_connections)
    assert not state_of(pool, world).slots


@in_async
async def test_a_close_that_is_cancelled_still_closes_everything(
    world: World, server: Server, long_grace: None
) -> None:
    server.play(stall())
    pool = pooling(world)
    requests = Requests(patient(world, pool), server.url)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(requests.get)
        await until(world, lambda: server.requests)
        with anyio.move_on_after(0.05):
            await pool.aclose()
        await until(world, lambda: requests.ends)
    await is_refused(world, requests, server, sent=1)
    assert not pool.stats().active


@pytest.mark.parametrize("runtime", ["sync"])
async def test_a_synchronous_close_while_threads_send_and_read_is_safe(
    world: World, server: Server, no_grace: None
) -> None:
    """Each request gets its answer, or an error that says what happened."""
    server.play(reply(200, b"x" * 10_000))
    pool = pooling(world, 3)
    client = world.library.Client(transport=world.transport(pool), timeout=10)
    ended = threading.Event()
    odd: list[BaseException] = []

    def send() -> None:
        while not ended.is_set():
            try:
                assert client.get(server.url).content == b"x" * 10_000
            except world.library.TransportError:
                pass
            except BaseException as error:
                odd.append(error)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for each in threads:
        each.start()
    for _ in range(20):
        await world.sleep(0.01)
        pool.close()
    ended.set()
    for each in threads:
        each.join(20)
    assert not odd
    assert not any(each.is_alive() for each in threads)
    pool.close()
    await until(world, lambda: not server.open_connections)
    assert not state_of(pool, world).slots
