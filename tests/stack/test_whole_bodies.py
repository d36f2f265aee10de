"""Bodies that arrive whole through the layers together, in any order."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import tenacity
from support.ranges import File, versions
from support.server import Server, Step, reply
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

BODY = bytes(range(256)) * 400
WHOLE = gzip.compress(BODY)
HALF = WHOLE[: len(WHOLE) // 2]
AT_ONCE = {"wait": tenacity.wait_none()}

Make = Callable[[World], Any]


def standard(world: World) -> Any:
    return world.ours.standard_transport(resume=True, retry=AT_ONCE)


def resuming_outside(world: World) -> Any:
    inner = world.ours.RetryingTransport(**AT_ONCE)
    return world.ours.ResumingTransport(inner, budget=False)


def resuming_inside(world: World) -> Any:
    inner = world.ours.ResumingTransport(budget=False)
    return world.ours.RetryingTransport(inner, **AT_ONCE)


NESTED = [standard, resuming_outside, resuming_inside]


def zipped(content: bytes) -> Step:
    return reply(200, content, content_encoding="gzip", etag='"a"')


async def streamed(world: World, client: Any, url: str) -> tuple[Any, bytes]:
    response = await client.send(world.library.Request("GET", url), stream=True)
    try:
        if world.sync:
            return response, b"".join(response.iter_bytes())
        return response, b"".join([chunk async for chunk in response.aiter_bytes()])
    finally:
        await world.close(response)


@pytest.mark.parametrize("make", NESTED)
async def test_a_stream_of_an_encoding_that_ends_early_is_never_a_short_one(
    world: World, make: Make
) -> None:
    with Server(zipped(HALF)) as server:
        async with world.client(make(world)) as client:
            with pytest.raises(world.library.RemoteProtocolError, match="gzip is not"):
                await streamed(world, client, server.url)
    assert server.requests == 2  # the same bytes came once more: that is enough


@pytest.mark.parametrize("make", NESTED)
async def test_a_buffered_read_of_it_is_an_attempt_again(
    world: World, make: Make
) -> None:
    with Server(zipped(HALF), zipped(HALF), zipped(WHOLE)) as server:
        async with world.client(make(world)) as client:
            response = await client.get(server.url)
    assert response.content == BODY
    assert server.requests == 3


@pytest.mark.parametrize("make", NESTED)
async def test_a_buffered_read_has_the_new_content_if_it_changed(
    world: World, make: Make
) -> None:
    old, new = BODY, BODY[::-1] + b"more"
    file = File([*versions(old, etag='"a"'), *versions(new, etag='"b"')], cut=9_000)
    with Server(file) as server:
        async with world.client(make(world)) as client:
            response = await client.get(server.url)
    assert response.content == new
    assert response.headers["etag"] == '"b"'
    assert len(attempts_of(response)) > 1


async def test_a_switch_turns_the_check_off_in_the_whole_stack(world: World) -> None:
    retry = {"complete": False}
    transport = world.ours.standard_transport(resume=True, retry=retry)
    with Server(zipped(HALF)) as server:
        async with world.client(transport) as client:
            response = await client.get(server.url)
    assert BODY.startswith(response.content)
    assert server.requests == 1


class Once:
    """A stream of somebody else around another one: it can be read once only."""

    def __init__(self, stream: Any, *, sync: bool) -> None:
        self._around = stream
        self._chunks = self._read() if sync else self._read_async()

    def _read(self) -> Iterator[bytes]:
        yield from self._around

    async def _read_async(self) -> AsyncIterator[bytes]:
        async for chunk in self._around:
            yield chunk

    def __iter__(self) -> Any:
        return self._chunks

    def __aiter__(self) -> Any:
        return self._chunks

    def close(self) -> None:
        self._around.close()

    async def aclose(self) -> None:
        await self._around.aclose()


def read_once_around(world: World) -> Any:
    """Return a transport of somebody else, with such streams."""
    library = world.library

    class Wrapped(Once, library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc,name-defined]  # of the world
        pass

    inner = world.ours.RetryingTransport(**AT_ONCE)

    class Around(library.AsyncBaseTransport, library.BaseTransport):  # type: ignore[misc,name-defined]  # of the world
        async def handle_async_request(self, request: Any) -> Any:
            response = await inner.handle_async_request(request)
            response.stream = Wrapped(response.stream, sync=world.sync)
            return response

        def handle_request(self, request: Any) -> Any:
            response = inner.handle_request(request)
            response.stream = Wrapped(response.stream, sync=world.sync)
            return response

    return Around()


async def test_a_stream_around_that_is_read_once_never_makes_a_body_empty(
    world: World,
) -> None:
    """As transports of others may wrap a stream, to measure it or to log it."""
    with Server(zipped(HALF), zipped(WHOLE)) as server:
        async with world.client(read_once_around(world)) as client:
            with pytest.raises(world.library.RemoteProtocolError) as raised:
                await client.get(server.url)
    assert "does not begin again" in "".join(raised.value.__notes__)
    assert server.requests == 1


async def test_an_event_stream_that_is_buffered_is_not_begun_again(
    world: World,
) -> None:
    inner = world.ours.RetryingTransport(**AT_ONCE)
    transport = world.ours.EventStreamTransport(inner)
    events = b"data: a\n\ndata: b"
    with Server(reply(200, events, content_type="text/event-stream")) as server:
        async with world.client(transport) as client:
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)
    assert server.requests == 1
