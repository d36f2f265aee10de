"""HTTP/2, which can prove that a request was not processed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trustme
from h2.connection import H2Connection
from support.h2_server import Answer, H2Server, go_away, ok, refuse
from support.tls_server import trusting
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 2, 7, 8, 11

NOT_PROCESSED = {
    "REFUSED_STREAM": refuse(REFUSED_STREAM),
    "GOAWAY with last stream 0": go_away(0),
    "GOAWAY with last stream 0, for too many requests": go_away(0, ENHANCE_YOUR_CALM),
}
IF_IDEMPOTENT = {
    "CANCEL": refuse(CANCEL),
    "INTERNAL_ERROR": refuse(INTERNAL_ERROR),
    "ENHANCE_YOUR_CALM": refuse(ENHANCE_YOUR_CALM),
    "GOAWAY that covers the stream": go_away(1),
    "GOAWAY that covers all streams": go_away(2**31 - 1),
}


@pytest.fixture
def client(world: World, authority: trustme.CA) -> Any:
    return world.client(world.transport(http2=True, verify=trusting(authority)))


def half_then(code: int) -> Answer:
    def answer(connection: H2Connection, stream: int) -> bool:
        connection.send_headers(stream, [(":status", "200")])
        connection.send_data(stream, b"half")
        connection.reset_stream(stream, code)
        return True

    return answer


def no_answer_yet(connection: H2Connection, stream: int) -> bool:
    """Leave the stream open."""
    return True


Serve = Callable[..., H2Server]


@pytest.fixture
def serve(authority: trustme.CA) -> Serve:
    return lambda *script: H2Server(*script, authority=authority)


def cases(of: dict[str, Answer]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("failure", of.values(), ids=of.keys())


@cases(NOT_PROCESSED)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_that_was_not_processed_is_sent_again(
    client: Any, serve: Serve, failure: Answer, method: str
) -> None:
    with serve(failure, failure, ok) as server:
        async with client:
            response = await client.request(method, server.url, content=b"data")
    assert (response.status_code, response.http_version) == (200, "HTTP/2")
    assert len(attempts_of(response)) == server.requests == 3
    assert server.bodies == [b"data"] * 3


@cases(IF_IDEMPOTENT)
async def test_a_get_that_may_have_been_processed_is_sent_again(
    client: Any, serve: Serve, failure: Answer
) -> None:
    with serve(failure, failure, ok) as server:
        async with client:
            response = await client.get(server.url)
    assert response.status_code == 200
    assert len(attempts_of(response)) == server.requests == 3


@cases(IF_IDEMPOTENT)
async def test_a_post_that_may_have_been_processed_is_not_sent_again(
    world: World, client: Any, serve: Serve, failure: Answer
) -> None:
    with serve(failure) as server:
        async with client:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.post(server.url, content=b"data")
    assert len(attempts_of(caught.value)) == server.requests == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_pool_repeats_a_request_whose_stream_a_goaway_does_not_cover(
    client: Any, serve: Serve, method: str
) -> None:
    """The pool knows the number of the stream. The history shows one attempt."""
    with serve(ok, go_away(1), ok) as server:
        async with client:
            await client.get(server.url)
            response = await client.request(method, server.url, content=b"data")
    assert response.status_code == 200
    assert len(attempts_of(response)) == 1
    assert (server.requests, server.connections) == (3, 2)
    assert server.bodies[1:] == [b"data"] * 2


async def test_a_refused_stream_does_not_close_its_connection(
    client: Any, serve: Serve
) -> None:
    with serve(refuse(REFUSED_STREAM), refuse(CANCEL), ok) as server:
        async with client:
            await client.get(server.url)
    assert (server.requests, server.connections) == (3, 1)


async def test_a_retry_after_a_goaway_opens_a_new_connection(
    client: Any, serve: Serve
) -> None:
    with serve(go_away(0), go_away(0), ok) as server:
        async with client:
            await client.post(server.url)
    assert (server.requests, server.connections) == (3, 3)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("code", [REFUSED_STREAM, CANCEL])
async def test_a_stream_that_is_reset_within_its_body_was_processed(
    world: World, client: Any, serve: Serve, method: str, code: int
) -> None:
    with serve(half_then(code), ok) as server:
        async with client:
            if method == "GET":
                assert (await client.request(method, server.url)).content == b""
            else:
                with pytest.raises(world.library.RemoteProtocolError):
                    await client.request(method, server.url)
    assert server.requests == (2 if method == "GET" else 1)


# httpcore's HTTP/2 is not thread-safe: see test_hypercorn.py.
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_all_posts_in_flight_that_a_goaway_does_not_cover_are_sent_again(
    world: World, client: Any, serve: Serve
) -> None:
    with serve(ok, no_answer_yet, no_answer_yet, no_answer_yet, go_away(1)) as server:
        async with client:
            await client.get(server.url)
            ended: list[int] = []

            async def post() -> None:
                ended.append((await client.post(server.url)).status_code)

            await world.together(*[post] * 4)
    assert ended == [200] * 4
    assert (server.requests, server.connections) == (1 + 4 + 4, 2)


async def test_retries_give_up_on_a_server_that_refuses_all_streams(
    world: World, client: Any, serve: Serve
) -> None:
    with serve(*[refuse(REFUSED_STREAM)] * 9) as server:
        async with client:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.post(server.url)
    assert len(attempts_of(caught.value)) == server.requests == 3


async def test_an_inner_http2_transport_of_the_caller_is_retried(
    world: World, authority: trustme.CA, serve: Serve
) -> None:
    inner = world.http(http2=True, verify=trusting(authority))
    with serve(refuse(REFUSED_STREAM), go_away(0), ok) as server:
        async with world.client(world.transport(inner)) as client:
            response = await client.post(server.url, content=b"data")
    assert response.http_version == "HTTP/2"
    assert server.requests == 3


async def test_http2_without_tls_by_prior_knowledge_is_retried(world: World) -> None:
    with H2Server(refuse(REFUSED_STREAM), go_away(0), ok) as server:
        async with world.client(world.transport(http1=False, http2=True)) as client:
            response = await client.post(server.url, content=b"data")
    assert response.http_version == "HTTP/2"
    assert server.requests == 3
