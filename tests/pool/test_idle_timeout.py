"""How long an idle connection is trusted with a request that must not be repeated."""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import suppress
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gates import in_total, pooling, until
from support.server import Server, close, head, reply
from support.world import World

import httpx_resilient
from httpx_resilient._pool.idle_timeout import (
    MARGIN,
    UNTESTED,
    IdleTimeout,
    announced_timeout,
)
from httpx_resilient._pool.lease import Lease
from httpx_resilient._pool.state import Pool
from httpx_resilient._pool.supply import PoolLimits

anyio = pytest.mark.anyio

PAUSE = 0.12
"""Seconds between requests."""

KEPT = head(200, {"content-length": "0"})

seconds = st.floats(0.02, 1000)
observations = st.lists(st.tuples(st.booleans(), seconds))


def learned(*observed: tuple[bool, float], announced: float = math.inf) -> IdleTimeout:
    """Return what is learned from connections that were open or closed after a time."""
    timeout = IdleTimeout()
    timeout.announced = announced
    for is_open, idle in observed:
        (timeout.observe_open if is_open else timeout.observe_closed)(idle)
    return timeout


class TestTrust:
    def test_a_server_of_which_nothing_is_known_is_trusted_for_a_moment(self) -> None:
        assert IdleTimeout().trusted == UNTESTED

    @pytest.mark.parametrize(
        ("announced", "trusted"), [(60, 54), (5, 4.5), (1, 0.9), (0, 0)]
    )
    def test_an_announced_time_is_trusted_less_a_margin(
        self, announced: float, trusted: float
    ) -> None:
        assert learned(announced=announced).trusted == pytest.approx(trusted)

    def test_a_time_that_was_survived_is_trusted_less_a_margin(self) -> None:
        assert learned((True, 2), (True, 10)).trusted == pytest.approx(9)

    def test_a_time_after_which_a_connection_was_closed_is_not_trusted(self) -> None:
        assert learned((True, 10), (False, 5)).trusted == pytest.approx(4.5)

    def test_the_shortest_time_after_which_one_was_closed_counts(self) -> None:
        assert learned((True, 9), (False, 3), (False, 5)).trusted == pytest.approx(2.7)

    def test_a_connection_that_is_open_for_longer_contradicts_one_that_was_closed(
        self,
    ) -> None:
        """The earlier one was closed for another reason, such as a restart."""
        assert learned((False, 1), (True, 10)).trusted == pytest.approx(9)

    def test_a_server_that_closes_earlier_than_it_announces_is_not_believed(
        self,
    ) -> None:
        assert learned((False, 2), announced=5).trusted == pytest.approx(1.8)

    def test_a_server_that_closes_within_the_first_moment_is_trusted_for_half_of_it(
        self,
    ) -> None:
        assert learned((False, 0.3)).trusted == pytest.approx(0.27 / 2, abs=0.14)

    @given(observations, st.just(math.inf) | st.integers(0, 1000))
    def test_the_trusted_time_is_shorter_than_any_known_limit(
        self, observed: list[tuple[bool, float]], announced: float
    ) -> None:
        timeout = learned(*observed, announced=announced)
        assert 0 <= timeout.trusted <= announced * (1 - MARGIN)
        if timeout.closed_after < math.inf:
            assert timeout.trusted <= timeout.closed_after * (1 - MARGIN)

    @given(observations, seconds)
    def test_a_connection_that_was_closed_is_not_trusted_for_as_long_again(
        self, observed: list[tuple[bool, float]], idle: float
    ) -> None:
        assert learned(*observed, (False, idle)).trusted < idle

    @given(observations, seconds)
    def test_a_connection_that_was_open_is_trusted_again_but_for_the_margin(
        self, observed: list[tuple[bool, float]], idle: float
    ) -> None:
        timeout = learned(*observed, (True, idle))
        assert timeout.trusted >= min(idle, timeout.closed_after) * (1 - MARGIN) - 1e-9


class TestHeader:
    @pytest.mark.parametrize(
        ("value", "announced"),
        [
            (b"timeout=5", 5),
            (b"timeout=5, max=100", 5),
            (b"max=100, timeout=5", 5),
            (b"max=100,timeout = 5 ", 5),
            (b"TIMEOUT=5", 5),
            (b"Timeout=15, Max=95", 15),
            (b"timeout=0", 0),
            (b"timeout", math.inf),
            (b"timeout=", math.inf),
            (b"timeout=-5", math.inf),
            (b"timeout=5.5", math.inf),
            (b"timeout=soon", math.inf),
            (b"max=100", math.inf),
            (b"", math.inf),
            (b"300", math.inf),
        ],
    )
    def test_its_timeout_is_read(self, value: bytes, announced: float) -> None:
        headers = [(b"server", b"any"), (b"Keep-Alive", value)]
        assert announced_timeout(headers) == announced

    def test_without_it_nothing_is_announced(self) -> None:
        assert announced_timeout([(b"timeout", b"5")]) == math.inf

    @given(st.binary())
    def test_any_value_is_a_time_or_nothing(self, value: bytes) -> None:
        assert announced_timeout([(b"keep-alive", value)]) >= 0


LEASE = httpx_resilient._FAMILY.stream_class(Lease)


