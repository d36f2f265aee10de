"""The answer of another attempt at a body, and the response that the caller holds."""

from __future__ import annotations

from typing import Any

import pytest
from support.server import Server, close, head, reply
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

WHOLE = b"0123456789" * 100


def start(status: int = 200, **headers: str) -> Any:
    """Answer, and break in the body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return close(head(status, {"content-length": "1000", **named}) + WHOLE[:300])


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
