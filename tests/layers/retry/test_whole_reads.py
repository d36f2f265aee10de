"""A body that breaks while it is read whole is a failed attempt."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
import tenacity
from support.server import Server, Step, close, drip, head, reply, reset, stall
from support.world import World

from httpx_resilient import RetryBudget, attempts_of, explain
from httpx_resilient.events import AttemptEnded, GaveUp, NotRetried, RetryScheduled

pytestmark = pytest.mark.anyio

WHOLE = b"0123456789" * 100
GZIP = gzip.compress(WHOLE, mtime=0)
START = head(200, {"content-length": "1000", "x-answer": "first"}) + WHOLE[:300]
AGAIN = reply(200, WHOLE, x_answer="second")
BREAKS: dict[str, Step] = {
    "closed": close(START),
    "reset": reset(START),
    "stalled": stall(START),
    "chunked": close(head(200, {"transfer-encoding": "chunked"}) + b"4\r\nhalf\r\n"),
    "gzip": reply(200, GZIP[:-8], content_encoding="gzip"),
    "chunked gzip": drip(200, [GZIP[:30]], content_encoding="gzip"),
    "http/1.0": close(b"HTTP/1.0 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + GZIP[:30]),
}
breaks = pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)


async def opened(client: Any, url: str, **options: Any) -> Any:
    request = client.build_request("GET", url, **options)
    return await client.send(request, stream=True)


@breaks
async def test_a_get_becomes_whole(
    world: World, server: Server, broken: Step, connections: str
) -> None:
    server.play(broken, AGAIN)
    async with world.client(timeout=1 if broken is BREAKS["stalled"] else 30) as client:
        response = await client.get(server.url)
    assert (response.content, server.requests) == (WHOLE, 2)
    assert response.headers["x-answer"] == "second"
    assert "content-encoding" not in response.headers
    assert (response.is_closed, response.is_stream_consumed) == (True, True)
    assert response.num_bytes_downloaded == len(WHOLE)
    assert response.elapsed.total_seconds() > 0
    first, second = attempts_of(response)
    assert (second.outcome, second.reason) == (200, "")
    assert issubclass(first.outcome, world.library.TransportError)  # type: ignore[arg-type]  # it is an exception
    assert first.reason.endswith("bytes of the body")
    # It is as any other response now.
    assert type(response) is world.library.Response
    assert not {"read", "aread"} & vars(response).keys()


async def test_a_get_becomes_whole_that_is_not_the_first_one(
    world: World, server: Server
) -> None:
    """The first request around a transport of others finds out what later ones need."""
    server.play(AGAIN, close(START), AGAIN)
    async with world.client(world.transport(world.http())) as client:
        await client.get(server.url)
        response = await client.get(server.url)
    assert response.content == WHOLE
    assert len(attempts_of(response)) == 2


@breaks
async def test_a_body_that_never_becomes_whole_ends_with_its_error(
    world: World, server: Server, broken: Step
) -> None:
    server.play(broken)
    events: list[Any] = []
    transport = world.transport(on_event=events.append)
    patience = 0.2 if broken is BREAKS["stalled"] else 30
    async with world.client(transport, timeout=patience) as client:
        with pytest.raises(world.library.TransportError) as caught:
            await client.get(server.url)
    error = caught.value
    assert server.requests == 3
    assert error.request.url == server.url
    assert [each.outcome for each in attempts_of(error)] == [type(error)] * 3
    assert explain(error).count("bytes of the body") == 3
    assert "gave up after 3 attempts" in error.__notes__[-1]
    kinds = [type(each) for each in events if not isinstance(each, AttemptEnded)]
    assert [kinds.count(each) for each in (RetryScheduled, GaveUp)] == [2, 1]


async def test_read_of_a_response_that_nobody_has_begun_becomes_whole(
    world: World, server: Server
) -> None:
    server.play(close(START), close(START), AGAIN)
    async with world.client() as client:
        response = await opened(client, server.url)
        assert await world.read(response) == WHOLE
        assert await world.read(response) == WHOLE
        await world.close(response)
    assert len(attempts_of(response)) == 3


async def test_read_of_a_response_that_nobody_keeps_works(
    world: World, server: Server
) -> None:
    server.play(reply(200, GZIP, content_encoding="gzip"))
    async with world.client() as client:
        response = await opened(client, server.url)
        read = response.read if world.sync else response.aread
        del response
        assert (read() if world.sync else await read()) == WHOLE


async def test_a_read_that_was_kept_can_be_called_twice(
    world: World, server: Server
) -> None:
    server.play(AGAIN)
    async with world.client() as client:
        response = await opened(client, server.url)
        read = response.read if world.sync else response.aread
        for _ in range(2):
            assert (read() if world.sync else await read()) == WHOLE
        assert not {"read", "aread"} & vars(response).keys()
    assert server.requests == 1


async def test_what_was_begun_is_never_sent_again(world: World, server: Server) -> None:
    server.play(close(START))
    async with world.client() as client:
        response = await opened(client, server.url)
        chunks = world.chunks(response)
        assert await anext(chunks) == WHOLE[:300]
        with pytest.raises(world.library.StreamConsumed):
            await world.read(response)
        with pytest.raises(world.library.RemoteProtocolError) as caught:
            await anext(chunks)
        await world.close(response)
    assert server.requests == 1
    (only,) = attempts_of(caught.value)
    assert only.reason == "RemoteProtocolError after 300 bytes of the body"


@pytest.mark.parametrize(
    ("method", "headers", "requests"),
    [
        ("GET", {}, 2),
        ("PUT", {}, 2),
        ("DELETE", {}, 2),
        ("POST", {}, 1),
        ("POST", {"idempotency-key": "1"}, 2),
    ],
)
async def test_the_method_decides(
    world: World, server: Server, method: str, headers: Any, requests: int
) -> None:
    server.play(close(START), AGAIN)
    events: list[Any] = []
    async with world.client(world.transport(on_event=events.append)) as client:
        if requests == 2:
            sent = await client.request(method, server.url, headers=headers)
            assert sent.content == WHOLE
        else:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.request(method, server.url, content=b"body")
            (event,) = [each for each in events if isinstance(each, NotRetried)]
            assert event.reason == "RemoteProtocolError after 300 bytes of the body"
            assert "POST is not idempotent" in caught.value.__notes__[-1]
    assert server.requests == requests


async def test_a_body_of_the_request_that_is_spent_ends_it(
    world: World, server: Server
) -> None:
    server.play(close(START), AGAIN)

    async def chunks() -> Any:
        yield b"once"

    content = iter([b"once"]) if world.sync else chunks()
    async with world.client() as client:
        with pytest.raises(world.library.RemoteProtocolError) as caught:
            await client.put(server.url, content=content)
    assert "the body cannot be sent again" in attempts_of(caught.value)[0].reason


@pytest.mark.parametrize(
    ("options", "extensions"),
    [
        ({"retry_response_body": False}, {}),
        ({}, {"retry": {"retry_response_body": False}}),
        ({}, {"retry": False}),
        ({"retry_response_body": False, "complete": False}, {}),
        ({"stop": tenacity.stop_after_attempt(1)}, {}),
    ],
)
async def test_options_end_it_at_the_first_break(
    world: World, server: Server, options: Any, extensions: Any
) -> None:
    server.play(close(START))
    async with world.client(world.transport(**options)) as client:
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url, extensions=extensions)
    assert server.requests == 1


@pytest.mark.parametrize("name", ["retry_response_body", "complete"])
def test_options_are_true_or_false(name: str, world: World) -> None:
    with pytest.raises(TypeError, match=f"{name} must be True or False; got 1"):
        world.transport(**{name: 1})


async def test_a_budget_that_is_spent_ends_it(world: World, server: Server) -> None:
    server.play(close(START))
    budget = RetryBudget(0.01, least=1, most=1, grace=0)
    reasons = ""
    async with world.client(world.transport(budget=budget)) as client:
        for _ in range(3):
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.get(server.url)
            reasons += explain(caught.value)
    assert "bytes of the body, and the retry budget" in reasons
    assert server.requests < 9
