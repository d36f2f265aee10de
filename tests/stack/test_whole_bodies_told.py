"""What is told of the requests that a body takes: each once, whichever layer sends it."""

from __future__ import annotations

from typing import Any

import pytest
from stack.test_whole_bodies import (
    AT_ONCE,
    BODY,
    NESTED,
    Make,
    resuming_outside,
)
from support.event_streams import begun
from support.server import Server, Step, close, head, reply
from support.world import World

from httpx_resilient import attempts_of
from httpx_resilient.events import BodyLost, Event

pytestmark = pytest.mark.anyio


def cut(size: int, tag: str) -> Step:
    head_of_it = head(200, {"Content-Length": str(len(BODY)), "ETag": f'"{tag}"'})
    return close(head_of_it + BODY[:size])


def rest(first: int, tag: str) -> Step:
    told = f"bytes {first}-{len(BODY) - 1}/{len(BODY)}"
    return reply(206, BODY[first:], etag=f'"{tag}"', content_range=told)


def two_retries_around_resuming(world: World) -> Any:
    inner = resuming_outside(world)
    return world.ours.RetryingTransport(
        inner, retry=world.ours.retry_if_status(202), **AT_ONCE
    )


@pytest.mark.parametrize("make", [*NESTED, two_retries_around_resuming])
async def test_each_request_for_a_body_is_told_once(world: World, make: Make) -> None:
    steps = [
        reply(503),
        cut(10, "a"),
        cut(20, "b"),  # the content has changed: another attempt
        cut(30, "b"),
        rest(30, "b"),
    ]
    with Server(*steps) as server:
        async with world.client(make(world)) as client:
            response = await client.get(server.url)
    assert response.content == BODY
    attempts = attempts_of(response)
    changed = world.ours.ContentChanged
    assert [each.outcome for each in attempts] == [503, 200, changed, 200, 206]
    numbers = [each.number for each in attempts]
    assert numbers in (
        [1, 2, 3, 4, 5],
        [1, 1, 2, 3, 4],
    )  # two are one of a retry around
    assert server.requests == 5


async def test_an_attempt_that_ends_within_another_ends_in_words(world: World) -> None:
    inner = world.ours.RetryingTransport(
        retry=world.ours.retry_if_status(503), **AT_ONCE
    )
    transport = world.ours.RetryingTransport(inner, **AT_ONCE)
    with Server(cut(10, "a"), reply(404)) as server:
        async with world.client(transport) as client:
            with pytest.raises(world.library.RemoteProtocolError) as raised:
                await client.get(server.url)
    assert "the next attempt was answered by 404" in "".join(raised.value.__notes__)
    broke = world.library.RemoteProtocolError
    assert [each.outcome for each in attempts_of(raised.value)] == [broke, 404]


async def test_an_event_stream_that_reconnects_has_lost_no_body(world: World) -> None:
    events: list[Event] = []
    inner = world.ours.standard_transport(
        deadline=None, resume=True, on_event=events.append
    )
    transport = world.ours.EventStreamTransport(inner, wait=0.0)
    first = close(begun(b"id: 1\ndata: a\n\nid: 2\nda"))
    second = close(begun(b"id: 2\ndata: b\n\nid: 3\n"))
    with Server(first, second, reply(204)) as server:
        async with world.client(transport) as client:
            response = await client.get(server.url)
    assert response.content == b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n"
    assert not [event for event in events if isinstance(event, BodyLost)]
