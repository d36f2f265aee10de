"""A body that ends before its encoding does is a broken one, on every kind of connection."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from support.server import Server, Step, drip, head, raw, reply
from support.world import World

pytestmark = pytest.mark.anyio

WHOLE = b"0123456789" * 100
GZIP = gzip.compress(WHOLE, mtime=0)
CUT = reply(200, GZIP[:-8], content_encoding="gzip")


async def opened(client: Any, url: str) -> Any:
    return await client.send(client.build_request("GET", url), stream=True)


async def collect(world: World, response: Any, got: list[bytes]) -> None:
    if world.sync:
        for chunk in response.iter_bytes():
            got.append(chunk)  # noqa: PERF402 - what came before an error counts
    else:
        async for chunk in response.aiter_bytes():
            got.append(chunk)  # noqa: PERF401 - what came before an error counts


async def test_an_encoding_that_ends_early_is_read_as_before_without_the_option(
    world: World, server: Server
) -> None:
    server.play(CUT)
    async with world.client(world.transport(complete=False)) as client:
        assert (await client.get(server.url)).content == WHOLE
    assert server.requests == 1


async def test_a_stream_ends_where_its_encoding_does_not(
    world: World, server: Server, connections: str
) -> None:
    server.play(CUT)
    text = (
        r"the body ended before its encoding did: gzip is not complete after 33 bytes"
    )
    text = text.replace("33", str(len(GZIP) - 8))
    async with world.client() as client:
        response = await opened(client, server.url)
        got: list[bytes] = []
        with pytest.raises(world.library.RemoteProtocolError, match=text):
            await collect(world, response, got)
        await world.close(response)
        assert b"".join(got) == WHOLE
        # Without a decoder there is nothing to look at.
        response = await opened(client, server.url)
        assert b"".join([each async for each in world.chunks(response)]) == GZIP[:-8]
    assert server.requests == 2


@pytest.mark.parametrize(
    ("method", "step"),
    [
        ("HEAD", raw(head(200, {"content-encoding": "gzip", "content-length": "9"}))),
        ("GET", raw(head(204, {"content-encoding": "gzip"}))),
        ("GET", raw(head(304, {"content-encoding": "gzip"}))),
        ("GET", reply(200, b"", content_encoding="gzip")),
        ("GET", drip(200, [], content_encoding="br, gzip")),
    ],
)
async def test_an_empty_body_is_whole_in_any_encoding(
    world: World, server: Server, method: str, step: Step
) -> None:
    server.play(step)
    async with world.client() as client:
        assert (await client.request(method, server.url)).content == b""
    assert server.requests == 1


@pytest.mark.parametrize("told", [f"bytes 0-29/{len(GZIP)}", "bytes 0-29/*", "nothing"])
async def test_a_range_that_the_caller_has_asked_for_may_end_before_its_encoding(
    world: World, server: Server, told: str
) -> None:
    server.play(reply(206, GZIP[:30], content_encoding="gzip", content_range=told))
    async with world.client() as client:
        response = await client.get(server.url, headers={"Range": "bytes=0-29"})
    assert WHOLE.startswith(response.content)
    assert server.requests == 1


async def test_a_range_to_the_end_of_an_encoding_must_have_it(
    world: World, server: Server
) -> None:
    told = f"bytes 0-{len(GZIP) - 9}/{len(GZIP) - 8}"
    cut = reply(206, GZIP[:-8], content_encoding="gzip", content_range=told)
    whole = f"bytes 0-{len(GZIP) - 1}/{len(GZIP)}"
    server.play(cut, reply(206, GZIP, content_encoding="gzip", content_range=whole))
    async with world.client() as client:
        response = await client.get(server.url, headers={"Range": "bytes=0-"})
    assert response.content == WHOLE
    assert server.requests == 2
