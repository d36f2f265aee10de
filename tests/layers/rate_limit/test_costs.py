"""A rate limit by cost: reservations, actual costs, and the server's quotas of tokens."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import pickle
import random
import threading
import time
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest
from support.fake_io import flow_of
from support.gates import Gate, until
from support.rates import IO, answer
from support.server import Connection, Server, head, reply
from support.world import LIBRARIES, World, in_async

from httpx_resilient import (
    ConcurrencyLimit,
    RateLimit,
    RateLimitExceeded,
    RateLimitingTransport,
)
from httpx_resilient._core.events.queueing import Admitted
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._layers.rate_limit.answer import UNANSWERED
from httpx_resilient._layers.rate_limit.cost import KEY, Reservation
from httpx_resilient.testing import virtual_time

pytestmark = pytest.mark.anyio

URL = "https://example.org/v1/chat"
ORIGIN = ("https", "example.org", None)


def asks(cost: float, url: str = URL, **headers: str) -> httpx.Request:
    return httpx.Request("POST", url, headers={"cost": str(cost), **headers})


def cost_of(request: Any) -> float:
    return float(request.headers["cost"])


def used(response: Any) -> float | None:
    said = response.headers.get("used")
    return None if said is None else float(said)


def by_cost(requests: float | None = 100, per: float = 10, **options: Any) -> RateLimit:
    return RateLimit(requests, per, cost=cost_of, **options)


def send(limit: RateLimit, io: IO, *requests: httpx.Request) -> list[Any]:
    layer = RateLimitingTransport(None, limit)
    return [run_sync(flow_of(layer, request, io)) for request in requests]


def spent(limit: RateLimit) -> float:
    """Return what counts as spent."""
    slots = [slot for rate in limit._rates.states().values() for slot in _slots(rate)]
    return math.fsum(units for _, units in slots)


def _slots(rate: Any) -> Any:
    return rate.spending.slots


def in_flight(limit: RateLimit) -> float:
    states = limit._rates.states().values()
    return sum(each.in_flight for rate in states for each in rate.buckets.values())


def state_of(limit: RateLimit) -> Any:
    return next(iter(limit.states().values()))


# The own limit.


def test_requests_are_spaced_by_their_costs() -> None:
    io = IO(200, 200, 200)
    send(by_cost(), io, asks(20), asks(50), asks(1))
    assert io.slept == pytest.approx([2, 5])


def test_a_burst_is_in_units_of_cost() -> None:
    io = IO(200, 200, 200)
    send(by_cost(burst=50), io, asks(20), asks(30), asks(10))
    assert io.slept == pytest.approx([1])


def test_a_request_that_costs_more_than_the_quota_is_sent() -> None:
    io = IO(200, 200)
    send(by_cost(), io, asks(1), asks(1000))
    assert 10 < io.time < 10.1


def test_a_request_whose_turn_comes_too_late_is_refused_and_costs_nothing() -> None:
    limit, io = by_cost(max_wait=3), IO(200)
    with pytest.raises(RateLimitExceeded, match="in 4 s, but max_wait is 3 s"):
        send(limit, io, asks(40), asks(1))
    assert spent(limit) == 40


def test_the_state_has_the_wait_of_a_small_request() -> None:
    limit = by_cost()
    limit.take_by_cost(ORIGIN, _asking(asks(40)), 40)
    assert state_of(limit).wait == pytest.approx(4, abs=0.1)
    assert state_of(limit).remaining is None


def _asking(request: httpx.Request) -> Any:
    """Return a context, as far as a rate limit reads it."""
    return SimpleNamespace(now=time.monotonic(), request=request)


# The actual cost.


def test_the_actual_cost_replaces_the_reserved_one() -> None:
    limit, io = by_cost(used=used), IO(answer(used="10"), answer(used="70"), 200)
    send(limit, io, asks(40))
    assert spent(limit) == 10
    send(limit, io, asks(40), asks(1))
    assert io.slept == pytest.approx([1, 7])


def test_without_word_of_the_server_the_reserved_cost_stands() -> None:
    limit = by_cost(used=used)
    send(limit, IO(200), asks(40))
    assert spent(limit) == 40


def test_the_cost_is_settled_once_a_body_tells_it() -> None:
    limit, io = by_cost(), IO(200)
    io.time = time.monotonic()
    (response,) = send(limit, io, asks(40))
    assert limit.settle(response, 10)
    assert spent(limit) == 10
    assert limit.settle(response, 15)
    assert spent(limit) == 15


def test_a_response_of_another_limit_is_not_settled() -> None:
    (response,) = send(by_cost(), IO(200), asks(40))
    assert not by_cost().settle(response, 10)
    assert not by_cost().settle(httpx.Response(200), 10)


def test_each_of_two_limits_settles_its_own() -> None:
    first, second = by_cost(), by_cost()
    response = httpx.Response(200)
    for limit in (first, second, first):
        send(limit, IO(response), asks(40))
    assert len(response.extensions[KEY]) == 2
    assert first.settle(response, 0)
    assert second.settle(response, 5)
    assert (spent(first), spent(second)) == (40, 5)


def test_a_response_can_be_copied_with_its_reservation() -> None:
    (response,) = send(by_cost(), IO(200), asks(40))
    kept = copy.deepcopy(response.extensions)[KEY]
    assert kept[0] is response.extensions[KEY][0]
    assert isinstance(kept[0], Reservation)
    pickled = pickle.loads(pickle.dumps(response.extensions))
    assert pickled[KEY] == (None,)


# What was not sent costs nothing.


@pytest.mark.parametrize(
    ("error", "cost"),
    [
        (httpx.ConnectError("refused"), 0),
        (httpx.PoolTimeout("full"), 0),
        (httpx.ReadTimeout("slow"), 40),
        (httpx.ReadError("lost"), 40),
    ],
)
def test_only_what_may_have_been_processed_has_cost_something(
    error: Exception, cost: float
) -> None:
    limit = by_cost()
    with pytest.raises(type(error)):
        send(limit, IO(error), asks(40))
    assert spent(limit) == cost


async def test_a_request_that_is_refused_after_the_limit_costs_nothing(
    world: World, server: Server
) -> None:
    gate = Gate(reply())
    server.play(gate)
    limit = by_cost(burst=100)
    inner = world.ours.ConcurrencyLimitingTransport(None, ConcurrencyLimit(1))
    transport = world.ours.RateLimitingTransport(inner, limit)
    timeout = world.library.Timeout(10, pool=0.01)
    async with world.client(transport, timeout=timeout) as client:

        async def first() -> None:
            await client.post(server.url, headers={"cost": "10"})

        async def second() -> None:
            await until(world, lambda: server.requests == 1)
            with pytest.raises(world.library.PoolTimeout):
                await client.post(server.url, headers={"cost": "20"})
            gate.let()

        await world.together(first, second)
    assert spent(limit) == 10


@in_async
async def test_a_request_that_is_cancelled_in_the_queue_costs_nothing(
    world: World,
) -> None:
    limit = by_cost()
    mock = world.mock(lambda _: world.library.Response(200))
    async with world.client(world.ours.RateLimitingTransport(mock, limit)) as client:
        await client.post(URL, headers={"cost": "90"})
        with anyio.move_on_after(0.02):
            await client.post(URL, headers={"cost": "10"})
    assert spent(limit) == 90
    assert state_of(limit).waiting == 0


@in_async
async def test_a_request_that_is_cancelled_before_its_answer_has_cost_something(
    world: World, server: Server
) -> None:
    gate = Gate()
    server.play(gate)
    limit = by_cost(burst=100)
    async with world.client(world.ours.RateLimitingTransport(None, limit)) as client:
        async with anyio.create_task_group() as tasks:
            headers = {"cost": "10"}
            tasks.start_soon(lambda: client.post(server.url, headers=headers))
            await until(world, lambda: server.requests == 1)
            tasks.cancel_scope.cancel()
        gate.let()
    assert spent(limit) == 10


@in_async
async def test_a_request_that_is_cancelled_in_a_queue_inside_costs_nothing(
    world: World, server: Server
) -> None:
    gate = Gate()
    server.play(gate)
    limit = by_cost(burst=100)
    inner = world.ours.ConcurrencyLimitingTransport(None, ConcurrencyLimit(1))
    async with world.client(world.ours.RateLimitingTransport(inner, limit)) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: client.post(server.url, headers={"cost": "10"}))
            await until(world, lambda: server.requests == 1)
            with anyio.move_on_after(0.02):
                await client.post(server.url, headers={"cost": "20"})
            gate.let()
    assert spent(limit) == 10


def test_a_request_that_is_interrupted_when_it_is_admitted_costs_nothing() -> None:
    def interrupt(event: Any) -> None:
        if isinstance(event, Admitted):
            raise KeyboardInterrupt

    limit, io = by_cost(), IO(200)
    layer = RateLimitingTransport(None, limit, on_event=interrupt)
    run_sync(flow_of(layer, asks(40), io))
    with pytest.raises(KeyboardInterrupt):
        run_sync(flow_of(layer, asks(20), io))
    assert spent(limit) == 40


# The queue.

ASYNCHRONOUS = World(*LIBRARIES["httpx"], sync=False)


async def queued(limit: RateLimit, number: int) -> None:
    await until(ASYNCHRONOUS, lambda: state_of(limit).waiting == number)


def test_a_cost_that_is_given_back_lets_the_next_request_go() -> None:
    async def main() -> float:
        limit = by_cost(10, per=10)
        mock = httpx.MockTransport(lambda _: httpx.Response(200))
        transport = RateLimitingTransport(mock, limit)
        async with httpx.AsyncClient(transport=transport) as client:
            first = await client.send(asks(10))
            second = asyncio.create_task(client.send(asks(5)))
            await queued(limit, 1)
            started = time.monotonic()
            limit.settle(first, 0)
            await second
            return time.monotonic() - started

    assert asyncio.run(main()) < 1


def test_requests_behind_others_are_refused_by_the_costs_of_those() -> None:
    async def main() -> None:
        limit = by_cost(max_wait=5)
        mock = httpx.MockTransport(lambda _: httpx.Response(200))
        transport = RateLimitingTransport(mock, limit)
        async with httpx.AsyncClient(transport=transport) as client:
            await client.send(asks(1))
            waits = [asyncio.create_task(client.send(asks(40)))]
            await queued(limit, 1)
            waits += [asyncio.create_task(client.send(asks(40)))]
            await queued(limit, 2)
            with pytest.raises(RateLimitExceeded, match=r"in 8\.\d+ s"):
                await client.send(asks(1))
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        assert spent(limit) <= 41

    asyncio.run(main())


# The quotas of tokens that the server reports.

OPENAI = {
    "x_ratelimit_remaining_requests": "100",
    "x_ratelimit_reset_requests": "1s",
    "x_ratelimit_reset_tokens": "30s",
}


def tokens(left: float, **more: str) -> httpx.Response:
    return answer(x_ratelimit_remaining_tokens=str(left), **{**OPENAI, **more})


def test_a_quota_of_tokens_binds_by_cost() -> None:
    io = IO(tokens(100), tokens(60), tokens(20), 200)
    limit, io.time = by_cost(None), time.monotonic()
    send(limit, io, asks(40), asks(40), asks(20))
    assert io.slept == []
    assert state_of(limit).remaining == 20
    send(limit, io, asks(40))
    assert 30 <= sum(io.slept) <= 33


def test_a_quota_of_tokens_is_ignored_without_costs() -> None:
    io = IO(tokens(0), 200)
    send(RateLimit(), io, asks(40), asks(40))
    assert io.slept == []


def test_a_quota_of_tokens_is_ignored_with_learn_false() -> None:
    io = IO(tokens(0), 200)
    send(by_cost(1e6, learn=False), io, asks(40), asks(40))
    assert io.time < 1


def test_of_several_quotas_of_tokens_the_least_counts() -> None:
    fields = {
        f"anthropic_ratelimit_{name}_{what}": value
        for name, left in (("input_tokens", "500"), ("output_tokens", "30"))
        for what, value in (("remaining", left), ("reset", "20"))
    }
    limit = by_cost(None)
    send(limit, IO(answer(**fields)), asks(40))
    (rate,) = limit._rates.states().values()
    (bucket,) = rate.buckets.values()
    assert bucket.quota.least == 30


def test_a_quota_of_requests_binds_beside_that_of_tokens() -> None:
    io = IO(tokens(1000, x_ratelimit_remaining_requests="0"), 200)
    send(by_cost(None), io, asks(40), asks(40))
    assert 1 <= io.time <= 1.1


def test_a_quota_of_tokens_binds_its_path_and_credentials_only() -> None:
    io = IO(tokens(0), 200, 200)
    elsewhere = asks(40, url="https://example.org/v1/models")
    send(by_cost(None), io, asks(40), elsewhere, asks(40, authorization="Bearer b"))
    assert io.slept == []


def test_a_request_that_may_not_wait_for_the_reset_is_sent() -> None:
    io = IO(tokens(0), 200)
    send(by_cost(None, max_wait=5), io, asks(40), asks(40))
    assert io.slept == []


def test_a_quota_is_asked_for_again_after_a_minute() -> None:
    io = IO(tokens(0, x_ratelimit_reset_tokens="30m"), tokens(0), 200)
    send(by_cost(None, max_wait=100), io, asks(40), asks(40))
    assert io.time == 60


def test_a_request_in_flight_is_subtracted_from_the_quota() -> None:
    limit = by_cost(None)
    send(limit, IO(tokens(100)), asks(40))
    visit = limit.take_by_cost(ORIGIN, _asking_at(0.0, asks(70)), 70)
    assert in_flight(limit) == 70
    assert limit.take_by_cost(ORIGIN, _asking_at(0.0, asks(31)), 31) is None
    assert visit is not None
    limit.record(visit, UNANSWERED, 0.0)
    limit.record(visit, UNANSWERED, 0.0)
    assert in_flight(limit) == 0


def test_one_that_cannot_wait_goes_after_those_in_flight() -> None:
    limit = by_cost(None, max_wait=5)
    send(limit, IO(tokens(50)), asks(40))
    visit = limit.take_by_cost(ORIGIN, _asking_at(0.0, asks(50)), 50)
    io = IO(200)
    send(limit, io, asks(40))
    assert io.slept == [5]
    assert visit is not None


def test_requests_that_wait_for_a_quota_of_tokens_do_not_delay_others() -> None:
    async def main() -> None:
        limit = by_cost(None)
        answers = {"/v1/chat": tokens(50), "/v1/models": tokens(1000)}
        mock = httpx.MockTransport(lambda request: answers[request.url.path])
        transport = RateLimitingTransport(mock, limit)
        async with httpx.AsyncClient(transport=transport) as client:
            await client.send(asks(40))
            waits = [asyncio.create_task(client.send(asks(80)))]
            await queued(limit, 1)
            await client.send(asks(40, url="https://example.org/v1/models"))
            # A small one does not take what the large one waits for.
            waits += [asyncio.create_task(client.send(asks(10)))]
            await queued(limit, 2)
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        assert state_of(limit).waiting == 0

    asyncio.run(main())


def test_in_a_forked_child_nothing_is_in_flight() -> None:
    limit = by_cost(None)
    send(limit, IO(tokens(100)), asks(40))
    visit = limit.take_by_cost(ORIGIN, _asking_at(0.0, asks(70)), 70)
    limit.forked()
    assert in_flight(limit) == 0
    assert visit is not None


def test_the_state_of_a_path_is_that_of_its_strictest_quota() -> None:
    limit = by_cost(None)
    io = IO(tokens(100), tokens(50))
    io.time = time.monotonic()
    send(limit, io, asks(40), asks(40, authorization="Bearer b"))
    state = state_of(limit)
    assert state.remaining == 50
    assert state.buckets["/v1/chat"].remaining == 50


def test_of_an_evicted_key_nothing_is_settled() -> None:
    limit = by_cost()
    visit = limit.take_by_cost(ORIGIN, _asking_at(0.0, asks(70)), 70)
    assert visit is not None
    limit._rates = type(limit._rates)(limit._rules.initial)
    limit.record(visit, UNANSWERED._replace(cost=0.0), 0.0)
    assert spent(limit) == 0


def _asking_at(now: float, request: httpx.Request) -> Any:
    return SimpleNamespace(now=now, request=request)


def test_a_pause_applies_to_requests_with_costs() -> None:
    io = IO(answer(429, retry_after="20", x_ratelimit_remaining_tokens="0"), 200)
    send(by_cost(), io, asks(1), asks(1))
    assert 20 <= io.time <= 22


# A real server that counts tokens.


def model(quota: float, seconds: float, refused: list[int]) -> Any:
    """Return a step of a server that has a quota of tokens in each period."""
    sent: list[tuple[float, float]] = []
    lock = threading.Lock()

    def step(connection: Connection) -> bool:
        with lock:
            now, actual = time.monotonic(), float(connection.request.headers["actual"])
            counted = sum(cost for at, cost in sent if at > now - seconds)
            status = 200 if counted + actual <= quota else 429
            if status == 200:
                sent.append((now, actual))
            else:
                refused.append(status)
        body = json.dumps({"usage": {"total_tokens": actual}}).encode()
        fields = {"content-length": str(len(body)), "used": str(actual)}
        connection.send(head(status, fields) + body)
        return True

    return step


@pytest.mark.parametrize("burst", [1, 9000])
def test_many_clients_use_95_percent_of_a_quota_and_never_exceed_it(burst: int) -> None:
    """Answers take seconds, and requests cost up to a twentieth of the quota."""

    async def main() -> list[tuple[float, float]]:
        chance, sent = random.Random(1), list[tuple[float, float]]()
        with virtual_time() as clock:

            async def serve(request: httpx.Request) -> httpx.Response:
                sent.append((clock.elapsed, cost_of(request)))
                await asyncio.sleep(chance.uniform(0.5, 8))
                return httpx.Response(200, headers={"used": request.headers["cost"]})

            async def work(client: httpx.AsyncClient) -> None:
                while clock.elapsed < 6 * 60:
                    await client.send(asks(chance.uniform(10, 4500)))

            limit = by_cost(90_000, 60, burst=burst, max_wait=300, used=used)
            transport = RateLimitingTransport(httpx.MockTransport(serve), limit)
            async with httpx.AsyncClient(transport=transport) as client:
                await asyncio.gather(*[work(client) for _ in range(40)])
        return sent

    sent = asyncio.run(main())
    periods = [
        sum(cost for at, cost in sent if start < at <= start + 60) for start, _ in sent
    ]
    assert max(periods) <= 90_000
    used_later = sum(cost for at, cost in sent if 60 < at <= 360)
    assert used_later >= 0.95 * 5 * 90_000


@pytest.mark.parametrize("by_body", [False, True])
async def test_a_server_with_a_quota_of_tokens_refuses_nothing(
    world: World, server: Server, by_body: bool
) -> None:
    refused: list[int] = []
    server.play(model(1000, 0.3, refused))
    # The times of arrival are not quite those of sending.
    limit = by_cost(900, per=0.3, burst=100, used=None if by_body else used)
    done: list[float] = []
    async with world.client(world.ours.RateLimitingTransport(None, limit)) as client:

        async def work() -> None:
            for cost in (100, 60, 80):
                headers = {"cost": str(cost), "actual": str(cost / 2)}
                response = await client.post(server.url, headers=headers)
                total = response.json()["usage"]["total_tokens"]
                done.append(total)
                if by_body:
                    assert limit.settle(response, total)

        await world.together(*[work] * 5)
    assert refused == []
    assert len(done) == 15
    assert state_of(limit).waiting == 0


async def test_the_standard_transport_has_a_limit_by_cost(
    world: World, server: Server
) -> None:
    limit = by_cost(used=used)
    server.play(reply(200, used="3"))
    async with world.client(world.ours.standard_transport(rate_limit=limit)) as client:
        await client.post(server.url, headers={"cost": "40"})
    assert spent(limit) == 3


# Mistakes.


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (0, ValueError, "cost= has returned 0: return a finite number above 0"),
        (-1, ValueError, "cost= has returned -1: return a finite number above 0"),
        (math.inf, ValueError, "cost= has returned inf: return a finite number"),
        (math.nan, ValueError, "cost= has returned nan: return a finite number"),
        (None, TypeError, "cost= must give a finite number; got None"),
        (True, TypeError, "cost= must give a finite number; got True"),
        ("5", TypeError, "cost= must give a finite number; got '5'"),
    ],
)
async def test_a_cost_that_is_no_number_is_raised_before_anything_is_sent(
    world: World, returned: Any, error: type[Exception], message: str
) -> None:
    sent: list[Any] = []
    limit = RateLimit(100, cost=lambda _: returned)
    async with world.client(
        world.ours.standard_transport(world.mock(sent.append), rate_limit=limit)
    ) as client:
        with pytest.raises(error, match=message):
            await client.get(URL)
    assert sent == []
    assert limit.states() == {}


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        (-1, ValueError, "used= is -1: the actual cost is a finite number, 0 or more"),
        ("5", TypeError, "used= must give a finite number; got '5'"),
    ],
)
def test_an_actual_cost_that_is_no_number_is_raised(
    said: Any, error: type[Exception], message: str
) -> None:
    limit = by_cost(used=lambda _: said)
    with pytest.raises(error, match=message):
        send(limit, IO(tokens(100)), asks(40))
    assert spent(limit) == 40
    assert in_flight(limit) == 0


def test_settling_with_what_is_no_cost_is_rejected() -> None:
    with pytest.raises(ValueError, match="used is -5"):
        by_cost().settle(httpx.Response(200), -5)


async def _asynchronous(_: Any) -> float:
    return 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cost": 5}, "cost must be a function of the request, such as .*; got 5"),
        ({"cost": _asynchronous}, "cost must be a plain function of the request"),
        ({"used": used}, "used= corrects what cost= has reserved: give cost= too"),
        (
            {"cost": cost_of, "used": 5},
            "used must be a function of the response, such as .*; got 5",
        ),
        (
            {"cost": cost_of, "used": _asynchronous},
            "used must be a plain function of the response",
        ),
    ],
)
def test_what_is_no_plain_function_is_rejected(options: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        RateLimit(100, **options)
