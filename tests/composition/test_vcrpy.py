"""vcrpy patches the class of the inner transport, and so records every attempt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import vcr
from support.server import Server, reply, reset
from support.world import World
from vcr.errors import CannotOverwriteExistingCassetteException

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def tape(tmp_path: Path) -> str:
    return str(tmp_path / "cassette.yaml")


async def put(world: World, url: str) -> Any:
    async with world.client() as client:
        return await client.put(url, content=b"body")


def outcomes_of(response: Any) -> list[str]:
    return [str(attempt) for attempt in attempts_of(response)]


async def test_all_attempts_are_recorded_with_their_bodies(
    world: World, server: Server, tape: str
) -> None:
    server.play(reply(503, b"one"), reply(429, b"two"), reply(200, b"three"))
    with vcr.use_cassette(tape) as cassette:
        await put(world, server.url)
        # Check before the cassette is saved, which turns bytes into text if possible.
        assert [request.body for request in cassette.requests] == [b"body"] * 3
        assert [
            (recorded["status"]["code"], recorded["body"]["string"])
            for recorded in cassette.responses
        ] == [(503, b"one"), (429, b"two"), (200, b"three")]


async def test_all_attempts_are_replayed_in_order_without_a_server(
    world: World, server: Server, tape: str
) -> None:
    server.play(reply(503), reply(429), reply(200, b"finally"))
    with vcr.use_cassette(tape):
        await put(world, server.url)
    server.stop()

    with vcr.use_cassette(tape, record_mode="none") as cassette:
        response = await put(world, server.url)
    assert response.content == b"finally"
    assert outcomes_of(response) == ["503", "429", "200"]
    assert cassette.all_played


async def test_an_attempt_without_a_response_is_not_replayed(
    world: World, server: Server, tape: str
) -> None:
    """A cassette contains only responses: vcrpy does not record errors."""
    server.play(reset(), reply(200))
    with vcr.use_cassette(tape):
        assert outcomes_of(await put(world, server.url)) == ["ReadError", "200"]
    server.stop()

    with vcr.use_cassette(tape, record_mode="none"):
        assert outcomes_of(await put(world, server.url)) == ["200"]


async def test_a_request_that_is_not_on_the_cassette_is_not_retried(
    world: World, server: Server, tape: str
) -> None:
    with vcr.use_cassette(tape, record_mode="none"):
        with pytest.raises(CannotOverwriteExistingCassetteException) as caught:
            await put(world, server.url)
    assert len(attempts_of(caught.value)) == 1
    assert server.requests == 0
