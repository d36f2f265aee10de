"""The rate limiting layer: waits, refusals, reports of servers, and cancellation."""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from typing import Any

import anyio
import httpx
import pytest
import tenacity
from support.fake_io import flow_of
from support.gates import Gate, until
from support.rates import IO, answer, asking, in_flight, told
from support.server import Connection, Server, head, reply, stall
from support.world import LIBRARIES, World, in_async

import httpx_resilient.httpx2
from httpx_resilient import (
    RateLimit,
    RateLimitExceeded,
    RateLimitingTransport,
    RetryingTransport,
    attempts_of,
)
from httpx_resilient._core.context import begin
from httpx_resilient._core.deadline import set_deadline
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.queue import PATIENCE, RatePlace
from httpx_resilient._layers.rate_limit.state import Rate

pytestmark = pytest.mark.anyio

URL = "https://example.org/path?token=secret"
GET = httpx.Request("GET", URL)
KEY = ("https", "example.org", None)


class Outer(IO):
    """An IO whose inner transport is a layer with another IO, on the same clock."""

    def __init__(self, layer: Any, inner: IO) -> None:
        super().__init__()
        self.layer, self.inner = layer, inner

    async def send(self, request: Any, context: Any = None) -> Any:
        self.inner.time = self.time
        response = await flow_of(self.layer, request, self.inner)
        self.time = self.inner.time
        return response


def send(limit: RateLimit | None, io: IO, *requests: httpx.Request) -> list[int]:
    """Send requests one after the other, and return the statuses of their answers."""
    layer = RateLimitingTransport(None, limit)
    return [run_sync(flow_of(layer, request, io)).status_code for request in requests]


def limited(world: World, inner: Any = None, limit: RateLimit | None = None) -> Any:
    return world.client(world.ours.RateLimitingTransport(inner, limit))


def answering_200(world: World) -> Any:
    return world.mock(lambda _: world.library.Response(200))


def seen_by(world: World) -> tuple[list[str], Any]:
    """Return a list of the paths that are sent, and the transport that fills it."""
    seen: list[str] = []

    def handler(request: Any) -> Any:
        seen.append(request.url.path)
        return world.library.Response(200)

    return seen, world.mock(handler)


def waiting(limit: RateLimit) -> int:
    return sum(state.waiting for state in limit.states().values())


def rate_of(limit: RateLimit) -> Rate:
    return limit._rates.peek(KEY)


def has_empty_queues(limit: RateLimit) -> bool:
    return limit._queues == {}


def retried(io: IO, **policy: Any) -> Any:
    """Send one request with retries."""
    return run_sync(flow_of(RetryingTransport(**policy), GET, io))


# The own limit.


def test_requests_are_sent_no_faster_than_the_limit() -> None:
    io = IO(200, 200, 200)
    send(RateLimit(4, per=2), io, GET, GET, GET)
    assert io.slept == [0.5, 0.5]
    assert io.did == ["send", *["sleep", "closed", "send"] * 2]


def test_a_burst_is_sent_at_once() -> None:
    io = IO(200, 200, 200)
    send(RateLimit(4, per=2, burst=2), io, GET, GET, GET)
    assert io.slept == [0.5]


def test_each_origin_has_a_limit_of_its_own() -> None:
    io = IO(200, 200, 200)
    others = ["http://example.org/", "https://example.org:444/"]
    send(RateLimit(1), io, GET, *(httpx.Request("GET", url) for url in others))
    assert io.slept == []


def test_a_key_function_replaces_the_origin() -> None:
    io = IO(200, 200, 200)
    other = httpx.Request("GET", URL, headers={"tenant": "b"})
    limit = RateLimit(1, key=lambda request: request.headers.get("tenant"))
    send(limit, io, GET, other, httpx.Request("GET", "http://elsewhere/"))
    assert io.slept == [1]
    assert list(limit.states()) == ["b", None]


async def test_requests_over_real_sockets_are_spaced(
    world: World, server: Server
) -> None:
    limit = RateLimit(50)
    async with limited(world, limit=limit) as client:
        started = time.monotonic()
        await world.together(*[lambda: client.get(server.url)] * 6)
        assert time.monotonic() - started > 5 / 50
    assert server.requests == 6


