"""Event streams on real connections: what is reconnected, and what passes."""

from __future__ import annotations

from typing import Any

import pytest
from support.event_streams import (
    ONE,
    THREE,
    TWO,
    begun,
    ended,
    last_ids,
    layer,
    one_chunk,
    opened,
    own_stream,
    read,
)
from support.server import (
    Server,
    Step,
    close,
    reply,
    stall,
)
from support.world import World

from httpx_resilient import attempts_of, explain

pytestmark = pytest.mark.anyio


BREAKS = {
    "closed": close(begun(ONE, b"id: 2\nda")),
    "ended cleanly": ended(ONE, b"id: 2\nda"),
    "ended between events": ended(ONE),
}


@pytest.mark.parametrize("breaking", BREAKS.values(), ids=BREAKS)
async def test_a_stream_goes_on_after_the_last_whole_event(
    world: World, server: Server, breaking: Step
) -> None:
    server.play(breaking, reply(503), close(begun(TWO)), ended(THREE), reply(204))
    seen: list[Any] = []
    async with world.client(layer(world, on_event=seen.append)) as client:
        response = await opened(client, server.url)
        received = await read(world, response)
    assert received == ONE + TWO + THREE
    assert last_ids(server) == [None, "1", "1", "2", "3"]
    outcomes = [each.outcome for each in attempts_of(response)]
    assert outcomes == [200, 503, 200, 200, 204]
    assert "204" in explain(response)
    kinds = [type(each).__name__.removeprefix("EventStream") for each in seen]
    assert kinds == [*["Opened", "Reconnecting"] * 3, "Ended"]
    assert (seen[-1].reason, seen[-1].connections, seen[-1].failed) == ("204", 3, False)


async def test_a_server_that_is_gone_is_the_end_in_the_end(
    world: World, server: Server
) -> None:
    server.play(stall(begun(ONE)))
    async with world.client(layer(world, max_reconnects=1)) as client:
        response = await opened(client, server.url)
        assert await one_chunk(world, own_stream(response)) == ONE
        server.stop()
        with pytest.raises(world.library.ConnectError) as caught:
            await read(world, response)
    assert "1 reconnections in a row" in caught.value.__notes__[-1]


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b'{"id": 1}', content_type="application/json"),
        reply(404, b"data: x\n\n", content_type="text/event-stream"),
        reply(
            200,
            b"id: 1\ndat",
            content_type="text/event-stream; x=y",
            content_encoding="br2",
        ),
    ],
)
async def test_any_other_answer_passes_untouched(
    world: World, server: Server, answer: Step
) -> None:
    server.play(answer)
    async with world.client(layer(world)) as client:
        response = await opened(client, server.url)
        received = await read(world, response)
    assert len(received) == int(response.headers["content-length"])
    assert server.requests == 1


async def test_another_method_passes_untouched(world: World, server: Server) -> None:
    server.play(ended(b"data: hal"))
    async with world.client(layer(world)) as client:
        response = await client.post(server.url, content=b"x")
    assert response.content == b"data: hal"
    assert server.requests == 1


async def test_a_method_may_be_added(world: World, server: Server) -> None:
    server.play(close(begun(ONE)), reply(204))
    async with world.client(layer(world, methods=["post"])) as client:
        response = await client.post(server.url, content=b"x")
    assert response.content == ONE
    assert server.bodies == [b"x", b"x"]


async def test_the_callers_own_id_is_sent_until_the_stream_has_one(
    world: World, server: Server
) -> None:
    server.play(close(begun(b"da")), close(begun(ONE)), ended(b"id\n\n"), reply(204))
    async with world.client(layer(world)) as client:
        await read(world, await opened(client, server.url, **{"LAST-EVENT-ID": "own"}))
    assert last_ids(server) == ["own", "own", "1", None]


async def test_an_id_is_sent_as_utf_8(world: World, server: Server) -> None:
    server.play(close(begun("id: é ☃ \ndata: x\n\n".encode())), reply(204))
    async with world.client(layer(world)) as client:
        await read(world, await opened(client, server.url))
    sent = server.received[1].headers["last-event-id"]
    assert sent.encode("latin-1").decode() == "é ☃"
