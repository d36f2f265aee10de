"""Retries against a real server, on every runtime and in both libraries."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import repeat

import pytest
import tenacity
from support.server import Server, close, drip, head, raw, reply, reset, stall
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

FAILURES = {
    "503": reply(503, b"unavailable"),
    "429": reply(429, b"slow down"),
    "closed before the headers": close(),
    "closed inside the headers": close(b"HTTP/1.1 200 OK\r\nconte"),
    "reset": reset(),
    "reset inside the headers": reset(b"HTTP/1.1 200 OK\r\nconte"),
    "invalid HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", keep=False),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_a_request_survives_two_failures(
    world: World, server: Server, failure
) -> None:
    server.play(failure, failure, reply(200, b"finally"))
    async with world.client() as client:
        response = await client.get(server.url)
    assert (response.status_code, response.content) == (200, b"finally")
    assert server.requests == 3


async def test_a_request_survives_a_server_that_does_not_answer(
    world: World, server: Server
) -> None:
    server.play(stall(), reply(200, b"finally"))
    async with world.client(timeout=world.library.Timeout(5, read=0.2)) as client:
        response = await client.get(server.url)
    assert response.content == b"finally"


async def test_a_refused_connection_is_retried(world: World) -> None:
    with Server() as gone:
        pass
    async with world.client() as client:
        with pytest.raises(world.library.ConnectError) as caught:
            await client.get(gone.url)
    assert len(attempts_of(caught.value)) == 3


async def test_the_last_response_is_unread_and_its_body_readable(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"one"), reply(503, b"two"), reply(503, b"three"))
    async with world.client() as client:
        response = await client.send(
            client.build_request("GET", server.url), stream=True
        )
        assert not response.is_stream_consumed
        assert await world.read(response) == b"three"


async def test_small_error_bodies_are_drained_and_the_connection_is_reused(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"x" * 10), reply(500, b"y" * 65536), reply(200))
    async with world.client() as client:
        await client.get(server.url)
    assert (server.requests, server.connections) == (3, 1)


async def test_an_error_body_that_arrives_after_its_headers_is_drained(
    world: World, server: Server
) -> None:
    server.play(drip(503, [b"late"], every=0.05), reply(200))
    async with world.client() as client:
        await client.get(server.url)
    assert server.connections == 1


@pytest.mark.parametrize("length", [65537, 10**9])
async def test_a_long_error_body_is_not_read(
    world: World, server: Server, length
) -> None:
    server.play(raw(head(503, {"content-length": str(length)})), reply(200))
    async with world.client() as client:
        started = time.monotonic()
        await client.get(server.url)
    assert server.connections == 2
    assert time.monotonic() - started < 2


async def test_an_endless_error_body_is_not_drained(
    world: World, server: Server
) -> None:
    server.play(drip(503, repeat(b"x" * 4096)), reply(200))
    async with world.client() as client:
        response = await client.get(server.url)
    assert response.status_code == 200
    assert server.connections == 2


@pytest.mark.parametrize("every", [0.01, 60.0])
async def test_a_dripping_error_body_costs_less_than_a_second(
    world: World, server: Server, every: float
) -> None:
    slow = drip(503, repeat(b"x"), every=every)
    if every > 1:
        slow = stall(head(503, {"transfer-encoding": "chunked"}))
    server.play(slow, reply(200))
    async with world.client() as client:
        response = await client.get(server.url)
    first, _ = server.received
    _, second = server.received
    assert response.status_code == 200
    assert second.at - first.at < 1.0


async def test_an_error_body_that_breaks_is_ignored(
    world: World, server: Server
) -> None:
    server.play(close(head(503, {"content-length": "100"}) + b"x"), reply(200))
    async with world.client() as client:
        response = await client.get(server.url)
    assert response.status_code == 200


async def test_a_pool_of_one_connection_is_enough_for_three_attempts(
    world: World, server: Server
) -> None:
    """A retry that waits must not occupy the connection that its next attempt needs."""
    server.play(
        raw(head(503, {"content-length": "1000000"})),
        drip(503, repeat(b"x" * 4096)),
        reply(200, b"ok"),
    )
    limits = world.library.Limits(max_connections=1)
    async with world.client(world.transport(limits=limits)) as client:
        response = await client.get(
            server.url, timeout=world.library.Timeout(5, pool=1)
        )
    assert response.content == b"ok"


async def test_a_request_that_waits_to_retry_occupies_no_connection(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"busy"), reply(200, b"second"), reply(200, b"first"))
    transport = world.transport(
        limits=world.library.Limits(max_connections=1), wait=tenacity.wait_fixed(0.4)
    )
    bodies = []
    async with world.client(transport) as client:

        async def get() -> None:
            bodies.append((await client.get(server.url)).content)

        async def get_meanwhile() -> None:
            await world.sleep(0.1)
            await get()

        await world.together(get, get_meanwhile)
    assert bodies == [b"second", b"first"]


async def test_a_streamed_response_is_not_read_ahead(
    world: World, server: Server
) -> None:
    first_was_read = threading.Event()

    def body() -> Iterator[bytes]:
        yield b"first"
        yield b"second" if first_was_read.wait(5) else b"too late"

    server.play(drip(200, body()))
    async with world.client() as client:
        response = await client.send(
            client.build_request("GET", server.url), stream=True
        )
        received = []
        async for chunk in world.chunks(response):
            received.append(chunk)
            first_was_read.set()
        await world.close(response)
    assert received == [b"first", b"second"]


async def test_an_upgraded_connection_belongs_to_the_caller(
    world: World, server: Server
) -> None:
    """A WebSocket: 101, and the connection is the caller's."""
    upgrade = head(101, {"upgrade": "websocket", "connection": "upgrade"})
    server.play(raw(upgrade + b"frame"))
    transport = world.transport(retry=tenacity.retry_always)
    async with world.client(transport) as client:
        request = client.build_request(
            "GET", server.url, headers={"upgrade": "websocket", "connection": "upgrade"}
        )
        response = await client.send(request, stream=True)
        wire = response.extensions["network_stream"]
        data = wire.read(100, 1) if world.sync else await wire.read(100, 1)
        assert (response.status_code, data) == (101, b"frame")
        await world.close(response)
    assert server.requests == 1


async def test_each_redirect_is_a_request_with_attempts_of_its_own(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply(302, location="/there"), reply(503), reply(200))
    async with world.client(follow_redirects=True) as client:
        response = await client.get(server.url)
    assert [r.target for r in server.received] == ["/", "/", "/there", "/there"]
    assert len(attempts_of(response)) == 2


async def test_extensions_reach_the_inner_transport_on_every_attempt(
    world: World, server: Server
) -> None:
    seen = []

    def trace(name: str, info: object) -> None:
        seen.append(name)

    async def trace_async(name: str, info: object) -> None:
        seen.append(name)

    server.play(reply(503), reply(200))
    async with world.client() as client:
        tracer = trace if world.sync else trace_async
        await client.get(server.url, extensions={"trace": tracer})
    assert seen.count("http11.send_request_headers.started") == 2


async def test_the_request_of_the_caller_is_not_changed(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply(200))
    async with world.client() as client:
        request = client.build_request(
            "POST",
            server.url,
            content=b"data",
            headers={"idempotency-key": "1"},
            extensions={"retry": {"stop": tenacity.stop_after_attempt(2)}, "mine": 1},
        )
        before = (request.stream, request.extensions, dict(request.extensions))
        timeouts = dict(request.extensions["timeout"])
        await client.send(request)
    assert (request.stream, request.extensions) == before[:2]
    assert request.extensions == before[2]
    assert request.extensions["timeout"] == timeouts