@in_async
async def test_waiting_requests_are_sent_in_the_order_of_arrival(world: World) -> None:
    paths = [f"/{number}" for number in range(8)]
    seen, inner = seen_by(world)
    limit = RateLimit(100)
    told(limit, (KEY, 0, -1.0), ServerQuota(0.2), time.monotonic())
    async with limited(world, inner, limit) as client:
        async with anyio.create_task_group() as tasks:
            for number, path in enumerate(paths):
                tasks.start_soon(client.get, "https://example.org" + path)
                await until(world, lambda: waiting(limit) + len(seen) == number + 1)
    assert seen == paths


async def test_clients_of_both_libraries_can_share_a_limit() -> None:
    limit = RateLimit(1, max_wait=0)
    for name, (library, ours) in LIBRARIES.items():
        inner = library.MockTransport(lambda _: library.Response(200))
        with library.Client(transport=ours.RateLimitingTransport(inner, limit)) as it:
            if name == "httpx":
                it.get(URL)
            else:
                with pytest.raises(ours.RateLimitExceeded):
                    it.get(URL)


# Refusals.


def test_a_request_that_would_wait_too_long_is_refused_at_once() -> None:
    io = IO(200, 200, 200)
    with pytest.raises(RateLimitExceeded) as caught:
        send(RateLimit(1, per=10, max_wait=5), io, GET, GET)
    assert io.slept == []
    assert caught.value.retry_after == 10
    assert str(caught.value) == (
        "the rate limit to https://example.org admits this request in 10 s, "
        "but max_wait is 5 s"
    )


def test_a_wait_of_exactly_max_wait_is_allowed() -> None:
    io = IO(200, 200)
    assert send(RateLimit(1, per=10, max_wait=10), io, GET, GET) == [200, 200]


def send_within(io: IO, seconds: float) -> None:
    """Send two requests; the second one has a deadline after this number of seconds."""
    layer = RateLimitingTransport(None, RateLimit(1, per=10))
    run_sync(flow_of(layer, GET, io))
    context = begin(GET, io)
    context.deadline = set_deadline(seconds, seconds, 0.0, None)
    run_sync(layer._handle(GET, io, context))  # type: ignore[arg-type]  # a scripted IO


def test_a_request_whose_turn_comes_after_its_deadline_is_refused_at_once() -> None:
    io = IO(200, 200)
    with pytest.raises(RateLimitExceeded, match="but its deadline is earlier"):
        send_within(io, 9.0)
    assert io.slept == []


def test_a_request_whose_turn_comes_before_its_deadline_waits() -> None:
    io = IO(200, 200)
    send_within(io, 11.0)
    assert io.slept == [10]


async def test_a_refusal_is_a_transport_error_that_is_not_retried(world: World) -> None:
    inner = world.ours.RateLimitingTransport(
        answering_200(world), RateLimit(1, max_wait=0)
    )
    async with world.client(world.transport(inner)) as client:
        await client.get(URL)
        with pytest.raises(world.ours.RateLimitExceeded) as caught:
            await client.get(URL)
    assert isinstance(caught.value, world.library.TransportError)
    assert len(attempts_of(caught.value)) == 1


@in_async
async def test_max_wait_may_be_infinite(world: World) -> None:
    limit = RateLimit(100, max_wait=math.inf)
    async with limited(world, answering_200(world), limit) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(client.get, URL)
    assert waiting(limit) == 0


def test_a_request_goes_before_one_that_does_not_come() -> None:
    """Its event loop is stopped, for example, and may go on."""
    limit, io = RateLimit(100, max_wait=1), IO(200)
    limit.join(KEY, RatePlace())
    assert send(limit, io, GET) == [200]
    assert PATIENCE < sum(io.slept) < 2 * PATIENCE
    assert waiting(limit) == 1


def test_a_request_is_refused_after_max_wait_behind_one_that_comes_too_late() -> None:
    limit, io = RateLimit(100, max_wait=1), IO()
    place = RatePlace()
    place.due = 5.0
    limit.join(KEY, place)
    with pytest.raises(RateLimitExceeded, match="but max_wait is 1 s"):
        send(limit, io, GET)
    assert sum(io.slept) == 1


# The limits of the server.


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_pauses_all_requests_to_the_origin(status: int) -> None:
    io = IO(answer(status, retry_after="20"), 200)
    assert send(None, io, GET, GET) == [status, 200]
    assert 20 <= io.time <= 22


