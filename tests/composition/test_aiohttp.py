"""
httpx-aiohttp as the inner transport: aiohttp's connections behind httpx's interface.

It raises `ConnectTimeout` for a refused connection, and also for a connection that broke
after the request was sent. A POST may be sent again only in the first case.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from typing import Any

import httpx_aiohttp
import httpx_aiohttp.httpx2
import pytest
import trustme
from support.server import Connection, Server, Step, close, reply, reset, stall
from support.world import World

from httpx_resilient import attempts_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("runtime", ["asyncio"]),  # aiohttp runs only on asyncio
]

LOSSES = {
    "reset": reset(),
    "closed": close(),
    "reset inside the headers": reset(b"HTTP/1.1 200 OK\r\nconte"),
    "closed inside the headers": close(b"HTTP/1.1 200 OK\r\nconte"),
}
each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


def aiohttp_of(world: World) -> Any:
    """Make httpx-aiohttp's transport for the library of this world."""
    if world.library.__name__ == "httpx":
        return httpx_aiohttp.AiohttpTransport()
    return httpx_aiohttp.httpx2.AiohttpTransport()


def outcomes_of(outcome: object) -> list[str]:
    return [str(attempt) for attempt in attempts_of(outcome)]


async def test_failed_responses_are_retried(world: World, server: Server) -> None:
    server.play(reply(503), reply(503), reply(200, b"finally"))
    async with world.client(world.transport(aiohttp_of(world))) as client:
        response = await client.put(server.url, json={"a": 1})
    assert response.content == b"finally"
    assert outcomes_of(response) == ["503", "503", "200"]
    assert server.bodies == [b'{"a":1}'] * 3
    assert server.connections == 1


@each_loss
async def test_a_get_on_a_broken_connection_is_retried(
    world: World, server: Server, loss: Step
) -> None:
    server.play(loss, reply(200, b"finally"))
    async with world.client(world.transport(aiohttp_of(world))) as client:
        response = await client.get(server.url)
    assert response.content == b"finally"
    assert server.requests == 2


@pytest.mark.parametrize("reused", [False, True], ids=["new", "reused"])
@each_loss
async def test_a_post_on_a_broken_connection_is_sent_as_often_as_by_aiohttp_alone(
    world: World, loss: Step, reused: bool
) -> None:
    async def posts_through(transport: Any) -> int:
        with Server(reply(200), loss) if reused else Server(loss) as server:
            async with world.client(transport) as client:
                if reused:
                    await client.get(server.url)
                with pytest.raises(world.library.TransportError):
                    await client.post(server.url, content=b"once")
        return server.bodies.count(b"once")

    bare = await posts_through(aiohttp_of(world))
    assert await posts_through(world.transport(aiohttp_of(world))) == bare == 1


async def test_a_get_on_a_stale_connection_is_sent_again_by_aiohttp_itself(
    world: World, server: Server
) -> None:
    """Our history does not show that request."""
    server.play(reply(200), close(), reply(200))
    async with world.client(world.transport(aiohttp_of(world))) as client:
        await client.get(server.url)
        response = await client.get(server.url)
    assert outcomes_of(response) == ["200"]
    assert server.requests == 3


async def test_a_post_on_a_broken_connection_raises_a_connect_timeout(
    world: World, server: Server
) -> None:
    """A refused connection raises the same error, so only the cause is evidence."""
    server.play(close())
    async with world.client(world.transport(aiohttp_of(world))) as client:
        with pytest.raises(world.library.ConnectTimeout) as caught:
            await client.post(server.url)
    assert outcomes_of(caught.value) == ["ConnectTimeout"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_connection_is_retried_for_any_method(
    world: World, method: str
) -> None:
    with Server() as gone:
        pass
    async with world.client(world.transport(aiohttp_of(world))) as client:
        with pytest.raises(world.library.ConnectTimeout) as caught:
            await client.request(method, gone.url)
    assert outcomes_of(caught.value) == ["ConnectTimeout"] * 3


@pytest.mark.parametrize(("method", "attempts"), [("GET", 3), ("POST", 1)])
async def test_a_read_timeout_is_retried_if_the_method_is_idempotent(
    world: World, server: Server, method: str, attempts: int
) -> None:
    server.play(stall())
    timeout = world.library.Timeout(5, read=0.1)
    transport = world.transport(aiohttp_of(world))
    async with world.client(transport, timeout=timeout) as client:
        with pytest.raises(world.library.ReadTimeout) as caught:
            await client.request(method, server.url)
    assert outcomes_of(caught.value) == ["ReadTimeout"] * attempts
    assert server.requests == attempts


async def test_a_generator_body_is_sent_once(world: World, server: Server) -> None:
    async def chunks() -> Any:
        yield b"one"
        yield b"two"

    server.play(reply(503))
    async with world.client(world.transport(aiohttp_of(world))) as client:
        response = await client.put(server.url, content=chunks())
    assert response.status_code == 503
    assert server.bodies == [b"onetwo"]


async def test_a_buffered_generator_body_is_sent_again_whole(
    world: World, server: Server
) -> None:
    async def chunks() -> Any:
        yield b"one"
        yield b"two"

    server.play(reply(503), reply(200))
    transport = world.transport(aiohttp_of(world), buffer_request_body=100)
    async with world.client(transport) as client:
        await client.put(server.url, content=chunks())
    assert server.bodies == [b"onetwo"] * 2


async def test_a_form_with_a_file_is_sent_again_whole(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply(200))
    async with world.client(world.transport(aiohttp_of(world))) as client:
        await client.put(server.url, files={"file": io.BytesIO(b"x" * 100_000)})
    first, second = server.bodies
    assert len(first) > 100_000
    assert first == second


async def test_a_refused_certificate_is_not_retried(world: World) -> None:
    """aiohttp raises a `ConnectTimeout` here, too, but a retry would fail again."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    hello = asyncio.Event()

    async def serve(reader: Any, writer: asyncio.StreamWriter) -> None:
        hello.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server, world.client(world.transport(aiohttp_of(world))) as client:
        with pytest.raises(world.library.TransportError) as caught:
            await client.get(f"https://127.0.0.1:{port}/")
    assert len(attempts_of(caught.value)) == 1
    assert not hello.is_set()


async def test_a_cancelled_request_is_not_retried(world: World, server: Server) -> None:
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()

    def stall_and_signal(connection: Connection) -> bool:
        loop.call_soon_threadsafe(arrived.set)
        return stall()(connection)

    server.play(stall_and_signal)
    async with world.client(world.transport(aiohttp_of(world))) as client:
        sending = asyncio.create_task(client.get(server.url))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert server.requests == 1
