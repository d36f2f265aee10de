"""Another attempt at a body among other layers, clients' own logic, and cancellations."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import anyio
import httpx
import pytest
from support.h2_server import H2Server
from support.server import Server, close, head, reply, stall
from support.world import QUICK, World, in_async

from httpx_resilient import (
    CircuitBreaker,
    attempts_of,
    explain,
    retry_if_status,
)

pytestmark = pytest.mark.anyio

WHOLE = b"0123456789" * 100


def start(status: int = 200, **headers: str) -> Any:
    """Answer, and break in the body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return close(head(status, {"content-length": "1000", **named}) + WHOLE[:300])


async def opened(client: Any, url: str) -> Any:
    return await client.send(client.build_request("GET", url), stream=True)


class TestAnswer:
    """What a client has acted on is not replaced by something else."""

    @pytest.mark.parametrize("status", [404, 206, 503, 302])
    async def test_of_another_status_is_not_given_for_the_first_one(
        self, world: World, server: Server, status: int
    ) -> None:
        server.play(start(), reply(status, b"other"))
        async with world.client() as client:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.get(server.url)
            history = [each.outcome for each in attempts_of(caught.value)]
            assert history[:2] == [world.library.RemoteProtocolError, status]
            (note,) = [each for each in caught.value.__notes__ if "answered" in each]
            assert note.startswith(f"the next attempt was answered by {status}: ")
            server.play(reply(200, WHOLE))
            assert (await client.get(server.url)).content == WHOLE
        assert server.connections == 2  # the answer was drained, or read to its end

    async def test_of_the_same_failed_status_is_given(
        self, world: World, server: Server
    ) -> None:
        server.play(start(404), reply(404, WHOLE, x_answer="second"))
        async with world.client() as client:
            response = await client.get(server.url)
        assert (response.status_code, response.content) == (404, WHOLE)
        assert response.headers["x-answer"] == "second"

    @pytest.mark.parametrize("place", ["/a", "/b"])
    async def test_of_a_redirect_leads_to_the_same_place(
        self, world: World, server: Server, place: str
    ) -> None:
        server.play(
            start(302, location="/a"), reply(302, b"x", location=place), reply(200)
        )
        async with world.client(follow_redirects=True) as client:
            if place == "/a":
                response = await client.get(server.url)
                assert response.url.path == "/a"
                assert [each.content for each in response.history] == [b"x"]
            else:
                with pytest.raises(world.library.RemoteProtocolError):
                    await client.get(server.url)

    async def test_is_seen_by_hooks_once(self, world: World, server: Server) -> None:
        server.play(start(x_answer="first"), reply(200, WHOLE, x_answer="second"))
        seen: list[Any] = []

        async def hook(response: Any) -> None:
            seen.append((response, response.headers["x-answer"]))

        hooks = [lambda r: seen.append((r, r.headers["x-answer"]))]
        given = {"response": hooks if world.sync else [hook]}
        async with world.client(event_hooks=given) as client:
            response = await client.get(server.url)
        assert seen == [(response, "first")]
        assert response.headers["x-answer"] == "second"

    async def test_of_authentication_is_read_whole(
        self, world: World, server: Server
    ) -> None:
        digest = {"www_authenticate": 'Digest realm="r", nonce="n", qop="auth"'}
        server.play(
            start(401, **digest), reply(401, b"no", **digest), reply(200, b"in")
        )
        auth = world.library.DigestAuth("user", "word")
        async with world.client() as client:
            response = await client.get(server.url, auth=auth)
        assert response.content == b"in"
        assert [each.content for each in response.history] == [b"no"]