def test_retry_after_does_not_pause_another_origin() -> None:
    io = IO(answer(429, retry_after="20"), 200)
    send(None, io, GET, httpx.Request("GET", "https://example.com/"))
    assert io.slept == []


def test_retry_after_is_ignored_with_learn_false() -> None:
    io = IO(answer(429, retry_after="20"), 200)
    send(RateLimit(1000, learn=False), io, GET, GET)
    assert io.time < 1


def test_a_request_beyond_the_quota_waits_for_the_next_window() -> None:
    io = IO(answer(ratelimit='"a";r=1;t=30'), answer(ratelimit='"a";r=0;t=30'), 200)
    send(None, io, GET, GET, GET)
    assert 30 <= io.time <= 33


def test_no_state_remains_of_a_pause_that_is_over() -> None:
    limit, io = RateLimit(), IO(answer(429, retry_after="20"), 200, 200, 200)
    send(limit, io, GET, GET)
    io.time += 10
    send(limit, io, GET, GET)
    assert len(io.slept) == 1
    assert rate_of(limit).server is None


def quota(left: list[int], seconds: float) -> Any:
    """Return a step of a server that enforces and reports a quota, window by window."""
    full, lock = left[0], threading.Lock()
    ends = [math.inf]

    def step(connection: Connection) -> bool:
        with lock:
            now = time.monotonic()
            if now >= ends[0]:
                left[0], ends[0] = full, math.inf
            if left[0] == full:
                ends[0] = now + seconds
            left[0] -= 1
            count, status = left[0], 200 if left[0] >= 0 else 429
            fields = {
                "content-length": "0",
                "x-ratelimit-remaining": str(max(count, 0)),
                "x-ratelimit-reset-after": str(ends[0] - now),
            }
            if status == 429:
                fields["retry-after"] = str(ends[0] - now)
        connection.send(head(status, fields))
        return True

    return step


@in_async
async def test_a_server_that_reports_its_quota_refuses_no_request(
    world: World, server: Server
) -> None:
    server.play(quota([10], 0.2))
    statuses: list[int] = []
    async with limited(world) as client:

        async def work() -> None:
            for _ in range(6):
                response = await client.get(server.url)
                statuses.append(response.status_code)

        await client.get(server.url)
        await world.together(*[work] * 4)
    assert statuses == [200] * 24


async def test_waiting_requests_are_refused_when_a_pause_exceeds_their_max_wait(
    world: World, server: Server
) -> None:
    """Without the pause, each of them would be admitted in time."""
    gate = Gate(reply(429, retry_after="30"))
    server.play(gate)
    limit = RateLimit(1, per=5, max_wait=20)
    statuses: list[int] = []
    refusals: list[float] = []
    async with limited(world, limit=limit) as client:

        async def get() -> None:
            try:
                statuses.append((await client.get(server.url)).status_code)
            except world.ours.RateLimitExceeded as error:
                refusals.append(error.retry_after)

        async def refuse() -> None:
            await until(world, lambda: server.requests and waiting(limit) == 3)
            gate.let()

        await world.together(*[get] * 4, refuse)
    assert statuses == [429]
    assert len(refusals) == 3
    assert min(refusals) > 25
    assert waiting(limit) == 0
    assert server.requests == 1


@in_async
async def test_requests_are_sent_after_a_pause(world: World, server: Server) -> None:
    server.play(reply(429, retry_after="0.2"), reply())
    started = time.monotonic()
    async with limited(world) as client:
        await client.get(server.url)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(client.get, server.url)
    assert time.monotonic() - started > 0.2
    assert server.requests == 6


# Retries.


def test_a_retry_without_a_wait_of_its_own_waits_here() -> None:
    inner = IO(answer(429, retry_after="20"), 200)
    outer = Outer(RateLimitingTransport(None), inner)
    retried(outer, wait=tenacity.wait_none())
    assert outer.slept == []
    assert 20 <= outer.time <= 22


def test_a_retry_that_waits_for_retry_after_does_not_wait_here_too() -> None:
    inner = IO(answer(429, retry_after="20"), 200)
    outer = Outer(RateLimitingTransport(None), inner)
    retried(outer)
    assert 20 <= sum(outer.slept) <= 22
    assert 20 <= outer.time <= 22


