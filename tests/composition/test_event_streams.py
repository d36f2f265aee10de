"""Event streams of real servers, read by the readers that people use."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp.web
import aiohttp_sse
import httpx_sse
import pytest
import sse_starlette
import starlette.applications
import starlette.requests
import starlette.responses
import starlette.routing
import uvicorn
from support.event_streams import begun, ended
from support.server import Server, close, reply
from support.world import World

pytestmark = pytest.mark.anyio

LAST = 6
"""The id of the last event that a server has."""

EXPECTED = [(str(number), f"event {number}") for number in range(1, LAST + 1)]


class Cut(Exception):
    """The connection is lost after two events."""


async def from_starlette(request: starlette.requests.Request) -> Any:
    start = int(request.headers.get("last-event-id") or 0)
    if start >= LAST:
        return starlette.responses.Response(status_code=204)

    async def events() -> AsyncIterator[dict[str, Any]]:
        for number in range(start + 1, min(start + 2, LAST) + 1):
            yield {"id": str(number), "data": f"event {number}", "retry": 0}
        if request.query_params.get("broken"):
            raise Cut

    return sse_starlette.EventSourceResponse(events())


async def from_aiohttp(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
    start = int(request.headers.get("last-event-id") or 0)
    if start >= LAST:
        return aiohttp.web.Response(status=204)
    async with aiohttp_sse.sse_response(request) as response:
        for number in range(start + 1, min(start + 2, LAST) + 1):
            await response.send(f"event {number}", id=str(number), retry=0)
        if request.query.get("broken"):
            await response.write(b"id: 99\r\ndata: half an ev")
            assert request.transport is not None
            request.transport.close()
    return response


@contextmanager
def in_thread(listener: socket.socket, serve: Any) -> Iterator[str]:
    """Run a server in a thread with its own event loop, and yield its URL."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(
        target=loop.run_until_complete, args=(serve(listener, stop),)
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def serve_starlette(listener: socket.socket, stop: asyncio.Event) -> None:
    route = starlette.routing.Route("/", from_starlette)
    app = starlette.applications.Starlette(routes=[route])
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    config.load()
    serving = asyncio.ensure_future(server._serve(sockets=[listener]))
    await stop.wait()
    server.should_exit = server.force_exit = True
    await serving


async def serve_aiohttp(listener: socket.socket, stop: asyncio.Event) -> None:
    app = aiohttp.web.Application()
    app.router.add_get("/", from_aiohttp)
    runner = aiohttp.web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await aiohttp.web.SockSite(runner, listener).start()
    await stop.wait()
    await runner.cleanup()


SERVERS = {"sse-starlette": serve_starlette, "aiohttp-sse": serve_aiohttp}


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    with in_thread(listener, SERVERS[request.param]) as url:
        yield url


async def events_read(world: World, transport: Any, url: str) -> list[tuple[str, str]]:
    """Read a stream with the reader that people use with a library."""
    library = world.library
    seen: list[tuple[str, str]] = []
    if world.sync:
        with library.Client(transport=transport, timeout=30) as client:
            if library.__name__ == "httpx2":
                with client.sse(url) as source:
                    seen.extend((each.id, each.data) for each in source)
            else:
                with httpx_sse.connect_sse(client, "GET", url) as source:
                    seen.extend((each.id, each.data) for each in source.iter_sse())
        return seen
    async with library.AsyncClient(transport=transport, timeout=30) as client:
        if library.__name__ == "httpx2":
            async with client.sse(url) as source:
                seen.extend([(each.id, each.data) async for each in source])
        else:
            async with httpx_sse.aconnect_sse(client, "GET", url) as source:
                found = source.aiter_sse()
                seen.extend([(each.id, each.data) async for each in found])
    return seen


@pytest.mark.parametrize("ending", ["", "?broken=1"], ids=["clean", "broken"])
async def test_a_real_stream_goes_on_under_a_real_reader(
    world: World, url: str, ending: str
) -> None:
    transport = world.ours.EventStreamTransport(world.transport(), wait=0)
    assert await events_read(world, transport, url + ending) == EXPECTED


class TestWhatReadersGetWrongAlone:
    async def test_half_an_event_never_reaches_them(
        self, world: World, server: Server
    ) -> None:
        server.play(
            ended(b"id: 1\r\ndata: event 1\r\n\r\nid: 2\r\ndata: half\r"),
            close(begun(b"id: 2\r\ndata: event 2\r\ndata: and more\r\n\r\n")),
            reply(204),
        )
        transport = world.ours.EventStreamTransport(world.transport(), wait=0)
        seen = await events_read(world, transport, server.url)
        assert seen == [("1", "event 1"), ("2", "event 2\nand more")]

    async def test_a_byte_order_mark_does_not_hide_the_first_event(
        self, world: World, server: Server
    ) -> None:
        server.play(ended(b"\xef\xbb\xbfdata: event 1\n\n"))
        transport = world.ours.EventStreamTransport(world.transport(), wait=0)
        assert await events_read(world, transport, server.url) == [("", "event 1")]
