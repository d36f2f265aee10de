"""The deadline layer: one limit for everything that a request does inside of it."""

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
from support.fake_io import FakeIO, flow_of
from support.gates import in_total, pooling, stream, until
from support.server import Server, close, drip, head, reply, stall
from support.world import World, in_async

from httpx_resilient import DeadlineTransport, attempts_of
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.deadline import ShrinkingTimeouts, set_deadline
from httpx_resilient._core.io.protocol import run_sync

pytestmark = pytest.mark.anyio

SOON = 0.25
"""A deadline in seconds that a test waits for."""

GET = httpx.Request("GET", "https://example.org/")


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


def all_connections_are_idle(transport: Any) -> bool:
    pool = transport._async_side.made.pool
    return len(pool.slots) == sum(len(each.idle) for each in pool.origins.values())


# The limit applies to ...


async def test_a_request_within_the_deadline_is_answered(
    world: World, server: Server
) -> None:
    server.play(reply(200, b"in time"))
    async with limited(world, total=10) as client:
        assert (await client.get(server.url)).content == b"in time"


async def test_headers_after_the_deadline_raise_deadline_exceeded(
    world: World, server: Server
) -> None:
    server.play(stall())
    async with limited(world) as client:
        with pytest.raises(world.ours.DeadlineExceeded) as caught:
            await client.get(server.url)
    assert isinstance(caught.value, world.library.TimeoutException)
    assert str(caught.value) == (
        "deadline of 0.25 s exceeded while waiting for response headers"
    )


async def test_a_body_that_stalls_until_the_deadline_raises_deadline_exceeded(
    world: World, server: Server
) -> None:
    server.play(stall(head(200, {"content-length": "9"}) + b"half"))
    async with limited(world) as client:
        async with streamed(world, client, server.url) as response:
            with pytest.raises(
                world.ours.DeadlineExceeded, match="while reading the response body"
            ):
                await world.read(response)


async def test_a_body_that_arrives_byte_by_byte_is_cut_off_at_the_deadline(
    world: World, server: Server
) -> None:
    """No single read exceeds its own timeout."""
    server.play(drip(200, [b"x"] * 200, every=0.01))
    async with limited(world) as client:
        started = time.monotonic()
        async with streamed(world, client, server.url) as response:
            with pytest.raises(world.ours.DeadlineExceeded):
                await world.read(response)
    assert time.monotonic() - started < 1


async def test_reading_a_body_after_the_deadline_raises_deadline_exceeded(
    world: World, server: Server
) -> None:
    server.play(reply(200, b"arrived in time"))
    async with limited(world) as client:
        async with streamed(world, client, server.url) as response:
            await world.sleep(SOON)
            with pytest.raises(world.ours.DeadlineExceeded):
                await world.read(response)


async def test_reading_the_rest_of_a_body_after_the_deadline_raises_deadline_exceeded(
    world: World, server: Server
) -> None:
    server.play(stall(head(200, {"transfer-encoding": "chunked"}) + b"1\r\nx\r\n"))
    async with limited(world) as client:
        async with streamed(world, client, server.url) as response:
            chunks = world.chunks(response)
            await anext(chunks)
            await world.sleep(SOON)
            with pytest.raises(world.ours.DeadlineExceeded):
                await anext(chunks)


@in_async
async def test_an_endless_body_that_never_suspends_is_cut_off_at_the_deadline(
    world: World,
) -> None:
    class Endless(world.library.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"x"

    mock = world.mock(lambda _: world.library.Response(200, stream=Endless()))
    async with limited(world, mock) as client:
        async with streamed(world, client, "http://any/") as response:
            with pytest.raises(world.ours.DeadlineExceeded):
                await world.read(response)


async def test_the_deadline_includes_waiting_for_a_connection(
    world: World, server: Server
) -> None:
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


async def test_a_request_that_exceeds_its_deadline_frees_its_connection(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(200))
    pool = pooling(world)
    async with limited(world, pool) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url)
        assert (await client.get(server.url)).status_code == 200
        assert in_total(pool).keys() == {"idle", "opened", "retired"}


# The limit does not apply to ...


async def test_with_body_false_the_deadline_ends_with_the_headers(
    world: World, server: Server
) -> None:
    """Each pause in the body is longer than the remaining time."""
    server.play(drip(200, [b"xxx"] * 2, every=SOON))
    transport = world.ours.DeadlineTransport(None, SOON, body=False)
    async with world.client(transport) as client:
        assert (await client.get(server.url)).content == b"xxxxxx"