async def test_a_retry_over_real_sockets_waits_for_retry_after(
    world: World, server: Server
) -> None:
    server.play(reply(429, retry_after="0.1"), reply(200))
    async with world.client(world.transport(world.ours.RateLimitingTransport())) as it:
        assert (await it.get(server.url)).status_code == 200
    first, second = server.received
    assert second.at - first.at > 0.09


# Identity.


async def test_the_response_is_the_same_object_and_the_request_is_unchanged(
    world: World,
) -> None:
    response = world.library.Response(200, headers={"retry-after": "9"}, content=b"a")
    seen: list[Any] = []

    def handler(request: Any) -> Any:
        seen.append(request)
        return response

    async with limited(world, world.mock(handler)) as client:
        request = client.build_request("GET", URL, extensions={"own": 1})
        before = dict(request.extensions)
        assert await client.send(request) is response
    assert request.extensions == before


def test_an_exception_of_the_inner_transport_passes() -> None:
    io = IO(httpx.ReadError("broken"))
    with pytest.raises(httpx.ReadError):
        send(RateLimit(1), io, GET)


# Cancellation.


def counting(requests: float, **more: Any) -> RateLimit:
    """Return a limit that counts, because the server has reported a quota."""
    limit = RateLimit(requests, **more)
    told(limit, (KEY, 0, -1.0), ServerQuota(None, 10**6, 3600.0), time.monotonic())
    return limit


@in_async
async def test_a_cancelled_request_gives_its_place_to_the_next(
    world: World,
) -> None:
    seen, inner = seen_by(world)
    limit, scopes = RateLimit(1, per=1), [anyio.CancelScope(), anyio.CancelScope()]
    async with limited(world, inner, limit) as client:

        async def get(number: int) -> None:
            with scopes[number]:
                await client.get(f"https://example.org/{number}")

        await client.get("https://example.org/before")
        async with anyio.create_task_group() as tasks:
            for number in range(2):
                tasks.start_soon(get, number)
                await until(world, lambda: waiting(limit) == number + 1)
            scopes[0].cancel()
    assert seen == ["/before", "/1"]
    # Two requests were sent, so the cancelled one has used no turn.
    assert limit.states()["https://example.org"].wait <= 1


@in_async
async def test_a_storm_of_cancellations_uses_no_turn_and_leaves_no_queue(
    world: World,
) -> None:
    chance, (seen, inner) = random.Random(5), seen_by(world)
    limit, cancelled = counting(200, burst=2), list[bool]()
    async with limited(world, inner, limit) as client:

        async def get(patience: float) -> None:
            with anyio.move_on_after(patience) as scope:
                await client.get(URL)
            cancelled.append(scope.cancelled_caught)

        async with anyio.create_task_group() as tasks:
            for number in range(400):
                tasks.start_soon(get, chance.choice([0, chance.random() / 20]))
                if number % 20 == 0:
                    await anyio.sleep(0.001)
        assert has_empty_queues(limit)
        await client.get(URL)
    assert in_flight(limit, KEY) == 0
    assert rate_of(limit).counted == len(seen)
    assert any(cancelled)


@in_async
async def test_a_request_that_is_cancelled_in_flight_makes_room_for_another(
    world: World, server: Server
) -> None:
    """The next answer reports if the server has counted it."""
    server.play(
        reply(x_ratelimit_remaining="1", x_ratelimit_reset="3600"), stall(), reply()
    )
    limit = RateLimit()
    async with limited(world, limit=limit) as client:
        await client.get(server.url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, server.url)
            await until(world, lambda: server.requests == 2)
            tasks.start_soon(client.get, server.url)
            await until(world, lambda: waiting(limit) == 1)
            tasks.cancel_scope.cancel()
        assert (await client.get(server.url)).status_code == 200
    assert waiting(limit) == 0


# Threads.


