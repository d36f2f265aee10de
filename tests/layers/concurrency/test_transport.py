"""The concurrency limiting layer: permits, queue, sharing and cancellation."""

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
from support.fake_io import FakeIO, flow_of
from support.gates import Gate, pooling, stream, until
from support.server import Server, close, head, reply, stall
from support.world import LIBRARIES, World, in_async

import httpx_resilient.httpx2
from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    ConcurrencyLimit,
    ConcurrencyLimitingTransport,
    attempts_of,
)
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.origin import origin_key

pytestmark = pytest.mark.anyio

GET = httpx.Request(
    "GET", "https://example.org/a?secret", extensions={"timeout": {"pool": 2.5}}
)


def limited(world: World, limit: Any, inner: Any = None, **options: Any) -> Any:
    options.setdefault("timeout", world.library.Timeout(10))
    return world.client(
        world.ours.ConcurrencyLimitingTransport(inner, limit), **options
    )


def state_of(limit: Any) -> tuple[int, int, int]:
    """Return the state of the only origin."""
    (state,) = limit.states().values()
    return tuple(state)


def waiting(limit: ConcurrencyLimit) -> tuple[int, int]:
    """Return the requests in flight and those that wait, of all origins."""
    states = limit.states().values()
    return sum(s.in_flight for s in states), sum(s.waiting for s in states)


def limit_of(transport: Any) -> Any:
    return transport._stages[0]._limit


def handle(limit: Any, io: FakeIO) -> Any:
    """Send one request through the layer."""
    return run_sync(flow_of(ConcurrencyLimitingTransport(None, limit), GET, io))


# Requests in flight.


async def test_no_more_requests_are_in_flight_than_the_limit(
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


async def test_waiting_requests_are_sent_in_the_order_of_arrival(
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


async def test_each_origin_has_a_limit_of_its_own(world: World, server: Server) -> None:
    limit = ConcurrencyLimit(1)
    with Server() as other:
        async with limited(world, limit) as client:
            first = await stream(client, server.url)
            assert (await client.get(other.url)).status_code == 200
            await world.close(first)
    assert set(limit.states()) == {each.url.rstrip("/") for each in (server, other)}


async def test_all_origins_can_share_one_limit(world: World, server: Server) -> None:
    limit = ConcurrencyLimit(1, per_origin=False)
    with Server() as other:
        async with limited(world, limit) as client:
            first = await stream(client, server.url)
            with pytest.raises(
                world.library.PoolTimeout, match=r"^the concurrency limit was full"
            ):
                await client.get(other.url, timeout=0.02)
            await world.close(first)
    assert limit.states() == {"*": (1, 0, 0)}


async def test_the_default_limit_is_100_for_each_origin(world: World) -> None:
    transport = world.ours.ConcurrencyLimitingTransport(
        world.mock(lambda _: world.library.Response(200))
    )
    async with world.client(transport) as client:
        await client.get("http://any/")
    assert limit_of(transport).states() == {"http://any": (100, 0, 0)}


# Holding a permit.


async def test_a_permit_is_held_until_the_response_is_closed(
    world: World, server: Server
) -> None:
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        response = await stream(client, server.url)
        assert state_of(limit) == (1, 1, 0)
        await world.close(response)
        assert state_of(limit) == (1, 0, 0)


async def test_a_permit_is_held_until_the_response_is_read(
    world: World, server: Server
) -> None:
    server.play(reply(200, b"body"))
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        response = await stream(client, server.url)
        assert await world.read(response) == b"body"
    assert state_of(limit) == (1, 0, 0)


async def test_a_permit_is_released_when_the_body_breaks(
    world: World, server: Server
) -> None:
    server.play(close(head(200, {"content-length": "9"}) + b"half"))
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)
    assert state_of(limit) == (1, 0, 0)


async def test_a_permit_is_released_when_the_request_fails(
    world: World, server: Server
) -> None:
    server.play(close())
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)
    assert state_of(limit) == (1, 0, 0)