async def test_body_false_in_an_inner_layer_leaves_the_outer_deadline_in_force(
    world: World, server: Server
) -> None:
    server.play(drip(200, [b"x"] * 100, every=SOON / 2))
    inner = world.ours.DeadlineTransport(None, 30, body=False)
    async with limited(world, inner, 1) as client:
        with pytest.raises(
            world.ours.DeadlineExceeded, match="while reading the response body"
        ):
            await client.get(server.url)


async def test_a_read_timeout_shorter_than_the_deadline_is_raised_as_itself(
    world: World, server: Server
) -> None:
    server.play(stall())
    async with limited(world, total=30) as client:
        with pytest.raises(world.library.ReadTimeout):
            await client.get(server.url, timeout=impatient(world))


async def test_a_failure_before_the_deadline_is_raised_as_itself(
    world: World, server: Server
) -> None:
    server.play(close())
    async with limited(world, total=30) as client:
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)


async def test_a_body_that_breaks_before_the_deadline_raises_its_own_error(
    world: World, server: Server
) -> None:
    server.play(close(head(200, {"content-length": "9"}) + b"half"))
    async with limited(world, total=30) as client:
        async with streamed(world, client, server.url) as response:
            with pytest.raises(world.library.RemoteProtocolError):
                await world.read(response)


async def test_the_request_of_the_caller_is_not_changed(world: World) -> None:
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
async def test_a_cancellation_by_the_caller_passes_through(
    world: World, server: Server
) -> None:
    server.play(stall())
    async with limited(world, total=30) as client:
        with anyio.move_on_after(0.1) as scope:
            await client.get(server.url)
        assert scope.cancelled_caught


@in_async
async def test_a_storm_of_deadlines_and_cancellations_leaks_no_connection(
    world: World, server: Server
) -> None:
    """They strike at any step of a request."""
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
        assert all_connections_are_idle(transport)
        server.play(reply(200, b"ok"))
        response = await client.get(server.url, extensions={"deadline": 10})
        assert response.content == b"ok"
    assert 0 < len(ended) < 200


async def test_a_read_timeout_in_the_body_is_raised_as_itself_before_the_deadline(
    world: World, server: Server
) -> None:
    server.play(stall(head(200, {"content-length": "9"}) + b"half"))
    async with limited(world, total=30) as client:
        request = client.build_request("GET", server.url, timeout=impatient(world))
        response = await client.send(request, stream=True)
        with pytest.raises(world.library.ReadTimeout):
            await world.read(response)
        await world.close(response)


# Setting the limit.


async def test_an_extension_sets_the_deadline_of_one_request(
    world: World, server: Server
) -> None:
    server.play(stall())
    async with limited(world, total=30) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url, extensions={"deadline": SOON})


async def test_an_extension_of_none_removes_the_deadline_of_one_request(
    world: World,
) -> None:
    seen: list[Any] = []

    def handler(request: Any) -> Any:
        seen.append(request.extensions)
        return world.library.Response(200)

    async with limited(world, world.mock(handler)) as client:
        await client.get("http://any/", extensions={"deadline": None}, timeout=7)
    assert seen[0]["timeout"]["read"] == 7


@pytest.mark.parametrize("total", [0, -1, math.nan])
def test_a_total_that_is_not_above_zero_is_rejected(total: float) -> None:
    with pytest.raises(ValueError, match="total is a number of seconds, above 0"):
        DeadlineTransport(None, total)


@pytest.mark.parametrize("total", ["5", True])
def test_a_total_that_is_not_a_number_is_rejected(total: Any) -> None:
    with pytest.raises(TypeError, match="total is a number of seconds, above 0"):
        DeadlineTransport(None, total)


@pytest.mark.parametrize("seconds", [0, "5"])
async def test_an_extension_that_is_not_a_number_above_zero_is_rejected(
    world: World, seconds: Any
) -> None:
    async with limited(world, world.mock(lambda _: None)) as client:
        with pytest.raises((TypeError, ValueError), match=r'extensions\["deadline"\]'):
            await client.get("http://any/", extensions={"deadline": seconds})


# With retries.


async def test_a_deadline_inside_of_a_retry_limits_each_attempt(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(200))
    # The second attempt has this time for its answer, even on a busy machine.
    attempt = world.ours.DeadlineTransport(None, 2 * SOON)
    async with world.client(world.transport(attempt)) as client:
        response = await client.get(server.url)
    late = world.ours.DeadlineExceeded
    assert [each.outcome for each in attempts_of(response)] == [late, 200]


async def test_a_post_that_exceeds_its_deadline_is_not_retried(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(200))
    attempt = world.ours.DeadlineTransport(None, SOON)
    async with world.client(world.transport(attempt)) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.post(server.url)
    assert server.requests == 1


