"""Hints in bodies, read before the strategies are asked."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import anyio
import httpx
import pytest
import tenacity
from support.fake_io import FakeIO, run_flow
from support.server import Server, close, drip, head, reply, stall
from support.world import World

from httpx_resilient import (
    BodyAnswer,
    BodyHints,
    ConcurrencyLimit,
    DeadlineTransport,
    RetryingTransport,
    attempts_of,
    google_errors,
    hints_in_body,
    openai_errors,
    telegram_errors,
    wait_transient,
)
from httpx_resilient.testing import virtual_time

pytestmark = pytest.mark.anyio

SPENT = json.dumps({"error": {"code": "insufficient_quota"}}).encode()
AGAIN = json.dumps({"errors": [{"code": "THROTTLED"}], "pad": "x" * 500}).encode()
GET = httpx.Request("GET", "https://example.org/")
POST = httpx.Request("POST", "https://example.org/", content=b"data")


def says(**hints: Any) -> hints_in_body:
    """An option whose reader always returns the same hints."""
    return hints_in_body(lambda _: BodyHints(**hints))


def graphql(answer: BodyAnswer) -> BodyHints | None:
    if b"THROTTLED" in answer.content:
        return BodyHints(should_retry=True, throttled=True)
    return None


def flow(io: FakeIO, request: httpx.Request = GET, **options: Any) -> Any:
    return run_flow(RetryingTransport(**options), request, io)


def answers(status: int, body: bytes = b"{}", times: int = 9) -> list[Any]:
    return [httpx.Response(status, content=body) for _ in range(times)]


# What hints do.


def test_a_wait_in_the_body_is_slept() -> None:
    io = FakeIO(*answers(429))
    flow(io, body_hints=says(retry_after=30.0))
    assert all(30 <= slept <= 33 for slept in io.slept)
    assert len(io.slept) == 2


def test_the_longer_of_the_waits_in_header_and_body_counts() -> None:
    for header, body in (("7", 3.0), ("3", 7.0)):
        answer = httpx.Response(429, headers={"Retry-After": header}, content=b"{}")
        io = FakeIO(answer, 200)
        flow(io, body_hints=says(retry_after=body))
        assert 7 <= io.slept[0] <= 7.7


@pytest.mark.parametrize("seconds", [0, -1.0, float("inf"), float("nan")])
def test_a_wait_that_is_not_usable_is_ignored(seconds: float) -> None:
    io = FakeIO(*answers(503))
    flow(io, wait=tenacity.wait_none(), body_hints=says(retry_after=seconds))
    assert io.did.count("send") == 3


def test_a_wait_in_the_body_that_is_too_long_ends_the_request() -> None:
    io = FakeIO(*answers(429))
    assert flow(io, body_hints=says(retry_after=7200.0)).status_code == 429
    assert io.did == ["send"]


@pytest.mark.parametrize("status", [400, 404, 429, 503])
def test_a_no_in_the_body_ends_the_request(status: int) -> None:
    io = FakeIO(*answers(status))
    response = flow(io, body_hints=says(should_retry=False, reason="spent"))
    assert io.did == ["send"]
    (attempt,) = attempts_of(response)
    assert attempt.reason == f"{status}, spent, should_retry in the body: false"


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_yes_in_the_body_retries_whatever_status_and_method(status: int) -> None:
    io = FakeIO(*answers(status))
    flow(io, POST, body_hints=says(should_retry=True))
    assert io.did.count("send") == 3


def test_the_body_overrules_the_verdict_of_a_header() -> None:
    answer = httpx.Response(429, headers={"x-should-retry": "true"}, content=b"{}")
    io = FakeIO(answer)
    flow(io, body_hints=says(should_retry=False))
    assert io.did == ["send"]


def test_a_body_may_prove_that_the_request_was_not_processed() -> None:
    io = FakeIO(*answers(400))
    flow(io, POST, body_hints=says(unprocessed=True))
    assert io.did.count("send") == 3


@pytest.mark.parametrize(("status", "sends"), [(403, 3), (413, 3), (400, 1), (404, 1)])
def test_a_wait_after_403_and_413_means_that_the_request_was_refused(
    status: int, sends: int
) -> None:
    io = FakeIO(*answers(status))
    flow(io, POST, body_hints=says(retry_after=1.0))
    assert io.did.count("send") == sends


def test_throttling_in_the_body_makes_the_backoff_longer() -> None:
    throttled = tenacity.wait_fixed(9)
    io = FakeIO(*answers(500))
    wait = wait_transient(throttled=throttled, bridge=0)
    flow(io, wait=wait, body_hints=says(throttled=True))
    assert io.slept == [9, 9]


def test_of_several_readers_the_first_verdict_and_the_longest_wait_count() -> None:
    option = hints_in_body(
        lambda _: BodyHints(retry_after=2.0),
        lambda _: BodyHints(should_retry=True, retry_after=5.0),
        lambda _: BodyHints(should_retry=False),
        lambda _: None,
    )
    io = FakeIO(*answers(404, times=1), 200)
    flow(io, body_hints=option)
    assert 5 <= io.slept[0] <= 5.5


# Which bodies are read.


def test_successes_are_not_read_by_default() -> None:
    io = FakeIO(*answers(200))
    flow(io, body_hints=says(should_retry=True))
    assert io.did == ["send"]


def test_a_success_is_retried_if_its_status_is_named() -> None:
    io = FakeIO(*answers(200, AGAIN, times=1), *answers(200, times=1))
    response = flow(io, POST, body_hints=hints_in_body(graphql, statuses={200}))
    assert [each.outcome for each in attempts_of(response)] == [200, 200]
    assert response.content == b"{}"


def test_only_the_statuses_that_are_named_are_read() -> None:
    io = FakeIO(*answers(404))
    option = hints_in_body(lambda _: BodyHints(should_retry=True), statuses={200, 429})
    flow(io, body_hints=option)
    assert io.did == ["send"]


def test_a_verdict_in_the_headers_of_a_success_is_still_ignored() -> None:
    io = FakeIO(httpx.Response(200, headers={"x-should-retry": "true"}, content=b"{}"))
    flow(io, body_hints=hints_in_body(graphql, statuses={200}))
    assert io.did == ["send"]


def test_a_response_of_a_mock_that_is_too_long_or_unread_gives_no_hints() -> None:
    closed = httpx.Response(429, stream=httpx.ByteStream(b"{}"))
    closed.is_closed = True
    for answer in (httpx.Response(429, content=bytes(11)), closed):
        io = FakeIO(answer)
        option = hints_in_body(lambda _: BodyHints(should_retry=False), limit=10)
        flow(io, body_hints=option, stop=tenacity.stop_after_attempt(1))
        assert "should_retry" not in attempts_of(answer)[0].reason


# Options of one request.


def test_one_request_may_have_readers_of_its_own_or_none() -> None:
    own = {"body_hints": says(should_retry=False)}
    io = FakeIO(*answers(503))
    flow(io, httpx.Request("GET", "http://a", extensions={"retry": own}))
    assert io.did == ["send"]
    none = {"body_hints": None, "wait": tenacity.wait_none()}
    io = FakeIO(*answers(503))
    request = httpx.Request("GET", "http://a", extensions={"retry": none})
    flow(io, request, body_hints=says(should_retry=False))
    assert io.did.count("send") == 3


# Mistakes.


def test_an_exception_of_a_reader_is_logged_and_gives_no_hints(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def reader(answer: BodyAnswer) -> BodyHints | None:
        raise KeyError(answer.json()["error"])

    io = FakeIO(*answers(429, b"<html>"))
    flow(io, wait=tenacity.wait_none(), body_hints=hints_in_body(reader))
    assert io.did.count("send") == 3
    (record,) = caplog.records[:1]
    assert record.getMessage().startswith("a reader of hints in bodies raised")
    assert record.exc_info


@pytest.mark.parametrize("answer", [True, {"retry_after": 3}, 3.0])
def test_a_reader_that_returns_something_else_raises_in_the_request(
    answer: Any,
) -> None:
    def reader(_: BodyAnswer) -> Any:
        return answer

    io = FakeIO(*answers(429))
    with pytest.raises(TypeError, match="reader must return BodyHints or None; got"):
        flow(io, body_hints=hints_in_body(reader))
    assert io.did == ["send", "close"]


async def asynchronous(answer: BodyAnswer) -> BodyHints | None: ...


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((), {}, TypeError, "give a reader, as in"),
        ((3,), {}, TypeError, "a reader is a function of a BodyAnswer; got 3"),
        ((asynchronous,), {}, TypeError, "must not be asynchronous"),
        ((graphql,), {"statuses": 200}, TypeError, "statuses are codes"),
        ((graphql,), {"statuses": ()}, TypeError, "statuses are codes"),
        ((graphql,), {"statuses": {"200"}}, TypeError, "statuses are codes"),
        ((graphql,), {"statuses": {True}}, TypeError, "statuses are codes"),
        ((graphql,), {"statuses": {101}}, ValueError, "from 200 to 599"),
        ((graphql,), {"limit": 0}, ValueError, "limit is a whole number of bytes"),
        ((graphql,), {"limit": 1.5}, TypeError, "limit is a whole number of bytes"),
    ],
)
def test_an_option_is_checked_when_it_is_made(
    arguments: Any, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        hints_in_body(*arguments, **options)


@pytest.mark.parametrize("given", [google_errors, [google_errors], True])
def test_body_hints_must_be_made_by_hints_in_body(given: Any) -> None:
    with pytest.raises(TypeError, match="body_hints must be made by hints_in_body"):
        RetryingTransport(body_hints=given)


@pytest.mark.parametrize(
    "hints", [{"retry_after": "3"}, {"retry_after": True}, {"should_retry": "no"}]
)
def test_hints_are_checked_when_they_are_made(hints: Any) -> None:
    with pytest.raises(TypeError):
        BodyHints(**hints)


def test_an_answer_shows_no_content_and_parses_it_once() -> None:
    answer = BodyAnswer(429, {}, b'{"secret": 1}', GET)
    assert repr(answer) == "<BodyAnswer 429, 13 bytes>"
    assert answer.json() is answer.json()


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_content_that_is_no_json_is_none(content: bytes) -> None:
    assert BodyAnswer(429, {}, content, GET).json() is None


# On the wire.


async def stream(client: Any, url: str) -> Any:
    return await client.send(client.build_request("GET", url), stream=True)


async def raw(world: World, response: Any) -> bytes:
    return b"".join([chunk async for chunk in world.chunks(response)])


ENCODED = {
    "identity": SPENT,
    "gzip": gzip.compress(SPENT),
    "deflate": zlib.compress(SPENT),
    "gzip, gzip": gzip.compress(gzip.compress(SPENT)),
}


@pytest.mark.parametrize("coding", ENCODED)
async def test_an_encoded_body_is_read_decoded_and_given_as_it_was_sent(
    world: World, server: Server, coding: str
) -> None:
    server.play(reply(429, ENCODED[coding], content_encoding=coding))
    transport = world.transport(body_hints=hints_in_body(openai_errors))
    async with world.client(transport) as client:
        assert (await client.get(server.url)).content == SPENT
        assert await raw(world, await stream(client, server.url)) == ENCODED[coding]
    assert server.requests == 2


async def test_a_chunked_body_is_read(world: World, server: Server) -> None:
    server.play(drip(429, [SPENT[:9], SPENT[9:]]))
    transport = world.transport(body_hints=hints_in_body(openai_errors))
    async with world.client(transport) as client:
        response = await stream(client, server.url)
        assert not response.is_closed
        assert await world.read(response) == SPENT
    assert server.requests == 1


async def test_a_body_that_was_read_occupies_neither_connection_nor_permit(
    world: World, server: Server
) -> None:
    server.play(reply(429, SPENT), reply())
    inner = world.ours.ConcurrencyLimitingTransport(None, ConcurrencyLimit(1))
    transport = world.transport(inner, body_hints=hints_in_body(openai_errors))
    async with world.client(transport) as client:
        unread = await stream(client, server.url)
        assert (await client.get(server.url)).status_code == 200
        assert await raw(world, unread) == SPENT
    assert server.connections == 1


async def test_a_body_that_was_read_passes_layers_around(
    world: World, server: Server
) -> None:
    server.play(reply(429, SPENT))
    retrying = world.transport(body_hints=hints_in_body(openai_errors))
    transport = world.ours.ConcurrencyLimitingTransport(retrying, ConcurrencyLimit(1))
    async with world.client(transport) as client:
        for _ in range(2):
            assert await raw(world, await stream(client, server.url)) == SPENT


async def test_the_second_answer_of_a_success_is_streamed(
    world: World, server: Server
) -> None:
    body = gzip.compress(AGAIN)
    server.play(
        reply(200, body, content_encoding="gzip"), reply(200, b"rows"), reply(200)
    )
    option = hints_in_body(graphql, statuses={200})
    async with world.client(world.transport(body_hints=option)) as client:
        assert await raw(world, await stream(client, server.url)) == b"rows"
    assert server.requests == 2


@pytest.mark.parametrize("length", ["announced", "unknown"])
async def test_a_body_that_is_longer_gives_no_hints_and_is_whole(
    world: World, server: Server, length: str
) -> None:
    body = SPENT + b" " * 200_000
    server.play(
        reply(429, body) if length == "announced" else drip(429, [body, b" end"])
    )
    body += b" end" if length == "unknown" else b""
    transport = world.transport(
        body_hints=hints_in_body(openai_errors), stop=tenacity.stop_after_attempt(2)
    )
    async with world.client(transport) as client:
        assert (await client.get(server.url)).content == body
        assert await raw(world, await stream(client, server.url)) == body
    assert server.requests == 4


async def test_a_longer_body_may_be_closed_unread(world: World, server: Server) -> None:
    server.play(drip(404, [bytes(100_000), bytes(900_000)]), reply())
    transport = world.transport(body_hints=hints_in_body(openai_errors))
    async with world.client(transport) as client:
        response = await stream(client, server.url)
        await world.close(response)
        assert (await client.get(server.url)).status_code == 200


async def test_a_longer_body_of_the_library_s_own_transport_may_be_closed_unread(
    world: World, server: Server
) -> None:
    server.play(drip(404, [bytes(100_000), bytes(900_000)]), reply())
    option = hints_in_body(openai_errors)
    async with world.client(world.transport(world.http(), body_hints=option)) as client:
        response = await stream(client, server.url)
        await world.close(response)
        assert (await client.get(server.url)).status_code == 200


async def test_content_that_is_longer_when_decoded_gives_no_hints(
    world: World, server: Server
) -> None:
    content = SPENT + b" " * 200_000
    server.play(reply(429, gzip.compress(content), content_encoding="gzip"))
    transport = world.transport(body_hints=hints_in_body(openai_errors))
    async with world.client(transport) as client:
        assert (await client.get(server.url)).content == content
    assert server.requests == 3


async def test_the_limit_counts_each_byte(world: World, server: Server) -> None:
    server.play(drip(429, [SPENT]))
    for limit, requests in ((len(SPENT), 1), (len(SPENT) - 1, 3)):
        before = server.requests
        option = hints_in_body(openai_errors, limit=limit)
        async with world.client(world.transport(body_hints=option)) as client:
            assert (await client.get(server.url)).content == SPENT
        assert server.requests - before == requests


@pytest.mark.parametrize("coding", ["gzip", "unknown"])
async def test_content_that_cannot_be_decoded_gives_no_hints(
    world: World, server: Server, coding: str
) -> None:
    server.play(reply(429, SPENT, content_encoding=coding))
    transport = world.transport(body_hints=hints_in_body(openai_errors))
    async with world.client(transport) as client:
        assert await raw(world, await stream(client, server.url)) == SPENT
    assert server.requests == 3


async def test_an_empty_body_is_asked_about(world: World, server: Server) -> None:
    server.play(reply(429, content_encoding="gzip"))
    async with world.client(
        world.transport(body_hints=says(should_retry=False))
    ) as client:
        await client.request("HEAD", server.url)
    assert server.requests == 1


async def test_a_body_that_breaks_gives_no_hints_and_breaks_for_the_caller(
    world: World, server: Server
) -> None:
    server.play(close(head(429, {"content-length": "999"}) + SPENT))
    transport = world.transport(body_hints=hints_in_body(openai_errors))
    async with world.client(transport) as client:
        response = await stream(client, server.url)
        chunks = world.chunks(response)
        assert await anext(chunks) == SPENT
        with pytest.raises(world.library.RemoteProtocolError):
            await anext(chunks)
    assert server.requests == 3


async def test_a_body_that_stalls_gives_no_hints_and_times_out_for_the_caller(
    world: World, server: Server
) -> None:
    server.play(stall(head(404, {"content-length": "999"}) + SPENT))
    hints = says(should_retry=True)
    transport = world.transport(body_hints=hints, retry_response_body=False)
    async with world.client(transport, timeout=0.2) as client:
        with pytest.raises(world.library.ReadTimeout):
            await client.get(server.url)
    assert server.requests == 1


async def test_a_body_that_takes_too_long_gives_no_hints_and_is_whole(
    world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("httpx_resilient._layers.retry.peeking.PEEK_SECONDS", 0.02)
    pieces = [b"%d," % number for number in range(20)]
    server.play(drip(404, pieces, every=0.005))
    transport = world.transport(body_hints=says(should_retry=True))
    async with world.client(transport) as client:
        assert await raw(world, await stream(client, server.url)) == b"".join(pieces)
    assert server.requests == 1


@pytest.mark.parametrize(
    "kind", ["text/event-stream; charset=utf-8", "application/x-ndjson"]
)
async def test_a_stream_of_events_is_not_read(
    world: World, server: Server, kind: str
) -> None:
    server.play(drip(200, [b"data: 1\n\n"], every=0.0, content_type=kind))
    option = hints_in_body(lambda _: BodyHints(should_retry=True), statuses={200})
    async with world.client(world.transport(body_hints=option)) as client:
        assert await raw(world, await stream(client, server.url)) == b"data: 1\n\n"
    assert server.requests == 1


async def test_a_deadline_that_cuts_the_reading_releases_connection_and_permit(
    world: World, server: Server
) -> None:
    server.play(stall(head(429, {"content-length": "999"}) + SPENT), reply())
    transport = world.ours.DeadlineTransport(
        world.transport(
            world.ours.ConcurrencyLimitingTransport(None, ConcurrencyLimit(1)),
            body_hints=hints_in_body(openai_errors),
        ),
        0.2,
    )
    async with world.client(transport) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url)
        assert (await client.get(server.url)).status_code == 200


def test_a_body_that_was_read_in_time_can_be_read_after_the_deadline() -> None:
    with virtual_time() as clock:
        mock = httpx.MockTransport(
            lambda _: httpx.Response(404, stream=httpx.ByteStream(SPENT))
        )
        inner = RetryingTransport(mock, body_hints=hints_in_body(telegram_errors))
        transport = DeadlineTransport(inner, 5.0)
        with httpx.Client(transport=transport) as client:
            request = client.build_request("GET", "http://localhost/")
            response = client.send(request, stream=True)
            clock.advance(60)
            assert response.read() == SPENT


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_a_cancellation_while_reading_releases_connection_and_permit(
    world: World, server: Server
) -> None:
    server.play(stall(head(429, {"content-length": "999"}) + SPENT), reply())
    inner = world.ours.ConcurrencyLimitingTransport(None, ConcurrencyLimit(1))
    transport = world.transport(inner, body_hints=hints_in_body(openai_errors))
    async with world.client(transport) as client:
        with anyio.move_on_after(0.1):
            await client.get(server.url)
        assert (await client.get(server.url)).status_code == 200


async def test_readers_of_a_standard_transport(world: World, server: Server) -> None:
    server.play(reply(429, SPENT))
    options = {"body_hints": hints_in_body(openai_errors)}
    async with world.client(world.ours.standard_transport(retry=options)) as client:
        response = await stream(client, server.url)
        assert await raw(world, response) == SPENT
    assert server.requests == 1