async def test_a_permit_is_released_with_a_warning_when_the_response_is_collected(
    world: World,
) -> None:
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
async def test_a_permit_is_released_when_the_request_or_its_body_is_cancelled(
    world: World, server: Server
) -> None:
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


async def test_a_response_that_a_mock_has_read_already_holds_no_permit(
    world: World,
) -> None:
    """A client does not close such a response again."""
    limit = ConcurrencyLimit(1)
    mock = world.mock(lambda _: world.library.Response(200, content=b"body"))
    async with limited(world, limit, mock) as client:
        responses = [await client.get("http://any/") for _ in range(3)]
    assert [each.content for each in responses] == [b"body"] * 3
    assert state_of(limit) == (1, 0, 0)


async def test_a_retried_request_holds_no_permit_between_attempts(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply(503), reply(200))
    limit = ConcurrencyLimit(1)
    inner = world.ours.ConcurrencyLimitingTransport(None, limit)
    async with world.client(world.transport(inner)) as client:
        response = await client.get(server.url, timeout=5)
    assert [each.outcome for each in attempts_of(response)] == [503, 503, 200]


# Waiting.


async def test_a_request_waits_for_its_pool_timeout(
    world: World, server: Server
) -> None:
    limit = ConcurrencyLimit(1)
    async with limited(world, limit) as client:
        response = await stream(client, server.url)
        with pytest.raises(world.library.PoolTimeout) as caught:
            await client.get(
                f"{server.url}?secret", timeout=world.library.Timeout(9, pool=0.02)
            )
        assert str(caught.value) == (
            f"the concurrency limit to {server.url.rstrip('/')} was full for 0.02 s: "
            "1 in flight; close every response, or raise the limit, or pool= in the "
            "client's timeout"
        )
        await world.close(response)
    assert server.requests == 1


async def test_a_request_is_refused_at_once_if_the_queue_is_full(
    world: World, server: Server
) -> None:
    limit = ConcurrencyLimit(1, queue=0)
    async with limited(world, limit) as client:
        response = await stream(client, server.url)
        with pytest.raises(world.library.PoolTimeout) as caught:
            await client.get(server.url)
        assert str(caught.value) == (
            f"the concurrency limit to {server.url.rstrip('/')} and its queue are "
            "full: 1 in flight, 0 waiting; send fewer requests at a time, or raise "
            "queue= of the limit"
        )
        await world.close(response)


async def test_a_refused_request_is_not_retried(world: World, server: Server) -> None:
    limit = ConcurrencyLimit(1, queue=0)
    inner = world.ours.ConcurrencyLimitingTransport(None, limit)
    async with world.client(world.transport(inner)) as client:
        response = await stream(client, server.url)
        with pytest.raises(world.library.PoolTimeout) as caught:
            await client.get(server.url)
        assert len(attempts_of(caught.value)) == 1
        await world.close(response)


async def test_a_request_waits_no_longer_than_its_deadline(
    world: World, server: Server
) -> None:
    limit = ConcurrencyLimit(1)
    inner = world.ours.ConcurrencyLimitingTransport(None, limit)
    async with world.client(world.ours.DeadlineTransport(inner)) as client:
        response = await stream(client, server.url)
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url, extensions={"deadline": 0.05}, timeout=9)
        assert state_of(limit) == (1, 1, 0)
        await world.close(response)


