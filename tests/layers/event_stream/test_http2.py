"""Event streams over HTTP/2: a stream that is reset, and a goodbye."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trustme
from h2.connection import H2Connection
from support.event_streams import ONE, THREE, TWO, opened, read
from support.h2_server import Answer, H2Server
from support.tls_server import trusting
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

CANCEL = 8


def sends(body: bytes, end: Callable[[H2Connection, int], Any]) -> Answer:
    def answer(connection: H2Connection, stream: int) -> bool:
        headers = [(":status", "200"), ("content-type", "text/event-stream")]
        connection.send_headers(stream, headers)
        connection.send_data(stream, body)
        return end(connection, stream) is not False

    return answer


def resets(connection: H2Connection, stream: int) -> None:
    connection.reset_stream(stream, CANCEL)


def goes_away(connection: H2Connection, stream: int) -> bool:
    connection.close_connection(0, last_stream_id=stream)
    return False


def ends(connection: H2Connection, stream: int) -> None:
    connection.end_stream(stream)


def no_more(connection: H2Connection, stream: int) -> bool:
    connection.send_headers(stream, [(":status", "204")], end_stream=True)
    return True


async def test_a_stream_goes_on(world: World, authority: trustme.CA) -> None:
    script = (
        sends(ONE + b"id: 2\nda", resets),
        sends(TWO + b"id: 3\n", goes_away),
        sends(THREE, ends),
        no_more,
    )
    with H2Server(*script, authority=authority) as server:
        inner = world.transport(http2=True, verify=trusting(authority))
        transport = world.ours.EventStreamTransport(inner, wait=0)
        async with world.client(transport) as client:
            response = await opened(client, server.url)
            assert await read(world, response) == ONE + TWO + THREE
    outcomes = [each.outcome for each in attempts_of(response)]
    assert outcomes == [200, 200, 200, 204]