def test_threads_with_and_without_an_event_loop_share_a_limit() -> None:
    limit, seen = RateLimit(500), list[float]()

    def handler(_: Any) -> httpx.Response:
        seen.append(time.monotonic())
        return httpx.Response(200)

    def transport() -> Any:
        return RateLimitingTransport(httpx.MockTransport(handler), limit)

    def in_sync() -> None:
        with httpx.Client(transport=transport()) as client:
            for _ in range(15):
                client.get(URL)

    async def in_tasks() -> None:
        async with httpx.AsyncClient(transport=transport()) as client:
            async with anyio.create_task_group() as tasks:
                for _ in range(15):
                    tasks.start_soon(client.get, URL)

    threads = [
        threading.Thread(target=in_sync),
        threading.Thread(target=in_sync),
        threading.Thread(target=asyncio.run, args=(in_tasks(),)),
        threading.Thread(
            target=anyio.run, args=(in_tasks,), kwargs={"backend": "trio"}
        ),
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 60
    assert time.monotonic() - started > 59 / 500
    assert has_empty_queues(limit)


# States.


def test_states_are_listed_by_origin() -> None:
    limit, io = RateLimit(1, per=100), IO(answer(ratelimit='"a";r=5;t=1000'), 200)
    io.time = time.monotonic()
    send(limit, io, GET, httpx.Request("GET", "http://[::1]:8080/"))
    first, second = limit.states().items()
    assert first[0] == "https://example.org"
    assert 90 < first[1].wait <= 100
    assert first[1][1:4] == (0, 5, 0.0)
    assert {name: each.remaining for name, each in first[1].buckets.items()} == {"a": 5}
    assert second[0] == "http://[::1]:8080"
    assert second[1].remaining is None


def test_a_state_has_the_pause_but_not_a_window_that_is_over() -> None:
    limit, io = RateLimit(), IO(answer(429, retry_after="50"))
    io.time = time.monotonic()
    send(limit, io, GET)
    (state,) = limit.states().values()
    assert 45 < state.paused == state.wait <= 55
    limit, io = RateLimit(), IO(answer(ratelimit='"a";r=0;t=1'))
    send(limit, io, GET)
    (state,) = limit.states().values()
    assert state[:4] == (0.0, 0, None, 0.0)
    assert state.buckets["a"].remaining is None


def test_with_more_requests_in_flight_than_the_quota_0_remain() -> None:
    limit, now = RateLimit(key=lambda _: "key"), time.monotonic()
    told(limit, ("key", 0, -1.0), ServerQuota(None, 3, 100.0), now)
    visits = [limit.take("key", asking(now)) for _ in range(3)]
    told(limit, ("key", 1, -1.0), ServerQuota(None, 1, 100.0), now)
    assert limit.states()["key"].remaining == 0
    assert None not in visits


def test_a_counted_request_that_is_lost_is_not_in_flight() -> None:
    limit, now = RateLimit(key=lambda _: "key"), time.monotonic()
    told(limit, ("key", 0, -1.0), ServerQuota(None, 3, 100.0), now)
    visits = [limit.take("key", asking(now)) for _ in range(2)]
    assert limit.states()["key"].remaining == 1
    visits.pop()
    assert limit.states()["key"].remaining == 2
    (visit,) = visits
    assert visit is not None
    told(limit, visit, None, now)
    visits.clear()
    del visit
    assert limit.states()["key"].remaining == 3


# Arguments.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"requests": 0}, "requests is a number, above 0; got 0"),
        ({"requests": math.nan}, "requests is a number, above 0"),
        ({"requests": 1, "per": 0}, "per is a number of seconds, above 0; got 0"),
        ({"requests": 1, "burst": 0}, "burst is a whole number of requests, 1 or more"),
        ({"max_wait": -1}, "max_wait is a number of seconds, 0 or more; got -1"),
        ({"learn": False}, "limits nothing: set requests=, or learn=True"),
    ],
)
def test_an_argument_out_of_its_range_is_rejected(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RateLimit(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"requests": "5"}, "requests is a number"),
        ({"requests": 1, "burst": 1.5}, "burst is a whole number"),
        ({"max_wait": None}, "max_wait is a number of seconds"),
        ({"key": "host"}, "key must be a function of the request, .*; got 'host'"),
    ],
)
def test_an_argument_of_another_type_is_rejected(options: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        RateLimit(**options)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_number_instead_of_a_limit_is_rejected(library: str) -> None:
    _, ours = LIBRARIES[library]
    with pytest.raises(
        TypeError, match=r"limit must be a RateLimit, such as .*; got 10"
    ):
        ours.RateLimitingTransport(None, 10)


def test_the_class_is_the_same_for_both_libraries() -> None:
    assert httpx_resilient.httpx2.RateLimit is RateLimit