async def test_the_pool_inside_has_its_own_timeout_for_its_queue(
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


# Identity.


async def test_the_response_is_the_object_of_the_inner_transport(world: World) -> None:
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


# Sharing.


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_threads_and_event_loops_share_a_limit_and_wake_each_other(
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


# Cancellation.


@pytest.mark.parametrize("library", ["httpx"])
class TestAStormOfCancellations:
    """Requests are cancelled while they wait, send, read or close."""

    def transport(self, chance: random.Random, limit: Any) -> Any:
        """Return a transport that answers, fails, or breaks in the body."""

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

    # 10,000 cancellations in all, with two event loops and two limits.
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
    async def test_that_repeat_and_ignore_shields_loses_no_permit(
        self, world: World
    ) -> None:
        """asyncio's own cancellations: anyio's shields do not stop them."""
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
    async def test_at_the_moment_of_a_grant_loses_no_permit(self, world: World) -> None:
        limit = ConcurrencyLimit(1)
        transport = self.transport(random.Random(7), limit)
        semaphore = limit.semaphore(origin_key(GET.url))
        permit = semaphore.try_acquire()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.get, transport)
            await until(world, lambda: state_of(limit) == (1, 1, 1))
            semaphore.release(permit)
            tasks.cancel_scope.cancel()
        assert state_of(limit) == (1, 0, 0)


# Timeouts that a caller has set by hand.


def timed(world: World, timeout: Any) -> Any:
    extensions = {"timeout": timeout}
    return world.library.Request("GET", str(GET.url), extensions=extensions)


async def handled(world: World, transport: Any, request: Any) -> Any:
    if world.sync:
        return transport.handle_request(request)
    return await transport.handle_async_request(request)


@pytest.mark.parametrize("timeouts", [None, 5, {"pool": "soon"}])
async def test_a_request_with_unusable_timeouts_is_refused_before_it_is_queued(
    world: World, timeouts: Any
) -> None:
    limit = ConcurrencyLimit(1)
    mock = world.mock(lambda _: world.library.Response(200))
    transport = world.ours.ConcurrencyLimitingTransport(mock, limit)
    permits = [limit.semaphore(origin_key(GET.url)).try_acquire()]
    for _ in range(2):
        with pytest.raises(TypeError, match="timeout"):
            await handled(world, transport, timed(world, timeouts))
        assert state_of(limit) == (1, 1, 0)
    permits.clear()
    response = await handled(world, transport, timed(world, {"pool": 1}))
    assert response.status_code == 200


async def test_timeouts_that_are_none_are_limited_by_a_deadline(world: World) -> None:
    seen: list[Any] = []

    def answer(request: Any) -> Any:
        seen.append(request.extensions["timeout"]["read"])
        return world.library.Response(200)

    transport = world.ours.DeadlineTransport(world.mock(answer), 10)
    await handled(world, transport, timed(world, None))
    assert 0 < seen[0] <= 10


# The order of effects.


class WaitingIO(FakeIO):
    """Another request holds the permit, and releases it during the wait or never."""

    def __init__(self, limit: Any, *script: Any, is_released: bool) -> None:
        super().__init__(*script)
        self.semaphore = limit.semaphore(origin_key(GET.url))
        self.is_released = is_released
        self.permit = self.semaphore.try_acquire()

    def waiter(self) -> Any:
        return self

    is_dead = False

    def wake(self) -> bool:
        self.did.append("wake")
        return True

    async def wait(self, seconds: float) -> None:
        self.did.append(f"wait {seconds:g}")
        if self.is_released:
            self.semaphore.release(self.permit)

    def close(self) -> None:
        self.did.append("stop")


def test_a_request_waits_is_woken_and_is_sent() -> None:
    limit = ConcurrencyLimit(1)
    io = WaitingIO(limit, 200, is_released=True)
    handle(limit, io)
    assert io.did == ["wait 2.5", "wake", "stop", "send"]


def test_a_request_that_is_not_woken_stops_waiting_and_is_not_sent() -> None:
    limit = ConcurrencyLimit(1)
    io = WaitingIO(limit, 200, is_released=False)
    with pytest.raises(httpx.PoolTimeout):
        handle(limit, io)
    assert io.did == ["wait 2.5", "stop"]
    assert state_of(limit) == (1, 1, 0)


# Arguments.


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_number_instead_of_a_limit_is_rejected(library: str) -> None:
    _, ours = LIBRARIES[library]
    message = (
        "limit must be a ConcurrencyLimit or an AdaptiveConcurrencyLimit, "
        "such as ConcurrencyLimit(100); got 7"
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        ours.ConcurrencyLimitingTransport(None, 7)
