"""
Bodies that are left before their end: if little is left, the connection is reused.

A client of an event stream stops at `[DONE]`, when the last bytes are nearly there.
"""

from __future__ import annotations

import gc
import itertools
import time
import warnings
from typing import Any

import pytest
from h2.connection import H2Connection
from support.gates import in_total, pooling, stream, tracked_stream, until
from support.h2_server import H2Server, ok
from support.server import Server, drip, head, raw, reply, stall
from support.world import World, in_async

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("connections")]

LEFT_SECONDS = "httpx_resilient._pool.lease.LEFT_SECONDS"
CHUNKED = {"transfer-encoding": "chunked"}
EVENTS = [b"data: a\n\n", b"data: [DONE]\n\n"]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a loaded machine the time to send what is left."""
    monkeypatch.setattr(LEFT_SECONDS, 5)


async def leave(world: World, client: Any, url: str, after: bytes = b"") -> Any:
    """Read a body until a piece arrives, and close the response. Returns the request."""
    response = await stream(client, url)
    if world.sync:
        next(chunk for chunk in response.iter_raw() if after in chunk)
    else:
        # Not through the generators of the library: trio warns of each that is left.
        async for chunk in tracked_stream(response):
            if after in chunk:
                break
    await world.close(response)
    return response.request


@pytest.mark.usefixtures("patient")
class TestReused:
    async def test_event_streams_that_are_left_at_done_need_one_connection(
        self, world: World, server: Server
    ) -> None:
        server.play(drip(200, EVENTS, every=0.002))
        transport = pooling(world, 10)
        async with world.client(transport) as client:
            for _ in range(10):
                await leave(world, client, server.url, after=b"[DONE]")
            assert in_total(transport) == {"idle": 1, "opened": 1, "reused": 9}

    async def test_a_short_body_that_is_not_read_at_all_costs_no_connection(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(404, b"not found"))
        async with world.client(pooling(world, 10)) as client:
            for _ in range(3):
                response = await stream(client, server.url)
                await world.close(response)
        assert server.connections == 1

    async def test_the_read_timeout_of_the_next_request_is_its_own(
        self, world: World, server: Server
    ) -> None:
        """Also if the same request is sent once more: its timeouts are the same object."""
        server.play(drip(200, EVENTS))
        async with world.client(pooling(world, 1), timeout=10) as client:
            request = await leave(world, client, server.url, after=b"[DONE]")
            assert request.extensions["timeout"]["read"] == 10
            assert (await client.send(request)).status_code == 200
        assert server.connections == 1


class TestClosed:
    async def test_a_large_body_is_not_read_to_its_end(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(LEFT_SECONDS, 60)
        size = 50_000_000
        pieces = itertools.repeat(bytes(100_000), size // 100_000)
        server.play(drip(200, pieces), reply(200, b"mine"))
        transport = pooling(world, 1)
        async with world.client(transport) as client:
            await leave(world, client, server.url)
            assert (await client.get(server.url)).content == b"mine"
            assert in_total(transport) == {"idle": 1, "opened": 2}
            await until(world, lambda: len(server.open_connections) == 1)

    @pytest.mark.parametrize("every", [0.001, 60], ids=["endless", "silent"])
    async def test_a_body_that_does_not_end_in_time_is_not_waited_for(
        self, world: World, server: Server, every: float
    ) -> None:
        endless = drip(200, itertools.repeat(b"x"), every=every)
        silent = stall(head(200, CHUNKED) + b"1\r\nx\r\n")
        server.play(endless if every < 1 else silent, reply(200, b"mine"))
        transport = pooling(world, 1)
        async with world.client(transport) as client:
            started = time.monotonic()
            await leave(world, client, server.url)
            assert time.monotonic() - started < 5
            assert (await client.get(server.url)).content == b"mine"
            assert in_total(transport) == {"idle": 1, "opened": 2}

    @pytest.mark.usefixtures("patient")
    async def test_a_body_that_breaks_in_its_rest_raises_nothing(
        self, world: World, server: Server
    ) -> None:
        broken = head(200, {"content-length": "9"}) + b"half"
        server.play(raw(broken, keep=False), reply(200, b"mine"))
        async with world.client(pooling(world, 1)) as client:
            await leave(world, client, server.url)
            assert (await client.get(server.url)).content == b"mine"


async def test_a_connection_that_was_upgraded_is_closed_and_not_read(
    world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody but the caller knows what is on it, and it may be silent for days."""
    monkeypatch.setattr(LEFT_SECONDS, 600)
    switch = b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: any\r\n\r\n"
    server.play(stall(switch), reply())
    transport = pooling(world, 1)
    headers = {"connection": "upgrade", "upgrade": "any"}
    async with world.client(transport) as client:
        request = client.build_request("GET", server.url, headers=headers)
        response = await client.send(request, stream=True)
        assert response.status_code == 101
        await world.close(response)
        await until(world, lambda: not server.open_connections)
        assert (await client.get(server.url)).status_code == 200


@pytest.mark.parametrize("runtime", ["trio"])
async def test_trio_warns_of_no_generator_of_ours(world: World, server: Server) -> None:
    lines = b"".join(b"data: %d\r\n" % number for number in range(50_000))
    server.play(reply(200, lines))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with world.client(pooling(world, 1)) as client:
            response = await stream(client, server.url)
            async for _ in response.aiter_lines():
                break
            await world.close(response)
            response = await stream(client, server.url)
            async for _ in response.aiter_raw():
                break
            await world.close(response)
            del response
        gc.collect()
        await world.sleep(0.05)  # trio ends one generator of a chain at a time
    assert not [each for each in warned if "httpx_resilient" in str(each.message)]


def half(connection: H2Connection, stream_id: int) -> bool:
    """Answer with a body that goes on."""
    connection.send_headers(stream_id, [(":status", "200")])
    connection.send_data(stream_id, b"half")
    return True


def whole(connection: H2Connection, stream_id: int) -> bool:
    connection.send_headers(stream_id, [(":status", "200")])
    connection.send_data(stream_id, b"whole", end_stream=True)
    return True


@in_async
class TestHTTP2:
    def transport(self, world: World) -> Any:
        return pooling(world, 10, http1=False, http2=True)

    async def test_a_stream_that_is_left_ends_its_connection_after_the_others(
        self, world: World
    ) -> None:
        transport = self.transport(world)
        with H2Server(half, whole, ok) as server:
            async with world.client(transport) as client:
                left = await stream(client, server.url)
                other = await stream(client, server.url)
                await world.close(left)
                assert in_total(transport)["active"] == 1
                assert await world.read(other) == b"whole"
                assert "idle" not in in_total(transport)
                assert (await client.get(server.url)).status_code == 200
            assert server.connections == 2

    async def test_a_request_after_it_does_not_join_its_connection(
        self, world: World
    ) -> None:
        with H2Server(half, whole, ok) as server:
            async with world.client(self.transport(world)) as client:
                left = await stream(client, server.url)
                other = await stream(client, server.url)
                await world.close(left)
                assert (await client.get(server.url)).status_code == 200
                assert server.connections == 2
                assert await world.read(other) == b"whole"

    @pytest.mark.usefixtures("patient")
    async def test_an_answer_that_is_there_is_drained(self, world: World) -> None:
        with H2Server(whole, whole, ok) as server:
            async with world.client(self.transport(world)) as client:
                for _ in range(3):
                    await world.close(await stream(client, server.url))
            assert server.connections == 1
