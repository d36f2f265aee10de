"""The opening of a connection, which the trace extension of its first request shows."""

from __future__ import annotations

from typing import Any

import pytest
from support.gates import pooling
from support.server import Server
from support.world import World

import httpx_resilient
from httpx_resilient._pool.opening import Opening
from httpx_resilient._pool.slots import Origin, Slot

pytestmark = pytest.mark.anyio

FAMILY = httpx_resilient._FAMILY

SENDING = [
    "http11.send_request_headers.started",
    "http2.send_request_headers.started",
    "http2.send_connection_init.started",
]


def slot() -> Slot:
    origin = Origin(("https", "example.org", None), multiplexed=True)
    return Slot(origin.destination(None, None))


@pytest.mark.parametrize("event", SENDING)
def test_nothing_is_sent_on_a_connection_that_was_opened_after_the_close(
    event: str,
) -> None:
    opened = slot()
    opened.is_shut = True
    opening = Opening(FAMILY, opened, None)
    opening.observe("connection.connect_tcp.complete", {})
    with pytest.raises(FAMILY.transport_error, match="the transport was closed"):
        opening.observe(event, {})


@pytest.mark.parametrize("event", SENDING)
def test_a_request_is_sent_although_another_one_on_its_connection_has_failed(
    event: str,
) -> None:
    shared = slot()
    shared.retire()
    Opening(FAMILY, shared, None).observe(event, {})


async def test_the_trace_function_of_the_caller_is_called_too(
    world: World, server: Server
) -> None:
    seen: list[str] = []

    def trace(event: str, info: dict[str, Any]) -> None:
        seen.append(event)

    async def trace_async(event: str, info: dict[str, Any]) -> None:
        seen.append(event)

    function = trace if world.sync else trace_async
    async with world.client(pooling(world)) as client:
        for _ in range(2):
            await client.get(server.url, extensions={"trace": function})
    connected = "connection.connect_tcp.complete"
    assert seen.count(connected) == 1
    assert seen.count("http11.send_request_headers.started") == 2


async def test_the_request_of_the_caller_is_not_written_to(
    world: World, server: Server
) -> None:
    async with world.client(pooling(world)) as client:
        response = await client.get(server.url)
    assert response.request.extensions.keys() == {"timeout"}
