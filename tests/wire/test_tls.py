"""TLS beyond the first handshake: its ends, its errors, and further handshakes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
import trustme
from support.renegotiation import RenegotiatingServer
from support.renegotiation_by_hand import Between
from support.server import Connection, Server, Step, head, raw
from support.tls_server import TLSServer, trusting
from support.wires import Gone, opened, wire_of
from support.world import World

import httpx_resilient
from httpx_resilient._wire.buffers import PIECE
from httpx_resilient._wire.tls_on_asyncio import AsyncioTlsConnection

pytestmark = pytest.mark.anyio

OK = head(200, {"content-length": "2"}) + b"ok"
CUT = head(200, {"content-length": "10"}) + b"half"
FAMILY = httpx_resilient._FAMILY


def below(connection: Connection) -> socket.socket:
    """Return the socket below TLS."""
    return socket.socket(fileno=os.dup(connection.sock.fileno()))


def writing_below(data: bytes, after: bytes) -> Step:
    """Write something without TLS."""

    def step(connection: Connection) -> bool:
        connection.send(after)
        with below(connection) as sock:
            sock.sendall(data)
            while sock.recv(65536):
                pass
        return False

    return step


def ending(after: bytes, *, says_goodbye: bool) -> Step:
    """End TLS, and leave the connection as it is; or the other way round."""

    def step(connection: Connection) -> bool:
        sock: Any = connection.sock
        connection.send(after)
        with below(connection) as plain:
            if says_goodbye:
                sock.settimeout(0)
                with pytest.raises(ssl.SSLWantReadError):
                    sock.unwrap()
                plain.setblocking(True)
            else:
                plain.shutdown(socket.SHUT_WR)
            while plain.recv(65536):
                pass
        return False

    return step


@pytest.mark.parametrize("says_goodbye", [True, False])
async def test_the_end_of_tls_in_a_body_is_told(
    world: World, authority: trustme.CA, *, says_goodbye: bool
) -> None:
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with TLSServer(authority, ending(CUT, says_goodbye=says_goodbye)) as server:
        async with world.client(transport) as client:
            with pytest.raises(world.library.RemoteProtocolError, match="4 bytes"):
                await client.get(server.url)


@pytest.mark.parametrize("says_goodbye", [True, False])
async def test_the_end_of_tls_ends_a_body_without_a_length(
    world: World, authority: trustme.CA, *, says_goodbye: bool
) -> None:
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    step = ending(head(200, {}) + b"whole", says_goodbye=says_goodbye)
    with TLSServer(authority, step) as server:
        async with world.client(transport) as client:
            response = await client.get(server.url)
    assert response.content == b"whole"


async def test_a_connection_on_which_tls_has_ended_serves_no_further_request(
    world: World, authority: trustme.CA
) -> None:
    with TLSServer(authority, ending(OK, says_goodbye=True)) as server:
        wire = wire_of(world, tls=trusting(authority))
        await opened(world, wire, server.url)
        await world.sleep(0.1)
        assert not wire.looks_open()
        wire.close()


@pytest.mark.parametrize("after", [b"", CUT])
async def test_bytes_that_are_no_tls_break_the_answer(
    world: World, authority: trustme.CA, after: bytes
) -> None:
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    step = writing_below(b"\x17\x03\x03\x00\x20" + b"x" * 32, after)
    with TLSServer(authority, step) as server:
        async with world.client(transport) as client:
            with pytest.raises(world.library.ReadError) as caught:
                await client.get(server.url)
    assert isinstance(caught.value.__cause__, ssl.SSLError)


class EndingServer(Server):
    """Ends each connection when the client has begun a handshake."""

    end = ""

    def _serve(self, sock: socket.socket, number: int) -> None:
        with sock:
            sock.recv(65536)
            if self.end == "resets":
                linger = struct.pack("ii", 1, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@pytest.mark.parametrize("end", ["closes", "resets"])
async def test_the_end_of_the_connection_in_the_handshake_is_a_connect_error(
    world: World, authority: trustme.CA, end: str
) -> None:
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with EndingServer() as server:
        server.end = end
        async with world.client(transport) as client:
            with pytest.raises(world.library.ConnectError) as caught:
                await client.get(server.url.replace("http", "https"))
    assert isinstance(caught.value.__cause__, OSError)


def test_a_connection_that_is_lost_before_the_handshake_is_an_error() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        context = ssl.create_default_context()
        for reason in (None, ConnectionAbortedError("gone")):
            connection = AsyncioTlsConnection(FAMILY, loop, context, "localhost")
            connection.connection_made(Gone())
            connection.connection_lost(reason)
            with pytest.raises(type(reason) if reason else ConnectionResetError):
                await connection.handshake()

    asyncio.run(main())


async def test_a_certificate_that_is_wanted_later_is_shown(
    world: World, authority: trustme.CA
) -> None:
    client_side = trusting(authority)
    client_side.post_handshake_auth = True
    authority.issue_cert("client@example.org").configure_cert(client_side)
    shown: list[Any] = []

    def asking(connection: Connection) -> bool:
        sock: Any = connection.sock
        sock.verify_client_post_handshake()
        connection.send(OK)
        sock.settimeout(0.01)
        while not sock.getpeercert():
            with contextlib.suppress(TimeoutError):
                sock.recv(1)
        shown.append(sock.getpeercert())
        return False

    server = TLSServer(authority, asking)
    server._context.post_handshake_auth = True
    server._context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server._context)
    with server:
        wire = wire_of(world, tls=client_side)
        await opened(world, wire, server.url)
        while not shown:
            await world.sleep(0.01)
        wire.close()
    assert shown[0]["subjectAltName"] == (("email", "client@example.org"),)


@pytest.mark.parametrize("size", [0, 100_000, 8_000_000])
async def test_a_second_handshake_in_an_upload_loses_nothing(
    world: World, authority: trustme.CA, size: int
) -> None:
    body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with RenegotiatingServer(authority, size) as server:
        async with world.client(transport) as client:
            response = await client.post(server.url, content=body)
            assert response.content == b"ok"
    assert server.body == body
    assert server.renegotiations == 1


def test_an_upload_waits_for_the_answer_to_a_second_handshake(
    authority: trustme.CA,
) -> None:
    body = bytes(range(256)) * 8_000

    async def main() -> None:
        loop, between = asyncio.get_running_loop(), Between(authority)
        tls = trusting(authority)
        connection = AsyncioTlsConnection(FAMILY, loop, tls, "127.0.0.1")
        connection.connection_made(between)
        handshake = loop.create_task(connection.handshake())
        while not handshake.done():
            await asyncio.sleep(0)
            between.answers(connection)
        between.begins_anew(connection)
        upload = loop.create_task(connection._write(body, 5.0))
        for _ in range(20):  # the socket takes all that was written
            connection.pause_writing()
            connection.resume_writing()
            await asyncio.sleep(0)
        assert len(connection._unsent) <= PIECE
        connection.pause_writing()
        between.answers(connection)
        assert not connection._unsent
        assert connection._is_write_paused, "the loop has not yet sent that"
        connection.resume_writing()
        assert await upload
        between.answers(connection)
        connection.close()
        assert between.received == body

    asyncio.run(main())


async def test_an_alert_says_why_the_connection_broke(
    world: World, authority: trustme.CA
) -> None:
    server = TLSServer(authority, raw(OK))
    server._context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server._context)
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with server:
        async with world.client(transport) as client:
            with pytest.raises(world.library.ReadError, match="CERTIFICATE_REQUIRED"):
                await client.get(server.url)


class ScriptedTls:
    """TLS that has nothing to read, and that writes what a test lets it write."""

    def __init__(self) -> None:
        self.error: ssl.SSLError | None = ssl.SSLWantReadError()
        self.written = b""

    def read(self, *_: object) -> int:
        raise ssl.SSLWantReadError

    def write(self, data: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.written += data


@pytest.fixture
def scripted() -> Iterator[tuple[AsyncioTlsConnection, ScriptedTls]]:
    loop, context = asyncio.new_event_loop(), ssl.create_default_context()
    connection = AsyncioTlsConnection(FAMILY, loop, context, "localhost")
    connection.connection_made(Gone())
    connection._tls = tls = cast("Any", ScriptedTls())
    connection._is_secure = True
    yield connection, tls
    connection.close()
    loop.close()


def test_what_is_written_in_a_second_handshake_waits_in_order(
    scripted: tuple[AsyncioTlsConnection, ScriptedTls],
) -> None:
    connection, tls = scripted
    connection._put(b"one, ")
    connection._put(memoryview(b"two"))
    connection._advance()
    assert (tls.written, connection._is_write_paused) == (b"", True)
    tls.error = None
    connection._advance()
    assert (tls.written, connection._is_write_paused) == (b"one, two", False)


def test_an_error_of_tls_in_writing_breaks_the_connection(
    scripted: tuple[AsyncioTlsConnection, ScriptedTls],
) -> None:
    connection, tls = scripted
    tls.error = ssl.SSLError(1, "it is broken")
    connection._put(b"one")
    assert connection.is_closed
    with pytest.raises(httpx.ReadError, match="it is broken"):
        connection._receive(None)
