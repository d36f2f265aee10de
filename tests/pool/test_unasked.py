"""
Bytes that nobody asked for: the connection that has them serves no further request.

A `Content-Length` that is too small, or a second answer, leaves bytes behind an answer.
The next request, maybe of another user, must not be given them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from support.gates import in_total, pooling, stream, until
from support.server import Connection, Server, Step, drip, raw, reply
from support.tls_server import TLSServer, trusting
from support.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("connections")]

FIRST = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"
)
SECRET = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret"


def in_several_records(*pieces: bytes) -> Step:
    """Send pieces in records of TLS of their own, in the same packet."""

    def step(connection: Connection) -> bool:
        cork(connection.sock, on=True)
        for piece in pieces:
            connection.send(piece)
        cork(connection.sock, on=False)
        return True

    return step


def cork(sock: socket.socket, *, on: bool) -> None:
    """Let the kernel collect what is sent, or send it."""
    socket.socket.setsockopt(sock, socket.IPPROTO_TCP, socket.TCP_CORK, on)


ANSWERS: dict[str, Step] = {
    "a second answer": raw(FIRST + SECRET),
    "a second answer, chunked": raw(CHUNKED + SECRET),
    "a length that is too small": raw(FIRST + b", and more of it"),
    "an end of line": raw(FIRST + b"\r\n"),
}


@pytest.fixture(params=["plain", "tls"])
def any_server(
    request: pytest.FixtureRequest, authority: trustme.CA
) -> Iterator[Server]:
    with Server() if request.param == "plain" else TLSServer(authority) as server:
        yield server


def pool_for(world: World, authority: trustme.CA) -> Any:
    return pooling(world, 10, verify=trusting(authority))


@pytest.mark.parametrize("answer", ANSWERS)
async def test_the_next_request_gets_its_own_answer(
    world: World, any_server: Server, authority: trustme.CA, answer: str
) -> None:
    server = any_server
    server.play(ANSWERS[answer], reply(200, b"mine"))
    async with world.client(pool_for(world, authority)) as client:
        assert (await client.get(server.url)).content == b"first"
        assert (await client.get(server.url)).content == b"mine"
    assert [each.connection for each in server.received] == [1, 2]


@pytest.mark.parametrize("late", [SECRET, SECRET[:20]], ids=["an answer", "half of it"])
async def test_what_arrives_on_an_idle_connection_is_not_the_next_answer(
    world: World,
    any_server: Server,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
    late: bytes,
) -> None:
    monkeypatch.setattr("httpx_resilient._pool.state.CHECKED_AFTER", 0)
    is_idle, was_sent = threading.Event(), threading.Event()

    def in_two_packets(connection: Connection) -> bool:
        connection.send(FIRST)
        is_idle.wait(10)
        connection.send(late)
        was_sent.set()
        return True

    server = any_server
    server.play(in_two_packets, reply(200, b"mine"))
    async with world.client(pool_for(world, authority)) as client:
        assert (await client.get(server.url)).content == b"first"
        is_idle.set()
        await until(world, was_sent.is_set)
        assert (await client.get(server.url)).content == b"mine"
    assert [each.connection for each in server.received] == [1, 2]


@pytest.mark.parametrize("others", [[SECRET], [SECRET[:9], SECRET[9:]]])
async def test_bytes_in_other_records_of_tls_are_not_an_answer(
    world: World, authority: trustme.CA, others: list[bytes]
) -> None:
    with TLSServer(authority) as server:
        server.play(reply(), in_several_records(FIRST, *others), reply(200, b"mine"))
        async with world.client(pool_for(world, authority)) as client:
            await client.get(server.url)
            assert (await client.get(server.url)).content == b"first"
            assert (await client.get(server.url)).content == b"mine"
        assert [each.connection for each in server.received] == [1, 1, 2]


async def test_a_connection_of_tls_without_such_bytes_is_reused(
    world: World, authority: trustme.CA
) -> None:
    """What TLS itself sends, such as tickets for later sessions, is no answer."""
    with TLSServer(
        authority, drip(200, [b"a"] * 3), reply(200, b"b" * 40_000)
    ) as server:
        transport = pool_for(world, authority)
        async with world.client(transport) as client:
            for _ in range(5):
                await client.get(server.url)
                await world.sleep(0.03)
            assert in_total(transport) == {"idle": 1, "opened": 1, "reused": 4}


async def test_the_connection_is_closed_at_once(world: World, server: Server) -> None:
    server.play(raw(FIRST + SECRET))
    transport = pooling(world, 10)
    async with world.client(transport) as client:
        await client.get(server.url)
        assert "idle" not in in_total(transport)
        await until(world, lambda: not server.open_connections)


async def test_the_body_is_whole_for_a_reader_that_streams(
    world: World, server: Server
) -> None:
    server.play(raw(FIRST + SECRET), reply(200, b"mine"))
    async with world.client(pooling(world, 1)) as client:
        response = await stream(client, server.url)
        assert b"".join([each async for each in world.chunks(response)]) == b"first"
        await world.close(response)
        assert (await client.get(server.url)).content == b"mine"
