"""A request that waits on this side: nothing counts that time as the server's."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import tenacity
from support.gates import in_total, pooling, stream, until
from support.server import Server, reply, stall
from support.world import World

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    CircuitBreaker,
    ConcurrencyLimit,
    Failover,
    HedgePolicy,
    RateLimit,
    attempts_of,
)
from httpx_resilient._core.classify import Retryability, is_of_server, is_own

pytestmark = pytest.mark.anyio

SOON = 0.15
"""A limit in seconds, shorter than a request is queued for."""

LONG = 3 * SOON

in_async = pytest.mark.parametrize("runtime", ["asyncio", "trio"])


def standard(world: World, pool: Any, **options: Any) -> Any:
    retry = {"wait": tenacity.wait_none()}
    return world.ours.standard_transport(pool, **{"retry": retry, **options})


async def queued(
    world: World,
    client: Any,
    server: Server,
    pool: Any,
    send: Callable[[], Awaitable[Any]] | None = None,
    *,
    to_the_end: bool = False,
) -> list[Any]:
    """
    Send a request while another one has the only connection, for longer than a limit.

    Args:
        world: The world of the client.
        client: What sends it.
        server: The server.
        pool: The pool with one connection.
        send: Sends it, if that is not a GET.
        to_the_end: Whether the other one has the connection until this one has ended.

    Returns:
        Its outcome.
    """
    server.play(reply(body=b"held"), reply(201))
    held = await stream(world.client(pool, timeout=10), server.url)
    outcomes: list[Any] = []

    async def get() -> None:
        try:
            outcomes.append(await (send or (lambda: client.get(server.url)))())
        except world.library.TransportError as error:
            outcomes.append(error)

    async def free() -> None:
        if to_the_end:
            await until(world, lambda: outcomes)
        else:
            await until(world, lambda: in_total(pool).get("waiting"))
            await world.sleep(LONG)
        await world.read(held)
        await world.close(held)

    await world.together(get, free)
    return outcomes


async def is_served(world: World, server: Server, pool: Any, transport: Any) -> int:
    """Assert that a request is served after a long wait. Return how many were sent."""
    timeout = world.library.Timeout(10, pool=None)
    async with world.client(transport, timeout=timeout) as client:
        (outcome,) = await queued(world, client, server, pool)
    assert outcome.status_code == 201
    (attempt,) = attempts_of(outcome)
    assert attempt.queued > SOON
    return server.requests


@pytest.mark.parametrize(
    "options",
    [
        dict,
        lambda: {"concurrency": ConcurrencyLimit(2)},
        lambda: {"concurrency": AdaptiveConcurrencyLimit()},
        lambda: {"deadline": None},
    ],
    ids=["alone", "inside a limit", "inside an adaptive limit", "without a deadline"],
)
async def test_the_limit_of_an_attempt_pauses_while_it_waits_for_a_connection(
    world: World, server: Server, options: Callable[[], dict[str, Any]]
) -> None:
    pool = pooling(world)
    transport = standard(world, pool, attempt=SOON, **options())
    assert await is_served(world, server, pool, transport) == 2


async def test_the_limit_of_an_attempt_pauses_while_it_waits_for_a_permit_inside_of_it(
    world: World, server: Server
) -> None:
    ours, limit = world.ours, ConcurrencyLimit(1)
    limiting = ours.ConcurrencyLimitingTransport(pooling(world), limit)
    transport = ours.DeadlineTransport(limiting, SOON, body=False)
    timeout = world.library.Timeout(10, pool=None)
    server.play(reply(body=b"held"), reply(201))
    async with world.client(transport, timeout=timeout) as client:
        held = await stream(client, server.url)
        seen: list[int] = []

        async def get() -> None:
            seen.append((await client.get(server.url)).status_code)

        async def free() -> None:
            await until(world, lambda: limit.states()[server.url.rstrip("/")].waiting)
            await world.sleep(LONG)
            await world.read(held)
            await world.close(held)

        await world.together(get, free)
    assert seen == [201]


async def test_the_limit_of_an_attempt_pauses_while_it_waits_for_its_turn_inside_of_it(
    world: World, server: Server
) -> None:
    ours = world.ours
    limiting = ours.RateLimitingTransport(pooling(world), RateLimit(2, burst=1))
    transport = ours.DeadlineTransport(limiting, SOON, body=False)
    async with world.client(transport) as client:
        for _ in range(2):
            assert (await client.get(server.url)).status_code == 200


async def test_the_limit_of_an_attempt_goes_on_when_the_request_is_sent(
    world: World, server: Server
) -> None:
    pool = pooling(world)
    transport = world.ours.DeadlineTransport(pool, SOON, body=False)

    def stalled() -> Any:
        server.play(stall())
        return client.post(server.url)

    async with world.client(transport, timeout=10) as client:
        (error,) = await queued(world, client, server, pool, stalled)
    assert str(error).endswith("exceeded while waiting for response headers")
    assert (error.retryability, is_own(error)) == (Retryability.IF_IDEMPOTENT, False)
    (attempt,) = attempts_of(error)
    assert attempt.duration - attempt.queued < LONG


async def test_a_deadline_with_a_body_includes_the_queue_and_blames_no_server(
    world: World, server: Server
) -> None:
    ours, pool, breaker = world.ours, pooling(world), CircuitBreaker(minimum_calls=1)
    limited = ours.DeadlineTransport(ours.DeadlineTransport(pool, 10, body=False), SOON)
    transport = ours.CircuitBreakingTransport(limited, breaker)
    async with world.client(transport, timeout=10) as client:
        (error,) = await queued(world, client, server, pool, to_the_end=True)
    assert type(error) is ours.DeadlineExceeded
    assert str(error) == (
        f"deadline of {SOON:g} s exceeded while queued on this side: "
        "the request was not sent"
    )
    assert error.retryability is Retryability.ALWAYS
    assert not is_of_server(error, ours._FAMILY)
    (state,) = breaker.states().values()
    assert (state.failures, state.slow) == (0, 0)
    assert server.requests == 1


async def test_a_deadline_that_ends_in_a_queue_takes_no_origin_out(
    world: World, server: Server
) -> None:
    dead, up = "http://127.0.0.1:1", server.url.rstrip("/")
    ours, pool, group = world.ours, pooling(world), Failover([dead, up])
    transport = ours.DeadlineTransport(ours.FailoverTransport(pool, group), 2 * SOON)
    async with world.client(transport, timeout=10) as client:
        assert (await client.get(dead)).extensions["origin"] == up
        (error,) = await queued(
            world, client, server, pool, lambda: client.get(dead), to_the_end=True
        )
    assert is_own(error)
    assert error.retryability is Retryability.ALWAYS
    assert group.down == (dead,)


async def test_an_attempt_that_a_deadline_cuts_in_a_queue_leaves_the_answer_before_it(
    world: World, server: Server
) -> None:
    ours, pool = world.ours, pooling(world)
    retrying = ours.RetryingTransport(pool, wait=tenacity.wait_fixed(SOON))
    transport = ours.DeadlineTransport(retrying, LONG)
    server.play(reply(503), reply(body=b"held"))
    other = world.client(pool, timeout=10)
    held: list[Any] = []
    answers: list[Any] = []
    async with world.client(transport, timeout=10) as client:

        async def get() -> None:
            answers.append(await client.get(server.url))

        async def occupy() -> None:
            await until(world, lambda: in_total(pool).get("idle"))
            held.append(await stream(other, server.url))

        await world.together(get, occupy)
        await world.close(held[0])
    (answer,) = answers
    assert answer.status_code == 503
    assert len(attempts_of(answer)) == 2


async def test_a_slow_call_of_a_breaker_does_not_include_queues(
    world: World, server: Server
) -> None:
    pool, breaker = pooling(world), CircuitBreaker(slow_after=SOON)
    await is_served(world, server, pool, standard(world, pool, breaker=breaker))
    (state,) = breaker.states().values()
    assert (state.calls, state.slow) == (1, 0)


async def test_an_adaptive_limit_does_not_measure_queues(
    world: World, server: Server
) -> None:
    pool, limit = pooling(world), AdaptiveConcurrencyLimit()
    await is_served(world, server, pool, standard(world, pool, concurrency=limit))
    semaphore: Any = limit.semaphore(("http", "127.0.0.1", server.port))
    ((seconds, _),) = semaphore._samples
    assert seconds is not None
    assert seconds < SOON


@in_async
async def test_a_request_that_is_queued_is_not_hedged_and_teaches_no_latency(
    world: World, server: Server
) -> None:
    pool, policy = pooling(world), HedgePolicy(SOON)
    transport = standard(world, pool, hedging=policy)
    assert await is_served(world, server, pool, transport) == 2
    learning = HedgePolicy(samples=1)
    pool = pooling(world)
    await is_served(world, server, pool, standard(world, pool, hedging=learning))
    assert max(learning.delays().values()) < SOON


@in_async
async def test_a_request_that_was_queued_is_hedged_when_the_server_is_slow(
    world: World, server: Server
) -> None:
    pool, policy = pooling(world, 2), HedgePolicy(SOON)
    transport = world.ours.HedgingTransport(pool, policy)
    timeout = world.library.Timeout(10, pool=None)
    server.play(reply(body=b"held"), reply(body=b"held"), stall(), reply(202))
    async with world.client(transport, timeout=timeout) as client:
        held = [await stream(client, server.url) for _ in range(2)]
        seen: list[int] = []

        async def get() -> None:
            seen.append((await client.get(server.url)).status_code)

        async def free() -> None:
            await until(world, lambda: in_total(pool).get("waiting"))
            await world.sleep(LONG)
            for each in held:
                await world.read(each)

        await world.together(get, free)
    assert seen == [202]
    assert server.requests == 4


@pytest.fixture
def black_hole() -> Iterator[str]:
    """The URL of a server that accepts no further connection: its backlog is full."""
    with ExitStack() as sockets:
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        sockets.enter_context(full)
        for _ in range(3):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}/"


async def test_a_post_whose_connection_is_cut_is_repeated_and_blames_the_server(
    world: World, black_hole: str
) -> None:
    breaker = CircuitBreaker()
    transport = standard(world, None, attempt=SOON, breaker=breaker)
    async with world.client(transport, timeout=10) as client:
        with pytest.raises(world.ours.DeadlineExceeded) as raised:
            await client.post(black_hole, content=b"x")
    error = raised.value
    assert len(attempts_of(error)) == 3
    assert str(error) == (
        f"deadline of {SOON:g} s exceeded while connecting: the request was not sent"
    )
    assert is_of_server(error, world.ours._FAMILY)
    (state,) = breaker.states().values()
    assert state.failures == 3


@pytest.mark.parametrize("warm", [0, 1])
async def test_a_post_that_was_sent_is_not_repeated(
    world: World, server: Server, warm: int
) -> None:
    transport = standard(world, pooling(world), attempt=SOON)
    async with world.client(transport, timeout=10) as client:
        server.play(*[reply()] * warm, stall())
        for _ in range(warm):
            await client.get(server.url)
        with pytest.raises(
            world.ours.DeadlineExceeded, match="waiting for response headers"
        ):
            await client.post(server.url, content=b"x")
    assert server.requests == warm + 1


async def test_an_attempt_after_one_that_could_not_connect_counts_as_sent(
    world: World, server: Server, black_hole: str
) -> None:
    """The record of the first attempt must not outlive it."""
    pool = pooling(world, 2)
    group = Failover([black_hole.rstrip("/"), server.url.rstrip("/")])
    transport = standard(world, pool, attempt=SOON, failover=group, breaker=False)
    async with world.client(transport, timeout=10) as client:
        server.play(reply(), stall())
        await client.get(server.url)
        with pytest.raises(
            world.ours.DeadlineExceeded, match="waiting for response headers"
        ):
            await client.post(black_hole, content=b"x")
    assert [each.method for each in server.received] == ["GET", "POST"]


@pytest.mark.parametrize(
    "options",
    [
        lambda: {"rate_limit": RateLimit(1, per=1000, max_wait=0.01)},
        lambda: {"concurrency": ConcurrencyLimit(1, queue=0)},
    ],
    ids=["rate", "concurrency"],
)
async def test_a_refusal_of_this_side_takes_no_origin_out(
    world: World, server: Server, options: Callable[[], dict[str, Any]]
) -> None:
    group = Failover([server.url.rstrip("/"), "http://127.0.0.1:1"])
    transport = standard(world, None, failover=group, breaker=False, **options())
    server.play(reply(body=b"held"))
    async with world.client(transport, timeout=10) as client:
        held = await stream(client, server.url)
        with pytest.raises(world.library.TransportError):
            await client.get(server.url)
        await world.close(held)
    assert server.url.rstrip("/") not in group.down
