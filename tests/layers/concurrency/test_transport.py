"""The concurrency limiting layer: no more requests at a time than a limit allows."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import re
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.to_thread
import httpx
import httpx2
import pytest
from support.fake_io import FakeIO
from support.gates import Gate, pooling, stream, until
from support.server import Server, close, head, reply, stall
from support.world import LIBRARIES, World

import httpx_resilient.httpx2
from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    ConcurrencyLimit,
    ConcurrencyLimitingTransport,
    attempts_of,
)
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.state.origin_map import OriginMap

pytestmark = pytest.mark.anyio

GET = httpx.Request(
    "GET", "https://example.org/a?secret", extensions={"timeout": {"pool": 2.5}}
)

in_async = pytest.mark.parametrize("runtime", ["asyncio", "trio"])


def limited(world: World, limit: Any, inner: Any = None, **options: Any) -> Any:
    options.setdefault("timeout", world.library.Timeout(10))
    return world.client(
        world.ours.ConcurrencyLimitingTransport(inner, limit), **options
    )


def state_of(limit: Any) -> tuple[int, int, int]:
    """Of the only origin."""
    (state,) = limit.states().values()
    return tuple(state)


# How many are under way.


async def test_no_more_are_sent_at_a_time_than_the_limit_says(
    world: World, server: Server
) -> None:
    gate = Gate()
    server.play(gate)
    limit = ConcurrencyLimit(3)
    async with limited(world, limit) as client:

        async def let() -> None:
            await until(world, lambda: server.requests == 3)
            await until(world, lambda: state_of(limit) == (3, 3, 5))
            assert server.requests == 3
            gate.let(8)

        async def get() -> None:
            assert (await client.get(server.url)).status_code == 200

        await world.together(*[get] * 8, let)
    assert state_of(limit) == (3, 0, 0)


async def test_the_others_are_served_in_the_order_in_which_they_came(
    world: World, server: Server
) -> None:
    gate = Gate()
    server.play(gate)
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:

        def get(number: int) -> Callable[[], Any]:
            async def call() -> None:
                await until(world, lambda: sum(waiting(limit)) == number)
                await client.get(f"{server.url}{number}")

            return call

        async def let() -> None:
            await until(world, lambda: sum(waiting(limit)) == 6)
            gate.let(6)

        await world.together(*map(get, range(6)), let)
    assert [each.target for each in server.received] == [f"/{n}" for n in range(6)]


def waiting(limit: ConcurrencyLimit) -> tuple[int, int]:
    states = limit.states().values()
    return sum(s.in_flight for s in states), sum(s.waiting for s in states)


async def test_each_origin_has_a_limit_of_its_own(world: World, server: Server) -> None:
    limit = ConcurrencyLimit(1)
    with Server() as other:
        async with limited(world, limit) as client:
            first = await stream(client, server.url)
            assert (await client.get(other.url)).status_code == 200
            await world.close(first)
    assert set(limit.states()) == {each.url.rstrip("/") for each in (server, other)}


async def test_or_all_have_one_together(world: World, server: Server) -> None:
    limit = ConcurrencyLimit(1, per_origin=False)
    with Server() as other:
        async with limited(world, limit) as client:
            first = await stream(client, server.url)
            with pytest.raises(world.library.PoolTimeout, match=r"^1 requests were"):
                await client.get(other.url, timeout=0.02)
            await world.close(first)
    assert limit.states() == {"*": (1, 0, 0)}


async def test_without_one_it_is_a_hundred(world: World) -> None:
    transport = world.ours.ConcurrencyLimitingTransport(
        world.mock(lambda _: world.library.Response(200))
    )
    async with world.client(transport) as client:
        await client.get("http://any/")
    assert transport._limit.states() == {"http://any": (100, 0, 0)}


# How long a permit is held.


async def test_until_the_response_is_closed(world: World, server: Server) -> None:
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        response = await stream(client, server.url)
        assert state_of(limit) == (1, 1, 0)
        await world.close(response)
        assert state_of(limit) == (1, 0, 0)


async def test_until_it_was_read(world: World, server: Server) -> None:
    server.play(reply(200, b"body"))
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        response = await stream(client, server.url)
        assert await world.read(response) == b"body"
    assert state_of(limit) == (1, 0, 0)


async def test_until_its_body_breaks(world: World, server: Server) -> None:
    server.play(close(head(200, {"content-length": "9"}) + b"half"))
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)
    assert state_of(limit) == (1, 0, 0)


async def test_until_the_request_fails(world: World, server: Server) -> None:
    server.play(close())
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)
    assert state_of(limit) == (1, 0, 0)


async def test_until_the_response_is_forgotten(world: World) -> None:
    """And whoever forgot it is told."""
    limit = ConcurrencyLimit(1)
    body = world.library.ByteStream(b"body")

    def handler(request: Any) -> Any:
        response = world.library.Response(200)
        response.is_closed, response.stream = False, body
        return response

    async with limited(world, limit, world.mock(handler)) as client:
        response = await stream(client, "http://any/")
        assert state_of(limit) == (1, 1, 0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del response
            gc.collect()
    assert [each.category for each in caught] == [ResourceWarning]
    assert state_of(limit) == (1, 0, 0)


@in_async
async def test_until_it_is_cancelled(world: World, server: Server) -> None:
    server.play(stall(), stall(head(200, {"content-length": "9"}) + b"half"))
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        for requests in (1, 2):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.get, server.url)
                await until(world, lambda: server.requests == requests)
                assert state_of(limit) == (1, 1, 0)
                tasks.cancel_scope.cancel()
            assert state_of(limit) == (1, 0, 0)


async def test_not_at_all_if_the_response_was_read_when_it_was_made(
    world: World,
) -> None:
    """As those of mocks are: no client closes it again."""
    limit = ConcurrencyLimit(1)
    mock = world.mock(lambda _: world.library.Response(200, content=b"body"))
    async with limited(world, limit, mock) as client:
        responses = [await client.get("http://any/") for _ in range(3)]
    assert [each.content for each in responses] == [b"body"] * 3
    assert state_of(limit) == (1, 0, 0)


async def test_not_between_attempts(world: World, server: Server) -> None:
    server.play(reply(503), reply(503), reply(200))
    limit = ConcurrencyLimit(1)
    inner = world.ours.ConcurrencyLimitingTransport(None, limit)
    async with world.client(world.transport(inner)) as client:
        response = await client.get(server.url, timeout=5)
    assert [each.outcome for each in attempts_of(response)] == [503, 503, 200]


# How long a request waits.


async def test_as_long_as_for_a_connection(world: World, server: Server) -> None:
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        response = await stream(client, server.url)
        with pytest.raises(world.library.PoolTimeout) as caught:
            await client.get(
                f"{server.url}?secret", timeout=world.library.Timeout(9, pool=0.02)
            )
        assert str(caught.value) == (
            f"1 requests to {server.url.rstrip('/')} were under way for 0.02 s, as "
            "many as may: is every response closed? Else raise the limit, or pool= in "
            "the client's timeout"
        )
        await world.close(response)
    assert server.requests == 1


async def test_not_at_all_if_there_is_no_room_in_the_queue(
    world: World, server: Server
) -> None:
    limit = ConcurrencyLimit(1, queue=0)
    async with limited(world, limit) as client:
        response = await stream(client, server.url)
        with pytest.raises(world.library.PoolTimeout) as caught:
            await client.get(server.url)
        assert str(caught.value) == (
            f"1 requests to {server.url.rstrip('/')} are under way and 0 wait, as many "
            "as may: send fewer at a time, or raise queue= of the limit"
        )
        await world.close(response)


async def test_one_that_waited_too_long_is_not_tried_again(
    world: World, server: Server
) -> None:
    limit = ConcurrencyLimit(1, queue=0)
    inner = world.ours.ConcurrencyLimitingTransport(None, limit)
    async with world.client(world.transport(inner)) as client:
        response = await stream(client, server.url)
        with pytest.raises(world.library.PoolTimeout) as caught:
            await client.get(server.url)
        assert len(attempts_of(caught.value)) == 1
        await world.close(response)


async def test_not_longer_than_its_deadline(world: World, server: Server) -> None:
    limit = ConcurrencyLimit(1)
    inner = world.ours.ConcurrencyLimitingTransport(None, limit)
    async with world.client(world.ours.DeadlineTransport(inner)) as client:
        response = await stream(client, server.url)
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url, extensions={"deadline": 0.05}, timeout=9)
        assert state_of(limit) == (1, 1, 0)
        await world.close(response)


async def test_the_pool_behind_it_has_its_own_wait(
    world: World, server: Server
) -> None:
    limit = ConcurrencyLimit(2)
    pool = pooling(world, 1)
    async with limited(world, limit, pool) as client:
        response = await stream(client, server.url)
        with pytest.raises(world.library.PoolTimeout, match="max_connections"):
            await client.get(server.url, timeout=0.02)
        await world.close(response)
        assert (await client.get(server.url)).status_code == 200
    assert state_of(limit) == (2, 0, 0)


# What it leaves alone.


async def test_the_response_is_the_one_that_came(world: World) -> None:
    made: list[Any] = []

    def handler(request: Any) -> Any:
        made.append((request, world.library.Response(200)))
        return made[-1][1]

    inner = world.mock(handler)
    async with limited(world, ConcurrencyLimit(1), inner) as client:
        request = client.build_request("GET", "http://any/")
        before = dict(request.extensions)
        response = await client.send(request)
    assert response is made[0][1]
    assert request.extensions == before


# Whom a limit is shared with.


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_threads_and_event_loops_wake_each_other(
    world: World, server: Server
) -> None:
    gate = Gate()
    server.play(gate)
    limit = ConcurrencyLimit(1)
    kinds = [(httpx, httpx_resilient), (httpx2, httpx_resilient.httpx2)]
    statuses = []

    def in_a_thread(library: Any, ours: Any) -> None:
        transport = ours.ConcurrencyLimitingTransport(None, limit)
        with library.Client(transport=transport, timeout=10) as client:
            statuses.extend(client.get(server.url).status_code for _ in "1234")

    async def in_a_task(library: Any, ours: Any) -> None:
        transport = ours.ConcurrencyLimitingTransport(None, limit)
        async with library.AsyncClient(transport=transport, timeout=10) as client:
            statuses.extend(
                [(await client.get(server.url)).status_code for _ in "1234"]
            )

    def in_another_loop(library: Any, ours: Any) -> None:
        anyio.run(in_a_task, library, ours, backend="asyncio")

    async with anyio.create_task_group() as tasks:
        for kind in kinds:
            tasks.start_soon(in_a_task, *kind)
            for call in (in_a_thread, in_another_loop):
                tasks.start_soon(anyio.to_thread.run_sync, lambda c=call, k=kind: c(*k))
        await until(world, lambda: waiting(limit) == (1, 5))
        gate.let(24)
    assert statuses == [200] * 24
    assert state_of(limit) == (1, 0, 0)


# A storm of cancellations.


@pytest.mark.parametrize("library", ["httpx"])
class TestAStorm:
    """Wherever it strikes: waiting, sending, reading, closing."""

    def transport(self, chance: random.Random, limit: Any) -> Any:
        """Answers after a moment, or fails, or breaks in the body."""

        async def a_moment() -> None:
            for _ in range(chance.randrange(8)):
                await anyio.lowlevel.checkpoint()
            if chance.random() < 0.1:
                raise chance.choice([httpx.ReadError, httpx.ReadTimeout])("broken")

        class Body(httpx.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                yield b"half"
                await a_moment()
                yield b"whole"

            async def aclose(self) -> None:
                await anyio.lowlevel.checkpoint()

        class Inner(httpx.AsyncBaseTransport):
            async def handle_async_request(
                self, request: httpx.Request
            ) -> httpx.Response:
                await a_moment()
                return httpx.Response(chance.choice([200, 503]), stream=Body())

        return ConcurrencyLimitingTransport(Inner(), limit)

    async def get(self, transport: Any) -> None:
        with contextlib.suppress(httpx.TransportError):
            response = await transport.handle_async_request(GET)
            try:
                async for _ in response.stream:
                    pass
            finally:
                await response.aclose()

    # With the two event loops and the two limits 10,000 in all.
    @in_async
    @pytest.mark.parametrize(
        ("limit", "cancellations"),
        [
            (ConcurrencyLimit(10), 3500),
            (AdaptiveConcurrencyLimit(10, least=5, most=20), 1500),
        ],
        ids=["fixed", "adaptive"],
    )
    async def test_loses_no_permit(
        self, world: World, limit: Any, cancellations: int
    ) -> None:
        chance = random.Random(7)
        transport = self.transport(chance, limit)
        cancelled = 0

        async def get(scope: anyio.CancelScope) -> None:
            nonlocal cancelled
            with scope:
                await self.get(transport)
            cancelled += scope.cancelled_caught
            running.discard(scope)

        while cancelled < cancellations:
            scopes = [anyio.CancelScope() for _ in range(100)]
            running = set(scopes)
            async with anyio.create_task_group() as tasks:
                for scope in scopes:
                    tasks.start_soon(get, scope)
                while running:
                    await anyio.lowlevel.checkpoint()
                    for scope in chance.sample(scopes, 2):
                        scope.cancel()
            assert state_of(limit)[1:] == (0, 0)

    @pytest.mark.parametrize("runtime", ["asyncio"])
    async def test_nor_if_they_come_twice_and_shields_do_not_help(
        self, world: World
    ) -> None:
        """Those of asyncio itself: anyio cannot hold them back."""
        chance = random.Random(7)
        limit = ConcurrencyLimit(10)
        transport = self.transport(chance, limit)
        for _ in range(10):
            tasks = [asyncio.create_task(self.get(transport)) for _ in range(100)]
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0)
                for task in chance.sample(tasks, 3):
                    for _ in range(chance.randint(1, 3)):
                        task.cancel()
                        await asyncio.sleep(0)
            await asyncio.gather(*tasks, return_exceptions=True)
        assert state_of(limit) == (10, 0, 0)

    @in_async
    async def test_one_that_is_cancelled_just_when_it_is_served(
        self, world: World
    ) -> None:
        limit = ConcurrencyLimit(1)
        transport = self.transport(random.Random(7), limit)
        gate = limit.gate(GET.url)
        assert gate.take()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.get, transport)
            await until(world, lambda: state_of(limit) == (1, 1, 1))
            gate.give()
            tasks.cancel_scope.cancel()
        assert state_of(limit) == (1, 0, 0)


# What it asks for.


class WaitingIO(FakeIO):
    """Somebody else ends after `frees` seconds, or nobody does."""

    turn = Clock.turn

    def __init__(self, limit: Any, frees: float | None, *script: Any) -> None:
        super().__init__(*script)
        self.gate = limit.gate(GET.url)
        self.frees = frees
        assert self.gate.take()

    def waiter(self) -> Any:
        return self

    def wake(self) -> None:
        self.did.append("wake")

    async def wait(self, seconds: float) -> None:
        self.did.append(f"wait {seconds:g}")
        if self.frees is not None:
            self.gate.give()

    def close(self) -> None:
        self.did.append("stop")


def test_it_waits_and_goes_on_when_it_is_woken() -> None:
    limit = ConcurrencyLimit(1)
    io = WaitingIO(limit, 1, 200)
    run_sync(ConcurrencyLimitingTransport(None, limit)._handle(GET, io))
    assert io.did == ["wait 2.5", "wake", "stop", "send"]


def test_or_gives_up() -> None:
    limit = ConcurrencyLimit(1)
    io = WaitingIO(limit, None, 200)
    with pytest.raises(httpx.PoolTimeout):
        run_sync(ConcurrencyLimitingTransport(None, limit)._handle(GET, io))
    assert io.did == ["wait 2.5", "stop"]
    assert state_of(limit) == (1, 1, 0)


# What it remembers.


def test_origins_are_forgotten_when_there_are_too_many() -> None:
    limit = ConcurrencyLimit(1)
    limit._gates._max_keys = 10
    for number in range(30):
        limit.gate(httpx.URL(f"http://{number}/"))
    assert list(limit.states()) == [f"http://{number}" for number in range(20, 30)]


def test_those_first_that_were_used_least_recently() -> None:
    limit = ConcurrencyLimit(1)
    limit._gates._max_keys = 2
    for host in "abbaac":
        limit.gate(httpx.URL(f"http://{host}/"))
    assert list(limit.states()) == ["http://a", "http://c"]


def test_but_not_one_that_is_in_use() -> None:
    limit = ConcurrencyLimit(1)
    limit._gates._max_keys = 10
    assert limit.gate(GET.url).take()
    for number in range(30):
        limit.gate(httpx.URL(f"http://{number}/"))
    assert limit.states()["https://example.org"] == (1, 1, 0)


def test_one_that_is_forgotten_while_it_is_looked_up_is_looked_up_again() -> None:
    class Forgetful(OriginMap[Any]):
        def move_to_end(self, key: Any, last: bool = True) -> None:
            if len(made) == 1:
                del self[key]
            super().move_to_end(key, last)

    made: list[Any] = []
    limit = ConcurrencyLimit(1)
    limit._gates = Forgetful(lambda key: made.append(key) or len(made))
    assert limit.gate(GET.url) == 2


# How it is set.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConcurrencyLimit(0), "limit is a whole number of requests, 1 or more"),
        (lambda: ConcurrencyLimit(queue=-1), "queue is a whole number of requests, 0"),
        (lambda: AdaptiveConcurrencyLimit(least=0), "least is a whole number"),
        (lambda: AdaptiveConcurrencyLimit(least=9, most=8), "most is .* 9 or more"),
        (lambda: AdaptiveConcurrencyLimit(9, most=8), "initial is .* at most 8; got 9"),
        (lambda: AdaptiveConcurrencyLimit(queue=-1), "queue is a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make", [lambda: ConcurrencyLimit(1.5), lambda: AdaptiveConcurrencyLimit("9")]
)
def test_so_is_what_is_no_number(make: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="is a whole number of requests"):
        make()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_mere_number_is_no_limit(library: str) -> None:
    _, ours = LIBRARIES[library]
    message = (
        "limit must be a ConcurrencyLimit or an AdaptiveConcurrencyLimit, "
        "such as ConcurrencyLimit(100); got 7"
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        ours.ConcurrencyLimitingTransport(None, 7)
