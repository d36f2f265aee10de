"""Redirects, authentication, cookies and hooks of a client around the transport."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
import tenacity
from support.server import Received, Server, reply
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio


def request_lines(server: Server) -> list[str]:
    return [f"{request.method} {request.target}" for request in server.received]


class TestRedirects:
    async def test_each_hop_is_retried(self, world: World, server: Server) -> None:
        server.play(
            reply(503),
            reply(302, location="/b"),
            reply(503),
            reply(503),
            reply(302, location="/c"),
            reply(503),
            reply(200, b"finally"),
        )
        async with world.client(follow_redirects=True) as client:
            response = await client.get(server.url + "a")
        assert response.content == b"finally"
        assert request_lines(server) == ["GET /a"] * 2 + ["GET /b"] * 3 + ["GET /c"] * 2

    async def test_each_hop_has_its_own_attempts(
        self, world: World, server: Server
    ) -> None:
        server.play(
            reply(503), reply(302, location="/b"), reply(503), reply(503), reply()
        )
        async with world.client(follow_redirects=True) as client:
            response = await client.get(server.url)
        assert [len(attempts_of(r)) for r in response.history] == [2]
        assert len(attempts_of(response)) == 3

    async def test_a_303_turns_a_post_into_a_get_that_may_be_repeated(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(303, location="/b"), reply(503), reply(503), reply())
        async with world.client(follow_redirects=True) as client:
            await client.post(server.url + "a", content=b"data")
        assert request_lines(server) == ["POST /a", "GET /b", "GET /b", "GET /b"]
        assert server.bodies == [b"data", b"", b"", b""]

    async def test_a_307_preserves_method_and_body_on_every_attempt(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply(307, location="/b"), reply(503), reply())
        async with world.client(follow_redirects=True) as client:
            await client.put(server.url + "a", content=b"data")
        assert request_lines(server) == ["PUT /a", "PUT /a", "PUT /b", "PUT /b"]
        assert server.bodies == [b"data"] * 4

    async def test_a_post_after_a_307_is_not_repeated(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(307, location="/b"), reply(503))
        async with world.client(follow_redirects=True) as client:
            response = await client.post(server.url + "a", content=b"data")
        assert response.status_code == 503
        assert request_lines(server) == ["POST /a", "POST /b"]

    async def test_a_redirect_that_is_not_followed_is_returned(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply(302, location="/b"))
        async with world.client() as client:
            response = await client.get(server.url)
        assert (response.status_code, server.requests) == (302, 2)


CHALLENGE = reply(
    401, www_authenticate='Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
)


def directive(request: Received, name: str) -> str:
    found = re.search(rf'\b{name}="?([^",]+)', request.headers["authorization"])
    assert found, name
    return found[1]


class TestDigestAuth:
    async def digest(self, world: World, server: Server, times: int = 1) -> Any:
        auth = world.library.DigestAuth("user", "secret")
        async with world.client(auth=auth) as client:
            for _ in range(times):
                response = await client.get(server.url)
        return response

    async def test_both_requests_of_digest_auth_are_retried(
        self, world: World, server: Server
    ) -> None:
        server.play(
            reply(503),
            reply(503),
            CHALLENGE,
            reply(503),
            reply(503),
            reply(200, b"finally"),
        )
        response = await self.digest(world, server)
        assert response.content == b"finally"
        authorized = ["authorization" in r.headers for r in server.received]
        assert authorized == [False] * 3 + [True] * 3

    async def test_a_retry_repeats_the_nonce_count(
        self, world: World, server: Server
    ) -> None:
        """A server that enforces RFC 7616 §3.4 answers the retry with 401, not 200."""
        server.play(CHALLENGE, reply(503), reply(200))
        await self.digest(world, server)
        _, first, retry = server.received
        assert directive(first, "nc") == directive(retry, "nc") == "00000001"
        assert first.headers["authorization"] == retry.headers["authorization"]

    async def test_the_next_request_increments_the_nonce_count(
        self, world: World, server: Server
    ) -> None:
        server.play(CHALLENGE, reply(503), reply(200), reply(503), reply(200))
        await self.digest(world, server, times=2)
        counts = [directive(r, "nc")[-1] for r in server.received[1:]]
        assert counts == ["1", "1", "2", "2"]

    async def test_a_401_is_not_retried(self, world: World, server: Server) -> None:
        server.play(CHALLENGE)
        response = await self.digest(world, server)
        assert response.status_code == 401
        assert server.requests == 2

    async def test_a_body_is_the_same_on_both_hops_and_all_attempts(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), CHALLENGE, reply(503), reply(200))
        auth = world.library.DigestAuth("user", "secret")
        async with world.client(auth=auth) as client:
            await client.put(server.url, content=b"data")
        assert server.bodies == [b"data"] * 4


class TestCookies:
    async def test_cookies_of_the_accepted_response_are_stored(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply(200, set_cookie="stored=1"), reply())
        async with world.client() as client:
            await client.get(server.url)
            await client.get(server.url)
        assert server.received[-1].headers["cookie"] == "stored=1"

    async def test_cookies_of_a_discarded_503_are_not_stored(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503, set_cookie="lost=1"), reply(), reply())
        async with world.client() as client:
            await client.get(server.url)
            await client.get(server.url)
        assert all("cookie" not in request.headers for request in server.received)

    async def test_cookies_of_a_final_503_are_stored(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply(503), reply(503, set_cookie="stored=1"), reply())
        async with world.client() as client:
            await client.get(server.url)
            await client.get(server.url)
        assert server.received[-1].headers["cookie"] == "stored=1"

    async def test_cookies_of_the_client_are_sent_on_every_attempt(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply(503), reply())
        async with world.client(cookies={"session": "1"}) as client:
            await client.get(server.url)
        assert [r.headers["cookie"] for r in server.received] == ["session=1"] * 3


class TestHooks:
    async def test_each_hook_fires_once_and_sees_the_last_response(
        self, world: World, server: Server
    ) -> None:
        seen: list[Any] = []

        async def on_request(request: Any) -> None:
            seen.append(request.method)

        async def on_response(response: Any) -> None:
            seen.append(response.status_code)

        hooks: dict[str, Any] = {"request": [on_request], "response": [on_response]}
        if world.sync:
            hooks = {
                "request": [lambda request: seen.append(request.method)],
                "response": [lambda response: seen.append(response.status_code)],
            }
        server.play(reply(503), reply(503), reply(200))
        async with world.client(event_hooks=hooks) as client:
            await client.get(server.url)
        assert seen == ["GET", 200]
        assert server.requests == 3


class TestElapsed:
    async def test_elapsed_spans_all_attempts_and_the_waits_between_them(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply(503), reply(200))
        transport = world.transport(wait=tenacity.wait_fixed(0.05))
        async with world.client(transport) as client:
            response = await client.get(server.url)
        attempts = attempts_of(response)
        assert [attempt.wait for attempt in attempts] == [0.05, 0.05, 0.0]
        spent = sum(attempt.wait + attempt.duration for attempt in attempts)
        assert response.elapsed.total_seconds() >= spent


async def test_a_file_is_sent_whole_again_after_a_redirect(
    world: World, server: Server
) -> None:
    """Only multipart: the client does not rewind other files after a redirect."""
    server.play(reply(503), reply(307, location="/b"), reply(503), reply())
    async with world.client(follow_redirects=True) as client:
        await client.put(server.url, files={"file": io.BytesIO(b"data" * 1000)})
    assert len(set(server.bodies)) == 1
    assert b"data" * 1000 in server.bodies[0]
