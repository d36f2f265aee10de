"""Each behaviour, streamed: the right bytes, or an exception that says why not."""

from __future__ import annotations

from typing import Any

import pytest
from layers.resuming.more_rows import MORE
from layers.resuming.rows import CUT, TEN, Row
from support.ranges import File
from support.server import Server
from support.world import World

from httpx_resilient import attempts_of
from httpx_resilient.events import BodyLost, BodyResumed, Event

pytestmark = pytest.mark.anyio

ROWS = TEN | MORE
REPRESENTATIVE = [
    "strong ETag, FIN", "no validator", "changed, strong ETag", "Range ignored",
    "all but the last chunk, 416 */N", "a range of the caller",
]  # fmt: skip


async def streamed(world: World, row: Row, file: File, url: str) -> tuple[Any, ...]:
    """Stream a body. Return what was read, the exception, the response, the events."""
    events: list[Event] = []
    inner = world.transport()
    options: Any = {"on_event": events.append, **row.options}
    transport = world.ours.ResumingTransport(inner, **options)
    read, error, response = b"", None, None
    async with world.client(transport) as client:
        request = client.build_request(
            row.method, url, headers=row.headers, extensions=row.extensions
        )
        response = await client.send(request, stream=True)
        try:
            async for chunk in world.chunks(response):
                read += chunk
                file.read += len(chunk)
        except Exception as raised:
            error = raised
        await world.close(response)
    return read, error, response, events


async def check(world: World, name: str) -> None:
    row, file = ROWS[name], ROWS[name].file()
    with Server(file) as server:
        read, error, response, events = await streamed(world, row, file, server.url)
    assert row.expected.startswith(read)
    assert len(server.received) == row.requests
    resumed = [event for event in events if isinstance(event, BodyResumed)]
    if row.verdict == "whole":
        assert error is None
        assert read == row.expected
        assert sum(event.reread for event in resumed) <= row.reread
        assert len(attempts_of(response)) == row.requests
        return
    assert read == row.expected[: min(len(read), CUT * row.requests)]
    assert isinstance(error, world.library.TransportError)
    is_changed = isinstance(error, world.ours.ContentChanged)
    assert is_changed is (row.verdict == "changed")
    said = "\n".join([str(error), *getattr(error, "__notes__", ())])
    assert all(text in said for text in row.says), said
    if row.method == "GET":
        # A layer around may go on with an event stream.
        assert any(isinstance(event, BodyLost) for event in events) is (
            name != "an event stream"
        )
        assert attempts_of(error) == attempts_of(response)
        assert len(attempts_of(error)) == row.requests


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("runtime", ["asyncio"])
@pytest.mark.parametrize("library", ["httpx"])
async def test_a_body_is_whole_or_refused(
    world: World, name: str, connections: str
) -> None:
    await check(world, name)


@pytest.mark.parametrize("name", REPRESENTATIVE)
async def test_a_body_is_whole_or_refused_in_every_world(
    world: World, name: str
) -> None:
    await check(world, name)
