"""The retrying layer: concurrent requests, cancelled requests, and threads."""

from __future__ import annotations

import random
from typing import Any

import anyio
import httpx
import pytest
import tenacity
from support.server import Server, drip, reply, stall
from support.world import LIBRARIES, World, in_async

from httpx_resilient import RetryingTransport

pytestmark = pytest.mark.anyio


def all_connections_are_idle(transport: Any) -> bool:
    """Whether the pool of the asynchronous side has only idle connections."""
    pool = transport._async_side.made.pool
    return len(pool.slots) == sum(len(each.idle) for each in pool.origins.values())


@in_async
async def test_each_of_a_hundred_concurrent_calls_gets_its_own_response(
    world: World,
) -> None:
    """tenacity's engine mixes them up once a strategy suspends (tenacity#93)."""
    seen: dict[str, int] = {}

    def handler(request: Any) -> Any:
        key = request.url.path
        seen[key] = seen.get(key, 0) + 1
        failing = int(key[1:]) % 3
        return world.library.Response(503 if seen[key] <= failing else 200, text=key)

    async def unavailable(response: Any) -> bool:
        await anyio.sleep(random.random() / 100)
        return response.status_code == 503

    transport = world.transport(
        world.mock(handler),
        retry=tenacity.asyncio.retry_if_result(unavailable),
        budget=False,
    )
    answers = {}
    async with world.client(transport) as client, anyio.create_task_group() as tasks:

        async def get(number: int) -> None:
            answers[number] = await client.get(f"http://a/{number}")

        for number in range(100):
            tasks.start_soon(get, number)
    assert {number: answer.text for number, answer in answers.items()} == {
        number: f"/{number}" for number in range(100)
    }
    assert [seen[f"/{number}"] for number in range(6)] == [1, 2, 3, 1, 2, 3]


@in_async
async def test_a_cancelled_sleep_ends_at_once_and_occupies_no_connection(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply(200))
    transport = world.transport(
        wait=tenacity.wait_fixed(60), limits=world.library.Limits(max_connections=1)
    )
    async with world.client(transport) as client:
        with anyio.move_on_after(0.2) as scope:
            await client.get(server.url)
        assert scope.cancelled_caught
        with anyio.fail_after(5):
            assert (await client.get(server.url)).status_code == 200
    assert server.requests == 2


@in_async
async def test_a_cancelled_attempt_is_not_retried(world: World, server: Server) -> None:
    server.play(stall())
    async with world.client(world.transport(retry=tenacity.retry_always)) as client:
        with anyio.move_on_after(0.2) as scope:
            await client.get(server.url)
    assert scope.cancelled_caught
    assert server.requests == 1


@in_async
async def test_a_response_is_closed_if_the_request_is_cancelled_while_draining_it(
    world: World,
) -> None:
    closed = anyio.Event()

    class Slow(world.library.AsyncByteStream):
        async def __aiter__(self) -> Any:
            await anyio.sleep(60)
            yield b""

        async def aclose(self) -> None:
            await anyio.lowlevel.checkpoint()
            closed.set()

    def handler(request: Any) -> Any:
        return world.library.Response(503, stream=Slow())

    async with world.client(world.transport(world.mock(handler))) as client:
        with anyio.move_on_after(0.05) as scope:
            await client.get("http://a/")
    assert scope.cancelled_caught
    assert closed.is_set()


@in_async
async def test_a_failed_response_whose_close_raises_is_retried(world: World) -> None:
    class Broken(world.library.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield b""

        async def aclose(self) -> None:
            raise OSError

    answers = iter([Broken(), None])

    def handler(request: Any) -> Any:
        stream = next(answers)
        return world.library.Response(503 if stream else 200, stream=stream)

    async with world.client(world.transport(world.mock(handler))) as client:
        assert (await client.get("http://a/")).status_code == 200


@in_async
async def test_draining_an_endless_body_in_memory_stops_after_130_chunks(
    world: World,
) -> None:
    """Such a body never suspends, so a timeout could not interrupt it."""

    class Endless(world.library.AsyncByteStream):
        def __init__(self) -> None:
            self.given = 0

        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            self.given += 1
            return b"x" * 1024

    class EndlessGenerator(Endless):
        async def __aiter__(self) -> Any:
            while True:
                yield await self.__anext__()

    bodies = [Endless(), EndlessGenerator()]
    answers = iter([*bodies, None])

    def handler(request: Any) -> Any:
        stream = next(answers)
        return world.library.Response(503 if stream else 200, stream=stream)

    async with world.client(world.transport(world.mock(handler))) as client:
        assert (await client.get("http://a/")).status_code == 200
    assert all(64 < body.given <= 130 for body in bodies)


@in_async
async def test_endless_attempts_without_a_wait_can_be_cancelled(
    world: World,
) -> None:
    inner = world.mock(lambda request: world.library.Response(503))
    transport = world.transport(inner, stop=tenacity.stop_never, budget=False)
    async with world.client(transport) as client:
        with anyio.move_on_after(0.1) as scope:
            await client.get("http://a/")
    assert scope.cancelled_caught


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_no_connection_is_lost_in_a_storm_of_cancellations(
    world: World, server: Server
) -> None:
    """Requests are cancelled while they send, drain, sleep or send again."""
    chance = random.Random(7)
    fates = [
        reply(503, b"x" * 100),
        drip(503, [b"x"] * 3, every=0.002),
        reply(200, b"ok"),
    ]
    server.play(*[chance.choice(fates) for _ in range(2000)], reply(200, b"ok"))
    transport = world.transport(wait=tenacity.wait_random(0, 0.004), budget=False)
    async with world.client(transport) as client:

        async def get() -> None:
            with anyio.move_on_after(chance.random() / 50):
                await client.get(server.url)

        for _ in range(20):
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(get)
        assert all_connections_are_idle(transport)
        server.play(reply(200, b"ok"))
        with anyio.fail_after(5):
            assert (await client.get(server.url)).content == b"ok"


def test_threads_can_share_a_synchronous_transport(server: Server) -> None:
    server.play(*[reply(503), reply(200)] * 20, reply(200))
    results = []
    transport = RetryingTransport(
        wait=tenacity.wait_none(), stop=tenacity.stop_after_attempt(30), budget=False
    )

    async def main() -> None:
        with httpx.Client(transport=transport) as client:

            def get() -> None:
                results.append(client.get(server.url).status_code)

            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(anyio.to_thread.run_sync, get)

    anyio.run(main)
    assert results == [200] * 20
