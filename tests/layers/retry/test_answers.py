"""A refusal on this side never replaces the answer that the server has given."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import tenacity
from support.fake_io import FakeIO, run_flow
from support.server import Server, drip, reply, reset, stall
from support.world import QUICK, World

from httpx_resilient import (
    CircuitBreaker,
    CircuitOpen,
    ConcurrencyLimit,
    DeadlineExceeded,
    RateLimit,
    RateLimitExceeded,
    RequestThrottled,
    RetryingTransport,
    Stage,
    attempts_of,
    explain,
    retry_if_status,
)
from httpx_resilient.events import GaveUp

pytestmark = pytest.mark.anyio

GET = httpx.Request("GET", "https://example.org/")


def breaking(world: World, inner: Any = None, **options: Any) -> Any:
    """A retry around a circuit that opens with the first failure."""
    breaker = CircuitBreaker(minimum_calls=1)
    transport = world.ours.CircuitBreakingTransport(inner, breaker)
    return world.transport(transport, **options)


class Once(Stage):
    """Refuses all requests but the first."""

    def __init__(self, refuse: Callable[[str], Exception]) -> None:
        self.refuse, self.is_used = refuse, False

    def before(self, context: Any) -> None:
        if self.is_used:
            raise self.refuse("used up")
        self.is_used = True


class TestTheAnswer:
    async def test_is_returned_with_status_headers_and_body(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503, b"maintenance", x_why="upgrade"))
        async with world.client(breaking(world)) as client:
            response = await client.get(server.url)
        assert (response.status_code, response.content) == (503, b"maintenance")
        assert response.headers["x-why"] == "upgrade"
        assert server.requests == 1

    async def test_is_unread_in_a_stream(self, world: World, server: Server) -> None:
        server.play(reply(503, b"maintenance"))
        async with world.client(breaking(world)) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            assert not response.is_closed
            assert [each async for each in world.chunks(response)] == [b"maintenance"]
            assert response.is_closed

    async def test_is_decoded_where_the_server_has_encoded_it(
        self, world: World, server: Server
    ) -> None:
        text = b"maintenance " * 100
        server.play(reply(503, gzip.compress(text), content_encoding="gzip"))
        async with world.client(breaking(world)) as client:
            assert (await client.get(server.url)).content == text

    async def test_has_a_body_of_unknown_length(
        self, world: World, server: Server
    ) -> None:
        server.play(drip(503, [b"main", b"tenance"]))
        async with world.client(breaking(world)) as client:
            assert (await client.get(server.url)).content == b"maintenance"

    async def test_can_be_closed_unread(self, world: World, server: Server) -> None:
        server.play(reply(503, b"maintenance"))
        async with world.client(breaking(world)) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            await world.close(response)
            assert response.is_closed

    async def test_occupies_neither_a_connection_nor_a_permit(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503, b"maintenance"))
        breaker, limit = CircuitBreaker(minimum_calls=1), ConcurrencyLimit(1)
        pool = world.ours.PoolingTransport(
            limits=world.library.Limits(max_connections=1)
        )
        inner = world.ours.CircuitBreakingTransport(
            world.ours.ConcurrencyLimitingTransport(pool, limit), breaker
        )
        async with world.client(world.transport(inner)) as client:
            request = client.build_request("GET", server.url)
            unread = await client.send(request, stream=True)
            breaker.reset(server.url)
            server.play(reply(200, b"back"))
            assert (await client.get(server.url)).content == b"back"
            assert await world.read(unread) == b"maintenance"
        assert server.connections == 1

    async def test_of_a_mock_is_the_same_object(self, world: World) -> None:
        answer = world.library.Response(503, content=b"maintenance")
        async with world.client(
            breaking(world, world.mock(lambda _: answer))
        ) as client:
            response = await client.get("http://localhost/")
        assert response is answer
        assert response.content == b"maintenance"

    async def test_is_that_of_the_last_attempt_which_had_one(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(500, b"one"), reply(503, b"two"))
        breaker = CircuitBreaker(minimum_calls=2)
        inner = world.ours.CircuitBreakingTransport(None, breaker)
        async with world.client(world.transport(inner)) as client:
            assert (await client.get(server.url)).content == b"two"

    async def test_is_none_if_a_later_attempt_has_failed_at_the_server(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reset())
        breaker = CircuitBreaker(minimum_calls=2)
        inner = world.ours.CircuitBreakingTransport(None, breaker)
        async with world.client(world.transport(inner)) as client:
            with pytest.raises(world.ours.CircuitOpen) as caught:
                await client.get(server.url)
        (note,) = caught.value.__notes__
        assert "503, ReadError, CircuitOpen" in note

    @pytest.mark.parametrize("length", ["announced", "unknown"])
    async def test_is_named_in_a_note_if_its_body_is_too_long_to_keep(
        self, world: World, server: Server, length: str
    ) -> None:
        body = bytes(200_000)
        server.play(
            reply(503, body) if length == "announced" else drip(503, [body, b"end"])
        )
        async with world.client(breaking(world)) as client:
            with pytest.raises(world.ours.CircuitOpen) as caught:
                await client.get(server.url)
        (note,) = caught.value.__notes__
        assert "503, CircuitOpen" in note

    async def test_is_named_in_a_note_if_its_body_does_not_come_in_time(
        self, world: World, server: Server
    ) -> None:
        server.play(stall(b"HTTP/1.1 503 X\r\ncontent-length: 9\r\n\r\nmain"))
        async with world.client(breaking(world)) as client:
            with pytest.raises(world.ours.CircuitOpen):
                await client.get(server.url)


class TestTheRefusal:
    async def test_of_a_rate_limit_leaves_the_answer(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503, b"busy"))
        limit = RateLimit(1, 60, max_wait=0)
        inner = world.ours.RateLimitingTransport(None, limit)
        async with world.client(world.transport(inner)) as client:
            assert (await client.get(server.url)).content == b"busy"

    async def test_of_a_stage_of_the_user_leaves_the_answer(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503, b"busy"))
        stage = Once(world.library.TransportError)
        inner = world.ours.StageTransport(stage)
        async with world.client(world.transport(inner)) as client:
            assert (await client.get(server.url)).content == b"busy"

    async def test_by_a_mistake_in_a_stage_is_raised(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503, b"busy"))
        inner = world.ours.StageTransport(Once(ValueError))
        async with world.client(world.transport(inner)) as client:
            with pytest.raises(ValueError, match="used up"):
                await client.get(server.url)

    async def test_at_the_first_attempt_is_raised(
        self, world: World, server: Server
    ) -> None:
        breaker = CircuitBreaker()
        breaker.force_open(server.url)
        inner = world.ours.CircuitBreakingTransport(None, breaker)
        async with world.client(world.transport(inner)) as client:
            with pytest.raises(world.ours.CircuitOpen):
                await client.get(server.url)

    async def test_is_in_the_history_and_in_the_event(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503, b"busy"))
        seen: list[Any] = []
        async with world.client(breaking(world, on_event=seen.append)) as client:
            response = await client.get(server.url)
        answered, refused = attempts_of(response)
        assert (answered.outcome, answered.reason) == (503, "503")
        assert refused.outcome is world.ours.CircuitOpen
        assert refused.reason == "CircuitOpen, so the 503 before it is returned"
        head, _, last = explain(response).splitlines()
        assert ": 503 at the first attempt" in head
        assert "CircuitOpen" in last
        (gave_up,) = [each for each in seen if isinstance(each, GaveUp)]
        assert gave_up.reason == refused.reason
        assert gave_up.attempts == (answered, refused)

    async def test_does_not_confuse_the_history_of_a_retry_around(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503, b"busy"))
        around = world.transport(
            breaking(world),
            retry=retry_if_status(503)
            | tenacity.retry_if_exception_type(world.ours.CircuitOpen),
            stop=tenacity.stop_after_attempt(2),
        )
        async with world.client(around) as client:
            response = await client.get(server.url)
        assert response.content == b"busy"
        assert [str(each) for each in attempts_of(response)] == [
            "503", "CircuitOpen", "CircuitOpen",
        ]  # fmt: skip


def unsent(*script: Any, **options: Any) -> Any:
    transport = RetryingTransport(**{**QUICK, **options})
    return run_flow(transport, GET, FakeIO(*script))


@pytest.mark.parametrize(
    "refusal",
    [
        CircuitOpen("open"),
        RateLimitExceeded("late"),
        RequestThrottled("often"),
        httpx.PoolTimeout("full"),
    ],
    ids=lambda refusal: type(refusal).__name__,
)
def test_every_refusal_leaves_the_answer(refusal: Exception) -> None:
    answer = httpx.Response(503)
    assert unsent(answer, refusal) is answer


@pytest.mark.parametrize(
    "failure",
    [DeadlineExceeded("sent"), httpx.ConnectError("down"), httpx.ReadTimeout("slow")],
    ids=lambda failure: type(failure).__name__,
)
def test_no_failure_of_the_server_is_replaced_by_an_earlier_answer(
    failure: Exception,
) -> None:
    with pytest.raises(type(failure)):
        unsent(503, failure, stop=tenacity.stop_after_attempt(2))


def test_a_refusal_that_the_policy_retries_leaves_the_answer_in_the_end() -> None:
    answer = httpx.Response(503)
    retry = tenacity.retry_if_exception_type(CircuitOpen)
    retry = tenacity.retry_any(retry, tenacity.retry_if_result(lambda _: True))
    io = answer, CircuitOpen("open"), CircuitOpen("open")
    assert unsent(*io, retry=retry) is answer


def test_an_answer_after_a_refusal_replaces_the_one_before_it() -> None:
    last = httpx.Response(500)
    retry = tenacity.retry_any(
        tenacity.retry_if_exception_type(CircuitOpen),
        tenacity.retry_if_result(lambda _: True),
    )
    stop = tenacity.stop_after_attempt(4)
    script = 503, CircuitOpen("open"), last, CircuitOpen("open")
    assert unsent(*script, retry=retry, stop=stop) is last


DIGEST = 'Digest username="u", nonce="abc", qop=auth, nc={}, response="d"'
ONCE = [DIGEST.format("00000001"), 'OAuth oauth_token="t", oauth_nonce="n"']


class TestAuthorizationThatIsAcceptedOnce:
    """A 401 to the second attempt would say that the password is wrong."""

    @pytest.mark.parametrize("authorization", ONCE)
    async def test_leaves_the_answer_to_the_first_attempt(
        self, world: World, server: Server, authorization: str
    ) -> None:
        server.play(reply(503, b"busy"), reply(401, b"again"), reply(200, b"next"))
        async with world.client() as client:
            headers = {"Authorization": authorization}
            response = await client.get(server.url, headers=headers)
            assert (response.status_code, response.content) == (503, b"busy")
            assert (await client.get(server.url)).content == b"next"
        assert [each.outcome for each in attempts_of(response)] == [503, 401]
        assert "so the 503 before it is returned" in explain(response)
        assert server.connections == 1

    @pytest.mark.parametrize(
        "authorization", [DIGEST.format("0000000a"), "Basic dTpw", "Bearer token"]
    )
    def test_any_other_401_is_returned(self, authorization: str) -> None:
        request = httpx.Request(
            "GET", "http://a", headers={"Authorization": authorization}
        )
        io = FakeIO(503, 401)
        assert run_flow(RetryingTransport(**QUICK), request, io).status_code == 401

    def test_a_401_to_an_authorization_that_a_hook_renews_is_returned(self) -> None:
        request = httpx.Request("GET", "http://a", headers={"Authorization": ONCE[0]})
        transport = RetryingTransport(**QUICK, before_sleep=lambda _: None)
        assert run_flow(transport, request, FakeIO(503, 401)).status_code == 401

    def test_without_an_answer_before_it_the_401_is_returned(self) -> None:
        request = httpx.Request("GET", "http://a", headers={"Authorization": ONCE[0]})
        io = FakeIO(httpx.ReadTimeout("slow"), 401)
        assert run_flow(RetryingTransport(**QUICK), request, io).status_code == 401
