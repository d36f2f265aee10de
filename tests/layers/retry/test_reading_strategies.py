"""A strategy or a hook may read a response: the caller still gets it unread."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
import tenacity
from support.server import Server, close, drip, head, reply
from support.world import World

from httpx_resilient import CircuitBreaker

pytestmark = pytest.mark.anyio

TEXT = b"not before noon " * 100


def strategy_of(world: World, read: Callable[[Any], Any], answer: Any) -> Any:
    """A strategy that reads the response in the way of its world."""
    if world.sync:

        def strategy(state: Any) -> Any:
            if state.response is not None:
                read(state.response)
            return answer(state)

        return strategy

    async def async_strategy(state: Any) -> Any:
        if state.response is not None:
            await read(state.response)
        return answer(state)

    return async_strategy


def whole(world: World) -> Callable[[Any], Any]:
    return lambda response: response.read() if world.sync else response.aread()


def never(state: Any) -> bool:
    return False


async def stream(world: World, client: Any, url: str) -> Any:
    return await client.send(client.build_request("GET", url), stream=True)


async def raw(world: World, response: Any) -> bytes:
    return b"".join([chunk async for chunk in world.chunks(response)])


class TestAResponseThatAStrategyHasRead:
    async def test_is_whole_in_a_plain_get(self, world: World, server: Server) -> None:
        server.play(reply(503, gzip.compress(TEXT), content_encoding="gzip"))
        retry = strategy_of(world, whole(world), never)
        async with world.client(world.transport(retry=retry)) as client:
            response = await client.get(server.url)
        assert (response.status_code, response.content) == (503, TEXT)
        assert response.is_closed

    async def test_can_be_streamed_raw(self, world: World, server: Server) -> None:
        body = gzip.compress(TEXT)
        server.play(reply(503, body, content_encoding="gzip"))
        retry = strategy_of(world, whole(world), never)
        async with world.client(world.transport(retry=retry)) as client:
            response = await stream(world, client, server.url)
            assert not response.is_closed
            assert not response.is_stream_consumed
            assert await raw(world, response) == body
            assert response.num_bytes_downloaded == len(body)

    async def test_has_left_its_connection(self, world: World, server: Server) -> None:
        server.play(reply(503, TEXT), reply())
        retry = strategy_of(world, whole(world), never)
        async with world.client(world.transport(retry=retry)) as client:
            unread = await stream(world, client, server.url)
            await client.get(server.url)
            assert await world.read(unread) == TEXT
        assert server.connections == 1

    async def test_is_read_once_more_by_each_strategy(
        self, world: World, server: Server
    ) -> None:
        server.play(drip(503, [b"0.", b"01"]), reply())
        read = whole(world)

        def seconds(state: Any) -> float:
            return float(state.response.content)

        transport = world.transport(
            retry=strategy_of(
                world, read, lambda state: state.response.status_code == 503
            ),
            stop=tenacity.stop_after_attempt(2),
            wait=strategy_of(world, read, seconds),
            before_sleep=strategy_of(world, read, never),
        )
        async with world.client(transport) as client:
            assert (await client.get(server.url)).status_code == 200
        assert server.requests == 2

    async def test_is_returned_if_the_next_attempt_is_refused_on_this_side(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503, TEXT))
        inner = world.ours.CircuitBreakingTransport(
            None, CircuitBreaker(minimum_calls=1)
        )
        retry = strategy_of(world, whole(world), lambda state: state.response)
        async with world.client(world.transport(inner, retry=retry)) as client:
            response = await stream(world, client, server.url)
            assert await raw(world, response) == TEXT


async def first_chunk(response: Any) -> None:
    async with aclosing(response.aiter_raw()) as chunks:
        await anext(chunks)


def first_chunk_sync(response: Any) -> None:
    next(response.iter_raw())


@pytest.mark.parametrize("library", ["httpx"])  # httpx2 closes it then
async def test_a_response_that_a_strategy_has_read_half_way_is_whole_for_the_caller(
    world: World, server: Server
) -> None:
    server.play(drip(503, [b"not ", b"before ", b"noon"], every=0.01))
    read = first_chunk_sync if world.sync else first_chunk
    transport = world.transport(retry=strategy_of(world, read, never))
    async with world.client(transport) as client:
        response = await stream(world, client, server.url)
        assert await raw(world, response) == b"not before noon"


async def test_a_response_that_a_strategy_has_closed_half_way_stays_closed(
    world: World, server: Server
) -> None:
    """What the caller could read would not be whole."""
    server.play(reply(503, TEXT))

    async def read(response: Any) -> None:
        await first_chunk(response)
        await response.aclose()

    def read_sync(response: Any) -> None:
        first_chunk_sync(response)
        response.close()

    transport = world.transport(
        retry=strategy_of(world, read_sync if world.sync else read, never)
    )
    async with world.client(transport) as client:
        response = await stream(world, client, server.url)
        with pytest.raises(world.library.StreamConsumed):
            await raw(world, response)


async def test_a_body_that_breaks_raises_in_the_strategy(
    world: World, server: Server
) -> None:
    server.play(close(head(503, {"content-length": "9"}) + b"not"))
    transport = world.transport(retry=strategy_of(world, whole(world), never))
    async with world.client(transport) as client:
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)


async def test_a_response_that_nobody_has_read_keeps_its_own_stream(
    world: World,
) -> None:
    class Body(world.library.SyncByteStream, world.library.AsyncByteStream):  # type: ignore[misc,name-defined]  # of either library
        def __iter__(self) -> Any:
            yield b"unread"

        async def __aiter__(self) -> Any:
            yield b"unread"

    body = Body()
    inner = world.mock(lambda _: world.library.Response(404, stream=body))
    transport = world.transport(
        inner, retry=lambda _: False, retry_response_body=False, complete=False
    )
    request = world.library.Request("GET", "http://localhost/")
    if world.sync:
        assert transport.handle_request(request).stream is body
    else:
        assert (await transport.handle_async_request(request)).stream is body
