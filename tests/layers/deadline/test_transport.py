"""The deadline layer: one limit over all that a request does."""

from __future__ import annotations

import math
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from unittest import mock

import anyio
import httpx
import pytest
import tenacity
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.fake_io import FakeIO
from support.gates import in_total, pooling, stream, until
from support.server import Server, close, drip, head, reply, stall
from support.world import World

from httpx_resilient import DeadlineTransport, attempts_of
from httpx_resilient._core import deadline as _deadline
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.deadline import Deadline, Remaining
from httpx_resilient._core.io.protocol import run_sync

pytestmark = pytest.mark.anyio

SOON = 0.25
"""Seconds that a test waits for a deadline."""

GET = httpx.Request("GET", "https://example.org/")

in_async = pytest.mark.parametrize("runtime", ["asyncio", "trio"])


def limited(world: World, inner: Any = None, total: float | None = SOON) -> Any:
    return world.client(world.ours.DeadlineTransport(inner, total))


def impatient(world: World) -> Any:
    return world.library.Timeout(30, read=0.1)


@asynccontextmanager
async def streamed(world: World, client: Any, url: str) -> AsyncIterator[Any]:
    response = await stream(client, url)
    try:
        yield response
    finally:
        await world.close(response)


# What it limits.


async def test_a_request_in_time_is_answered(world: World, server: Server) -> None:
    server.play(reply(200, b"in time"))
    async with limited(world, total=10) as client:
        assert (await client.get(server.url)).content == b"in time"


async def test_headers_that_come_too_late(world: World, server: Server) -> None:
    server.play(stall())
    async with limited(world) as client:
        with pytest.raises(world.ours.DeadlineExceeded) as caught:
            await client.get(server.url)
    assert isinstance(caught.value, world.library.TimeoutException)
    assert str(caught.value) == (
        "its headers did not come within the 0.25 s of the deadline"
    )


async def test_a_body_that_comes_too_late(world: World, server: Server) -> None:
    server.play(stall(head(200, {"content-length": "9"}) + b"half"))
    async with limited(world) as client:
        async with streamed(world, client, server.url) as response:
            with pytest.raises(world.ours.DeadlineExceeded, match="its body"):
                await world.read(response)


async def test_a_body_that_comes_byte_by_byte(world: World, server: Server) -> None:
    """No read is too slow for its own timeout."""
    server.play(drip(200, [b"x"] * 200, every=0.01))
    async with limited(world) as client:
        started = time.monotonic()
        async with streamed(world, client, server.url) as response:
            with pytest.raises(world.ours.DeadlineExceeded):
                await world.read(response)
    assert time.monotonic() - started < 1


async def test_a_body_that_is_read_too_late(world: World, server: Server) -> None:
    server.play(reply(200, b"long since there"))
    async with limited(world) as client:
        async with streamed(world, client, server.url) as response:
            await world.sleep(SOON)
            with pytest.raises(world.ours.DeadlineExceeded):
                await world.read(response)


async def test_the_rest_of_a_body_that_is_read_too_late(
    world: World, server: Server
) -> None:
    server.play(drip(200, [b"x"] * 3))
    async with limited(world) as client:
        async with streamed(world, client, server.url) as response:
            chunks = world.chunks(response)
            await anext(chunks)
            await world.sleep(SOON)
            with pytest.raises(world.ours.DeadlineExceeded):
                await anext(chunks)


@in_async
async def test_a_body_without_end_that_never_waits(world: World) -> None:
    class Endless(world.library.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"x"

    mock = world.mock(lambda _: world.library.Response(200, stream=Endless()))
    async with limited(world, mock) as client:
        async with streamed(world, client, "http://any/") as response:
            with pytest.raises(world.ours.DeadlineExceeded):
                await world.read(response)


async def test_waiting_for_a_connection(world: World, server: Server) -> None:
    server.play(stall())
    pool = pooling(world)
    async with limited(world, pool, None) as client:

        async def last() -> None:
            await until(world, lambda: server.requests)
            with pytest.raises(world.ours.DeadlineExceeded):
                await client.get(server.url, extensions={"deadline": SOON})
            assert in_total(pool) == {"active": 1}
            server.stop()

        async def first() -> None:
            with pytest.raises(world.library.TransportError):
                await client.get(server.url)

        await world.together(first, last)


async def test_what_was_too_late_leaves_no_connection_behind(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(200))
    pool = pooling(world)
    async with limited(world, pool) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url)
        assert (await client.get(server.url)).status_code == 200
        assert in_total(pool).keys() == {"idle", "opened", "retired"}


# What it leaves alone.


async def test_a_body_that_may_take_its_time(world: World, server: Server) -> None:
    """Every pause in it is longer than what was left of the time."""
    server.play(drip(200, [b"xxx"] * 2, every=SOON))
    transport = world.ours.DeadlineTransport(None, SOON, body=False)
    async with world.client(transport) as client:
        assert (await client.get(server.url)).content == b"xxxxxx"