class TestLayers:
    async def test_around_limit_the_next_attempt_too(
        self, world: World, server: Server
    ) -> None:
        server.play(start(), stall(head(200, {"content-length": "1000"})))
        inner = world.transport()
        transport = world.ours.DeadlineTransport(inner, total=1.0)
        async with world.client(transport) as client:
            with pytest.raises(world.ours.DeadlineExceeded) as caught:
                await client.get(server.url)
        assert server.requests == 2
        assert "300 bytes of the body" in explain(caught.value)

    async def test_around_cut_an_attempt_that_has_no_headers(
        self, world: World, server: Server
    ) -> None:
        server.play(start(), stall())
        transport = world.ours.DeadlineTransport(world.transport(), total=1.0)
        async with world.client(transport) as client:
            with pytest.raises(world.ours.DeadlineExceeded) as caught:
                await client.get(server.url)
        outcomes = [each.outcome for each in attempts_of(caught.value)]
        assert outcomes[0] is world.library.RemoteProtocolError
        assert len(outcomes) == 2

    async def test_inside_hear_of_each_break(
        self, world: World, server: Server
    ) -> None:
        server.play(start(), start(), start())
        breaker = CircuitBreaker(minimum_calls=3, failure_rate=1.0)
        transport = world.transport(world.ours.CircuitBreakingTransport(None, breaker))
        async with world.client(transport) as client:
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)
            with pytest.raises(world.ours.CircuitOpen):
                await client.get(server.url)
        assert server.requests == 3

    async def test_inside_hear_of_an_encoding_that_ends_early(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(200, b"\x1f\x8b", content_encoding="gzip"))
        breaker = CircuitBreaker(minimum_calls=1)
        transport = world.transport(world.ours.CircuitBreakingTransport(None, breaker))
        async with world.client(transport) as client:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.get(server.url)
        assert server.requests == 1
        (note,) = [each for each in caught.value.__notes__ if "refused" in each]
        assert note.startswith("the next attempt was refused on this side: ")

    @pytest.mark.parametrize("failing", ["body", "status"])
    async def test_of_two_retries_each_has_its_own_failures(
        self, world: World, server: Server, failing: str
    ) -> None:
        first = start(202) if failing == "body" else reply(202, b"not yet")
        server.play(first, reply(202, b"not yet"), start(), start(), reply(200, WHOLE))
        inside = world.transport()
        transport = world.transport(
            inside, retry=retry_if_status(202), retry_response_body=failing == "status"
        )
        async with world.client(transport) as client:
            response = await client.get(server.url)
        assert response.content == WHOLE
        outcomes = [each.outcome for each in attempts_of(response)]
        broke = world.library.RemoteProtocolError
        assert outcomes == [202, 202, broke, broke, 200]

    async def test_of_the_standard_stack_work_together(
        self, world: World, server: Server
    ) -> None:
        server.play(start(), start(), reply(200, WHOLE))
        hedging = {} if world.sync else {"hedging": True}
        transport = world.ours.standard_transport(
            retry=QUICK, concurrency=True, throttle=True, **hedging
        )
        async with world.client(transport) as client:
            response = await client.get(server.url)
        assert (response.content, len(attempts_of(response))) == (WHOLE, 3)

    async def test_of_others_may_answer_by_a_class_of_their_own(
        self, world: World, server: Server
    ) -> None:
        class Own(world.library.Response):  # type: ignore[misc,name-defined]  # of either library
            def read(self) -> bytes:
                return b"own " + super().read()

            async def aread(self) -> bytes:
                return b"own " + await super().aread()

        inner = world.transport()

        class Rebuilding(type(inner)):  # type: ignore[misc]  # of either library
            """A cache, for example: its response is another one."""

            async def handle_async_request(self, request: Any) -> Any:
                return self.again(await super().handle_async_request(request))

            def handle_request(self, request: Any) -> Any:
                return self.again(super().handle_request(request))

            def again(self, response: Any) -> Any:
                return Own(
                    response.status_code,
                    headers=response.headers,
                    stream=response.stream,
                )

        server.play(start(), reply(200, WHOLE))
        async with world.client(Rebuilding(**QUICK)) as client:
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)  # as without the layer
            response = await opened(client, server.url)
            assert await world.read(response) == b"own " + WHOLE
        server.play(start(), reply(200, WHOLE))
        transport = world.transport(Rebuilding(retry=lambda _: False))
        async with world.client(transport) as client:
            response = await opened(client, server.url)
            assert await world.read(response) == b"own " + WHOLE


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
                    while server.requests < 2:
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
    from support.fake_io import FakeIO, run_flow  # noqa: PLC0415 - only here

    from httpx_resilient import RetryingTransport  # noqa: PLC0415 - only here

    class Foreign:
        status_code, is_closed, stream = 200, False, b""

        def __init__(self) -> None:
            self.extensions: dict[str, Any] = {}

    foreign: Any = Foreign()
    request = httpx.Request("GET", "https://a/")
    assert run_flow(RetryingTransport(), request, FakeIO(foreign)) is foreign
    assert not {"read", "aread"} & vars(foreign).keys()
