"""What is told of a body that broke in the retry and in the resuming layer."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
import tenacity
from support.event_streams import begun
from support.server import Server, Step, close, reply
from support.world import World

from httpx_resilient import attempts_of, explain
from httpx_resilient.events import BodyLost, Event

pytestmark = pytest.mark.anyio

WHOLE = gzip.compress(bytes(range(256)) * 4)
AT_ONCE = {"wait": tenacity.wait_none()}

Make = Callable[[World], Any]


def standard(world: World) -> Any:
    return world.ours.standard_transport(resume=True, retry=AT_ONCE)


def resuming_outside(world: World) -> Any:
    inner = world.ours.RetryingTransport(**AT_ONCE)
    return world.ours.ResumingTransport(inner, budget=False)


def zipped(content: bytes) -> Step:
    return reply(200, content, content_encoding="gzip", etag='"a"')


@pytest.mark.parametrize("make", [standard, resuming_outside])
async def test_each_request_is_one_attempt_of_a_buffered_read(
    world: World, make: Make
) -> None:
    half = zipped(WHOLE[:200])
    with Server(reply(503), half, half, zipped(WHOLE)) as server:
        async with world.client(make(world)) as client:
            response = await client.get(server.url)
    numbers = [attempt.number for attempt in attempts_of(response)]
    outcomes = [attempt.outcome for attempt in attempts_of(response)]
    broken = world.library.RemoteProtocolError
    assert server.requests == 4
    assert (numbers, outcomes) == ([1, 2, 2, 3], [503, 200, broken, 200])
    assert "asked for everything" in explain(response)


@pytest.mark.parametrize("make", [standard, resuming_outside])
async def test_each_request_is_one_attempt_of_a_read_that_fails(
    world: World, make: Make
) -> None:
    with Server(zipped(WHOLE[:200])) as server:
        async with world.client(make(world)) as client:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.get(server.url)
    attempts = attempts_of(caught.value)
    assert len(attempts) == server.requests
    assert [attempt.number for attempt in attempts] == sorted(
        attempt.number for attempt in attempts
    )
    assert attempts[-1].number == 3


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