async def test_a_deadline_around_a_retry_limits_all_attempts_together(
    world: World, server: Server
) -> None:
    server.play(reply(503), stall())
    async with limited(world, world.transport()) as client:
        with pytest.raises(world.ours.DeadlineExceeded) as caught:
            await client.get(server.url)
    assert isinstance(caught.value.__cause__, (TimeoutError, world.library.ReadTimeout))
    assert server.requests == 2


async def test_a_wait_between_attempts_that_cannot_end_in_time_is_not_begun(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"the last outcome"))
    retrying = world.transport(wait=tenacity.wait_fixed(60))
    async with limited(world, retrying, 30) as client:
        response = await client.get(server.url)
    assert response.status_code == 503
    assert response.content == b"the last outcome"
    assert attempts_of(response)[-1].reason == (
        "503, and the deadline comes before the next attempt"
    )


async def test_the_earlier_of_two_nested_deadlines_applies(
    world: World, server: Server
) -> None:
    server.play(stall())
    for outer, inner in ((30, SOON), (SOON, 30), (SOON, None)):
        transport = world.ours.DeadlineTransport(None, inner)
        async with limited(world, transport, outer) as client:
            with pytest.raises(world.ours.DeadlineExceeded, match=f"of {SOON} s"):
                await client.get(server.url)


# Timeouts that shrink.


def test_timeouts_shrink_to_the_remaining_time_until_the_deadline_is_lifted() -> None:
    now = time.monotonic()
    deadline = set_deadline(now + 100, 100, now, None)
    timeouts = ShrinkingTimeouts.of({"read": 5.0, "connect": None}, deadline)
    assert timeouts["read"] == timeouts.get("read") == 5.0
    assert 99 < timeouts["connect"] <= 100
    assert 99 < timeouts["pool"] <= 100
    deadline.lift()
    assert [timeouts["read"], timeouts["connect"], timeouts["pool"]] == [5, None, None]


NAMES = ("connect", "read", "write", "pool")


class TimeoutsModel(RuleBasedStateMachine):
    """Compares the timeouts of a request, and copies of them, with a model."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.at = 1000.0, 1005.0
        self.patch = mock.patch.object(Clock, "now", self.clock)
        self.patch.start()
        own: dict[str, float | None] = {"connect": 2.0, "read": 8.0, "write": None}
        self.deadline = set_deadline(self.at, 5, self.now, None)
        self.timeouts: list[tuple[ShrinkingTimeouts, dict[str, float | None]]] = [
            (ShrinkingTimeouts.of(dict(own), self.deadline), own)
        ]

    def clock(self) -> float:
        return self.now

    def teardown(self) -> None:
        self.patch.stop()

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(which=st.integers(0, 100))
    def copy_timeouts(self, which: int) -> None:
        timeouts, own = self.timeouts[which % len(self.timeouts)]
        self.timeouts.append((timeouts.copy(), dict(own)))

    @rule(
        which=st.integers(0, 100),
        name=st.sampled_from(NAMES),
        seconds=st.none() | st.floats(0.1, 10),
    )
    def change_a_timeout(self, which: int, name: str, seconds: float | None) -> None:
        timeouts, own = self.timeouts[which % len(self.timeouts)]
        timeouts[name] = own[name] = seconds

    @rule(chance=st.integers(0, 9))
    def lift_the_deadline(self, chance: int) -> None:
        if not chance:
            self.deadline.lift()
            self.at = math.inf

    @invariant()
    def each_timeout_is_its_own_value_or_the_remaining_time(self) -> None:
        left = max(self.at - self.now, 0.001)
        for timeouts, own in self.timeouts:
            for name in NAMES:
                given = own.get(name)
                least = left if given is None else min(given, left)
                assert timeouts[name] == (None if least == math.inf else least)


TestShrinkingTimeouts = TimeoutsModel.TestCase


def test_copies_of_the_timeouts_shrink_with_the_deadline() -> None:
    now = time.monotonic()
    past = set_deadline(now - 1, 100, now - 101, None)
    timeouts = ShrinkingTimeouts.of({"read": 5.0, "connect": None}, past)
    for copy in timeouts.copy(), timeouts.copy().copy():
        assert [copy["read"], copy["connect"], copy["pool"]] == [0.001] * 3


def test_lifting_a_deadline_also_lifts_copies_of_its_timeouts() -> None:
    now = time.monotonic()
    deadline = set_deadline(now - 1, 100, now - 101, None)
    copy = ShrinkingTimeouts.of({"read": 5.0}, deadline).copy()
    assert copy["read"] == 0.001
    deadline.lift()
    assert copy["read"] == 5.0


def test_without_a_deadline_the_request_is_sent_unchanged() -> None:
    io = FakeIO(200)
    run_sync(flow_of(DeadlineTransport(None), GET, io))
    assert io.sent == [GET]
