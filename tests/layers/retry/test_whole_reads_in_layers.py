"""Another attempt at a body among other layers: around, inside, and of others."""

from __future__ import annotations

from typing import Any

import pytest
from support.server import Server, close, head, reply, stall
from support.world import QUICK, World

from httpx_resilient import CircuitBreaker, attempts_of, explain, retry_if_status

pytestmark = pytest.mark.anyio

WHOLE = b"0123456789" * 100


def start(status: int = 200) -> Any:
    """Answer, and break in the body."""
    return close(head(status, {"content-length": "1000"}) + WHOLE[:300])


async def opened(client: Any, url: str) -> Any:
    return await client.send(client.build_request("GET", url), stream=True)


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

    async def test_around_watch_what_a_retry_inside_has_read(
        self, world: World, server: Server
    ) -> None:
        server.play(
            reply(202, b"not yet"),
            start(),
            reply(202, b"not yet"),
            start(),
            reply(200, WHOLE),
        )
        transport = world.transport(world.transport(retry=retry_if_status(202)))
        async with world.client(transport) as client:
            response = await client.get(server.url)
        assert response.content == WHOLE
        outcomes = [each.outcome for each in attempts_of(response)]
        broke = world.library.RemoteProtocolError
        assert outcomes == [202, broke, 202, broke, 200]

    @pytest.mark.parametrize("encoding", ["identity", "gzip"])
    async def test_inside_may_be_none(
        self, world: World, server: Server, encoding: str
    ) -> None:
        first = reply(200, b"\x1f\x8b", content_encoding="gzip")
        server.play(start() if encoding == "identity" else first, reply(200, WHOLE))
        async with world.client(world.transport(world.http())) as client:
            assert (await client.get(server.url)).content == WHOLE
        assert server.requests == 2

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