async def test_nor_does_it_lift_another_deadline(world: World, server: Server) -> None:
    server.play(drip(200, [b"x"] * 100, every=SOON / 2))
    inner = world.ours.DeadlineTransport(None, 30, body=False)
    async with limited(world, inner) as client:
        with pytest.raises(world.ours.DeadlineExceeded, match="its body"):
            await client.get(server.url)


async def test_a_shorter_timeout_stays_what_it_is(world: World, server: Server) -> None:
    server.play(stall())
    async with limited(world, total=30) as client:
        with pytest.raises(world.library.ReadTimeout):
            await client.get(server.url, timeout=impatient(world))


async def test_other_failures_pass(world: World, server: Server) -> None:
    server.play(close())
    async with limited(world, total=30) as client:
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)


async def test_a_body_that_breaks_in_time_tells_so(
    world: World, server: Server
) -> None:
    server.play(close(head(200, {"content-length": "9"}) + b"half"))
    async with limited(world, total=30) as client:
        async with streamed(world, client, server.url) as response:
            with pytest.raises(world.library.RemoteProtocolError):
                await world.read(response)


async def test_the_request_stays_the_callers(world: World) -> None:
    seen: list[Any] = []

    def handler(request: Any) -> Any:
        seen.append(request)
        return world.library.Response(200)

    async with limited(world, world.mock(handler)) as client:
        request = client.build_request("POST", "http://any/", content=b"data")
        before = dict(request.extensions)
        response = await client.send(request)
    assert response.request is request
    assert request.extensions == before
    assert request.content == b"data"
    assert seen[0] is not request


@in_async
async def test_cancellation_passes(world: World, server: Server) -> None:
    server.play(stall())
    async with limited(world, total=30) as client:
        with anyio.move_on_after(0.1) as scope:
            await client.get(server.url)
        assert scope.cancelled_caught


@in_async
async def test_nothing_is_lost_in_a_storm_of_cancellations(
    world: World, server: Server
) -> None:
    """Of the caller's and of ours, wherever they strike."""
    chance = random.Random(7)
    fates = [
        reply(200, b"ok"),
        drip(200, [b"x"] * 3, every=0.003),
        drip(200, [b"x"] * 3, every=0.01),
    ]
    server.play(*[chance.choice(fates) for _ in range(1000)], reply(200, b"ok"))
    transport = world.ours.DeadlineTransport(total=0.015)
    ended = []
    async with world.client(transport) as client:

        async def get() -> None:
            with anyio.move_on_after(chance.random() / 20):
                with suppress(world.ours.DeadlineExceeded):
                    await client.get(server.url)
                ended.append(True)

        for _ in range(20):
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(get)
        pool = transport._async_side.made.pool
        assert len(pool.slots) == sum(len(each.idle) for each in pool.origins.values())
        server.play(reply(200, b"ok"))
        response = await client.get(server.url, extensions={"deadline": 10})
        assert response.content == b"ok"
    assert 0 < len(ended) < 200


async def test_a_read_that_is_too_slow_for_its_own_timeout(
    world: World, server: Server
) -> None:
    server.play(stall(head(200, {"content-length": "9"}) + b"half"))
    async with limited(world, total=30) as client:
        client_side = client.build_request("GET", server.url, timeout=impatient(world))
        response = await client.send(client_side, stream=True)
        with pytest.raises(world.library.ReadTimeout):
            await world.read(response)
        await world.close(response)


# How it is set.


async def test_one_request_may_have_another(world: World, server: Server) -> None:
    server.play(stall())
    async with limited(world, total=30) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url, extensions={"deadline": SOON})


async def test_one_request_may_have_none(world: World) -> None:
    seen: list[Any] = []

    def handler(request: Any) -> Any:
        seen.append(request.extensions)
        return world.library.Response(200)

    async with limited(world, world.mock(handler)) as client:
        await client.get("http://any/", extensions={"deadline": None}, timeout=7)
    assert seen[0]["timeout"]["read"] == 7


@pytest.mark.parametrize("total", [0, -1, math.nan])
def test_a_limit_that_is_none_is_refused(total: float) -> None:
    with pytest.raises(ValueError, match="total is a number of seconds, above 0"):
        DeadlineTransport(None, total)


@pytest.mark.parametrize("total", ["5", True])
def test_a_limit_that_is_no_number_is_refused(total: Any) -> None:
    with pytest.raises(TypeError, match="total is a number of seconds, above 0"):
        DeadlineTransport(None, total)


@pytest.mark.parametrize("seconds", [0, "5"])
async def test_so_it_is_for_one_request(world: World, seconds: Any) -> None:
    async with limited(world, world.mock(lambda _: None)) as client:
        with pytest.raises((TypeError, ValueError), match=r'extensions\["deadline"\]'):
            await client.get("http://any/", extensions={"deadline": seconds})


# With retries.


