"""The opening of a connection, which the trace extension of its first request shows."""

from __future__ import annotations

from typing import Any

import httpcore
import httpx
import pytest
from support.gates import pooling
from support.server import Server
from support.world import World

import httpx_resilient
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._pool.opening import Opening
from httpx_resilient._pool.origins import Origin
from httpx_resilient._pool.slots import Slot

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("connections")]

FAMILY = httpx_resilient._FAMILY

SENDING = [
    "http11.send_request_headers.started",
    "http2.send_request_headers.started",
    "http2.send_connection_init.started",
]


def context() -> RequestContext:
    return begin(httpx.Request("POST", "https://example.org/"), Clock())


def slot() -> Slot:
    origin = Origin(("https", "example.org", None), multiplexed=True)
    return Slot(origin.destination(None, None))


@pytest.mark.parametrize("event", SENDING)
def test_nothing_is_sent_on_a_connection_that_was_opened_after_the_close(
    event: str,
) -> None:
    opened = slot()
    opened.is_shut = True
    opening = Opening(FAMILY, opened, context(), None)
    opening.observe("connection.connect_tcp.complete", {})
    with pytest.raises(FAMILY.transport_error, match="the transport was closed"):
        opening.observe(event, {})


@pytest.mark.parametrize("event", SENDING)
def test_a_request_is_sent_although_another_one_on_its_connection_has_failed(
    event: str,
) -> None:
    shared = slot()
    shared.retire()
    Opening(FAMILY, shared, context(), None).observe(event, {})


@pytest.mark.parametrize("sending", SENDING[:2])
@pytest.mark.parametrize(
    "connecting", ["connection.connect_tcp", "connection.connect_unix_socket"]
)
def test_a_request_is_not_sent_from_connecting_until_its_headers_are(
    connecting: str, sending: str
) -> None:
    made = context()
    opening = Opening(FAMILY, slot(), made, None)
    assert made.unsent is None
    opening.observe(f"{connecting}.started", {})
    assert made.unsent == "connection"
    opening.observe("http2.send_connection_init.started", {"request": made.request})
    assert made.unsent == "connection"
    opening.observe(sending, {"request": made.request})
    assert made.unsent is None


def test_a_request_is_not_sent_while_a_proxy_is_asked_for_its_connection() -> None:
    made = context()
    opening = Opening(FAMILY, slot(), made, None)
    opening.observe("connection.connect_tcp.started", {})
    connect = httpcore.Request("CONNECT", "http://proxy.example.org/")
    opening.observe("http11.send_request_headers.started", {"request": connect})
    assert made.unsent == "connection"


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