class TestOldest:
    """Beside a connection that is not trusted, the one that is idle for longest."""

    POST = httpx.Request("POST", "https://example.org/")

    def pool(self, *idle_since: float, open_ones: set[int]) -> Pool:
        """Return a pool with idle connections, some of which are open."""
        pool = Pool(
            PoolLimits(9, 9, math.inf), lambda key: False, open_ones.__contains__
        )
        destination = pool.destination(("https", "example.org", None))
        for number, since in enumerate(idle_since):
            slot = pool.new_slot(destination)
            assert slot is not None
            slot.transport, slot.connection = object(), number
            pool.idle.add(slot, since)
        return pool

    def post(self, pool: Pool, now: float) -> Any:
        """Return the connection that a POST gets; `None` is a new one."""
        lease = LEASE(None)
        destination = pool.destination(("https", "example.org", None))
        assert pool.acquire(destination, lease, now, self.POST)
        return lease.resource.connection

    def test_if_it_is_open_the_newest_one_is_trusted(self) -> None:
        assert self.post(self.pool(0, 1, open_ones={0, 1}), 2) == 1

    def test_if_it_is_hardly_older_the_newest_one_is_not_trusted(self) -> None:
        assert self.post(self.pool(0.95, 1, open_ones={0, 1}), 2) is None

    def test_if_it_is_closed_the_newest_one_is_not_trusted(self) -> None:
        pool = self.pool(0, 1, open_ones={1})
        assert self.post(pool, 2) is None
        assert len(pool.closing) == 1
        (timeout,) = [each.idle_timeout for each in pool.origins.values()]
        assert (timeout.open_after, timeout.closed_after) == (1, 2)


def announcing(seconds: int) -> Any:
    return reply(keep_alive=f"timeout={seconds}")


def connections(server: Server) -> list[int]:
    return [each.connection for each in server.received]


@anyio
class TestRequests:
    @pytest.fixture(autouse=True)
    def trusting_for_less_than_a_pause(self, monkeypatch: pytest.MonkeyPatch) -> None:
        name = "httpx_resilient._pool.idle_timeout.UNTESTED"
        monkeypatch.setattr(name, PAUSE * 0.8)

    async def test_a_post_is_not_sent_after_the_announced_time_and_a_get_is(
        self, world: World, server: Server
    ) -> None:
        server.play(announcing(1))
        async with world.client(pooling(world, 10)) as client:
            for method in ("GET", "POST"):
                await client.request(method, server.url)
            await world.sleep(0.95)
            for method in ("GET", "POST"):
                await client.request(method, server.url)
            await world.sleep(0.95)
            await client.post(server.url)
        assert connections(server) == [1, 1, 1, 1, 2]

    async def test_a_post_with_an_idempotency_key_is_sent_after_it(
        self, world: World, server: Server
    ) -> None:
        server.play(announcing(1))
        async with world.client(pooling(world, 10)) as client:
            await client.get(server.url)
            await world.sleep(0.95)
            await client.post(server.url, headers={"idempotency-key": "1"})
        assert server.connections == 1

    async def test_a_post_is_sent_within_the_announced_time(
        self, world: World, server: Server
    ) -> None:
        server.play(announcing(60))
        async with world.client(pooling(world, 10)) as client:
            await client.post(server.url)
            await world.sleep(PAUSE)
            await client.post(server.url)
        assert server.connections == 1

    async def test_posts_reuse_a_connection_once_their_pause_was_survived(
        self, world: World, server: Server
    ) -> None:
        """The connection that the second one does not use shows it."""
        transport = pooling(world, 10)
        async with world.client(transport) as client:
            for _ in range(4):
                await client.post(server.url)
                await world.sleep(PAUSE)
        assert connections(server) == [1, 2, 2, 2]

    async def test_a_post_gets_a_new_connection_in_a_pool_that_is_full(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world, 1)
        async with world.client(transport) as client:
            await client.post(server.url)
            await world.sleep(PAUSE)
            await client.post(server.url)
            assert in_total(transport) == {"idle": 1, "opened": 2}
        assert connections(server) == [1, 2]

    async def test_the_pool_learns_from_connections_that_it_finds_closed(
        self, world: World, server: Server
    ) -> None:
        server.play(close(KEPT), reply())
        async with world.client(pooling(world, 10)) as client:
            await client.post(server.url)
            await until(world, lambda: not server.open_connections)
            await world.sleep(0.1)
            await client.post(server.url)
            # A tenth of a second is too long for this server, as far as is known.
            await world.sleep(0.1)
            await client.post(server.url)
            assert connections(server) == [1, 2, 3]


TICK = 0.05


class TimingServer:
    """
    Closes each connection that is idle for a time, which it counts in ticks.

    A moment in which the machine does not run this process is a single tick.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ready = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._run()))
        self.url = ""
        self.requests = 0
        self.connections = 0

    async def _run(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        self._ready.set()
        await self._done.wait()
        server.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        with suppress(EOFError, ConnectionError):
            while await self._is_asked(reader):
                self.requests += 1
                writer.write(KEPT)
        writer.close()

    async def _is_asked(self, reader: asyncio.StreamReader) -> bool:
        """Whether a request arrives in time."""
        reading = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        for _ in range(round(self._seconds / TICK)):
            await asyncio.wait({reading}, timeout=TICK)
            if reading.done():
                return bool(await reading)
        reading.cancel()
        return False

    def __enter__(self) -> TimingServer:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()


@anyio
async def test_a_hundred_posts_around_the_idle_timeout_of_a_server_do_not_fail(
    world: World,
) -> None:
    chance = random.Random(7)
    pauses = iter([chance.uniform(0.7, 1.15) for _ in range(100)])
    statuses: list[int] = []
    with TimingServer(1.0) as server:
        async with world.client(pooling(world, 50)) as client:

            async def posts() -> None:
                for _ in range(4):
                    statuses.append((await client.post(server.url)).status_code)
                    await world.sleep(next(pauses))

            await world.together(*[posts] * 25)
        assert statuses == [200] * 100
        assert server.requests == 100 > server.connections