async def test_inside_of_a_retry_it_limits_an_attempt(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(200))
    attempt = world.ours.DeadlineTransport(None, SOON)
    async with world.client(world.transport(attempt)) as client:
        response = await client.get(server.url)
    late = world.ours.DeadlineExceeded
    assert [each.outcome for each in attempts_of(response)] == [late, 200]


async def test_and_what_may_not_be_repeated_is_not(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(200))
    attempt = world.ours.DeadlineTransport(None, SOON)
    async with world.client(world.transport(attempt)) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.post(server.url)
    assert server.requests == 1


async def test_around_a_retry_it_limits_all_attempts(
    world: World, server: Server
) -> None:
    server.play(reply(503), stall())
    async with limited(world, world.transport()) as client:
        with pytest.raises(world.ours.DeadlineExceeded) as caught:
            await client.get(server.url)
    assert isinstance(caught.value.__cause__, (TimeoutError, world.library.ReadTimeout))
    assert server.requests == 2


async def test_a_wait_that_cannot_end_in_time_is_not_begun(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"the outcome in hand"))
    retrying = world.transport(wait=tenacity.wait_fixed(60))
    async with limited(world, retrying, 30) as client:
        response = await client.get(server.url)
    assert response.status_code == 503
    assert response.content == b"the outcome in hand"
    assert attempts_of(response)[-1].reason == (
        "503, and the deadline comes before the next attempt"
    )


async def test_the_earlier_of_two_deadlines_counts(
    world: World, server: Server
) -> None:
    server.play(stall())
    for outer, inner in ((30, SOON), (SOON, 30), (SOON, None)):
        transport = world.ours.DeadlineTransport(None, inner)
        async with limited(world, transport, outer) as client:
            with pytest.raises(world.ours.DeadlineExceeded, match=f"{SOON} s"):
                await client.get(server.url)


# The decision.


def test_timeouts_shrink_with_time() -> None:
    now = time.monotonic()
    timeouts = Deadline.of({"read": 5.0, "connect": None}, now + 100, 100)
    assert timeouts["read"] == timeouts.get("read") == 5.0
    assert 99 < timeouts["connect"] <= 100
    assert 99 < timeouts["pool"] <= 100
    timeouts.lift()
    assert [timeouts["read"], timeouts["connect"], timeouts["pool"]] == [5, None, None]


NAMES = ("connect", "read", "write", "pool")


class Machine(RuleBasedStateMachine):
    """The timeouts of a request, and copies of them, against what they should be."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.at = 1000.0, 1005.0
        self.patch = mock.patch.object(Clock, "now", self.clock)
        self.patch.start()
        own: dict[str, float | None] = {"connect": 2.0, "read": 8.0, "write": None}
        self.deadline = Deadline.of(own, self.at, 5)
        self.timeouts: list[tuple[Remaining, dict[str, float | None]]] = [
            (self.deadline, own)
        ]

    def clock(self) -> float:
        return self.now

    def teardown(self) -> None:
        self.patch.stop()

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(which=st.integers(0, 100))
    def one_is_copied(self, which: int) -> None:
        timeouts, own = self.timeouts[which % len(self.timeouts)]
        assert isinstance(timeouts, _deadline.Deadline | _deadline.Copied)
        self.timeouts.append((timeouts.copy(), dict(own)))

    @rule(
        which=st.integers(0, 100),
        name=st.sampled_from(NAMES),
        seconds=st.none() | st.floats(0.1, 10),
    )
    def one_is_changed(self, which: int, name: str, seconds: float | None) -> None:
        timeouts, own = self.timeouts[which % len(self.timeouts)]
        timeouts[name] = own[name] = seconds

    @rule(chance=st.integers(0, 9))
    def it_is_lifted(self, chance: int) -> None:
        if not chance:
            self.deadline.lift()
            self.at = math.inf

    @invariant()
    def each_is_its_own_or_what_remains(self) -> None:
        left = max(self.at - self.now, 0.001)
        for timeouts, own in self.timeouts:
            for name in NAMES:
                given = own.get(name)
                least = left if given is None else min(given, left)
                assert timeouts[name] == (None if least == math.inf else least)


TestMachine = Machine.TestCase


def test_a_copy_of_the_timeouts_shrinks_as_well() -> None:
    past = Deadline.of({"read": 5.0, "connect": None}, time.monotonic() - 1, 100)
    for copy in past.copy(), past.copy().copy():
        assert [copy["read"], copy["connect"], copy["pool"]] == [0.001] * 3


def test_and_is_lifted_with_it() -> None:
    deadline = Deadline.of({"read": 5.0}, time.monotonic() - 1, 100)
    copy = deadline.copy()
    deadline.lift()
    assert copy["read"] == 5.0


def test_without_a_limit_the_request_goes_on_as_it_is() -> None:
    io = FakeIO(200)
    run_sync(DeadlineTransport(None)._handle(GET, io))
    assert io.sent == [GET]
