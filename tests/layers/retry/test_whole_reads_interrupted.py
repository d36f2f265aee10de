"""Another attempt at a body that is cancelled or interrupted, and what is left then."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import anyio
import httpx
import pytest
from support.fake_io import FakeIO, run_flow
from support.h2_server import H2Server
from support.server import Server, close, head, reply, stall
from support.world import QUICK, World, in_async

from httpx_resilient import RetryingTransport, attempts_of

pytestmark = pytest.mark.anyio

WHOLE = b"0123456789" * 100


def start() -> Any:
    """Answer, and break in the body."""
    return close(head(200, {"content-length": "1000"}) + WHOLE[:300])


async def opened(client: Any, url: str) -> Any:
    return await client.send(client.build_request("GET", url), stream=True)


def interrupting(world: World, inner: Any) -> Any:
    """A retry whose reader is interrupted when the second answer has come."""

    class Wrapped(world.library.SyncByteStream, world.library.AsyncByteStream):  # type: ignore[misc,name-defined]  # of either library
        def __init__(self, stream: Any) -> None:
            self.stream, self.errors = stream, [KeyboardInterrupt, OSError]
            self.close, self.aclose = stream.close, stream.aclose

        def __iter__(self) -> Any:
            try:
                yield from self.stream
            except Exception as error:
                raise self.next(error) from None

        async def __aiter__(self) -> Any:
            try:
                async for chunk in self.stream:
                    yield chunk
            except Exception as error:
                raise self.next(error) from None

        def next(self, error: Exception) -> BaseException:
            return error if self.errors.pop() is OSError else KeyboardInterrupt()

    class Interrupting(type(world.transport())):  # type: ignore[misc]  # of either library
        async def handle_async_request(self, request: Any) -> Any:
            response = await super().handle_async_request(request)
            response.stream = Wrapped(response.stream)
            return response

        def handle_request(self, request: Any) -> Any:
            response = super().handle_request(request)
            response.stream = Wrapped(response.stream)
            return response

    return Interrupting(inner, **QUICK)


async def test_an_answer_that_has_come_is_released(
    world: World, server: Server
) -> None:
    """As by a signal, or by a cancellation while the first stream is closed."""
    pool = world.ours.PoolingTransport()
    server.play(start(), start(), reply(200, WHOLE))
    async with world.client(interrupting(world, pool)) as client:
        with pytest.raises(KeyboardInterrupt):
            await client.get(server.url)
        assert pool.stats().active == 0
    assert server.requests == 2


@in_async
@pytest.mark.parametrize("second", ["headers", "body"])
async def test_a_cancelled_second_attempt_leaves_nothing(
    world: World, server: Server, second: str
) -> None:
    sent = stall(head(200, {"content-length": "9"})) if second == "body" else stall()
    server.play(start(), sent)
    pool = world.ours.PoolingTransport()
    async with world.client(world.transport(pool)) as client:
        with anyio.move_on_after(30) as scope:
            async with anyio.create_task_group() as tasks:

                async def watch() -> None:
                    while server.requests < 2:  # noqa: ASYNC110 - the server is a thread
                        await anyio.sleep(0.01)
                    scope.cancel()

                tasks.start_soon(watch)
                await client.get(server.url)
        assert server.requests == 2
        assert pool.stats().active == 0


@pytest.mark.parametrize(
    "again",
    [copy.deepcopy, lambda outcome: pickle.loads(pickle.dumps(outcome))],
    ids=["deepcopy", "pickle"],
)
async def test_a_copy_of_an_unread_response_is_a_plain_one(
    world: World, server: Server, again: Any
) -> None:
    server.play(reply(200, WHOLE))
    async with world.client() as client:
        response = await opened(client, server.url)
        copied = again(response)
        assert await world.read(response) == WHOLE
        with pytest.raises(world.library.StreamClosed):
            await world.read(copied)
        assert pickle.loads(pickle.dumps(response)).content == WHOLE


class TestHTTP2:
    @pytest.mark.parametrize("broken", ["reset", "length"])
    async def test_a_body_becomes_whole(self, world: World, broken: str) -> None:
        def first(connection: Any, stream: int) -> bool:
            headers = [(":status", "200"), ("content-length", "1000")]
            connection.send_headers(stream, headers)
            connection.send_data(stream, WHOLE[:300], end_stream=broken == "length")
            if broken == "reset":
                connection.reset_stream(stream, 2)
            return True

        def second(connection: Any, stream: int) -> bool:
            connection.send_headers(stream, [(":status", "200")])
            connection.send_data(stream, WHOLE, end_stream=True)
            return True

        with H2Server(first, second) as server:
            transport = world.transport(http1=False, http2=True)
            async with world.client(transport) as client:
                response = await client.get(server.url)
        assert response.content == WHOLE
        assert attempts_of(response)[0].outcome is world.library.RemoteProtocolError


def test_a_response_of_no_library_is_left_alone() -> None:
    class Foreign:
        status_code, is_closed, stream = 200, False, b""

        def __init__(self) -> None:
            self.extensions: dict[str, Any] = {}

    foreign: Any = Foreign()
    request = httpx.Request("GET", "https://a/")
    assert run_flow(RetryingTransport(), request, FakeIO(foreign)) is foreign
    assert not {"read", "aread"} & vars(foreign).keys()
