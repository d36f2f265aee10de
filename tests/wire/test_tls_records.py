"""The records of TLS arrive in packets that know nothing of answers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading

import pytest
import trustme
from support.server import head
from support.tls_records import Records, RecordServer
from support.tls_server import trusting
from support.world import LIBRARIES, World

pytestmark = pytest.mark.anyio

OVERLOADED = head(503, {"content-length": "4", "connection": "close"}) + b"busy"


def overloaded(records: Records) -> None:
    """Answer before there is a request, in the packet that ends the handshake."""
    records.tls.write(OVERLOADED)
    records.send()


def overloaded_and_gone(records: Records) -> None:
    """Say goodbye in the same packet."""
    records.tls.write(OVERLOADED)
    with pytest.raises(ssl.SSLWantReadError):
        records.tls.unwrap()
    records.send()


def gone(records: Records) -> None:
    with pytest.raises(ssl.SSLWantReadError):
        records.tls.unwrap()
    records.send()


@pytest.mark.parametrize("play", [overloaded, overloaded_and_gone])
async def test_an_answer_that_comes_with_the_end_of_the_handshake_is_given(
    world: World, authority: trustme.CA, play: object
) -> None:
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with RecordServer(authority, play, ssl.TLSVersion.TLSv1_2) as server:  # type: ignore[arg-type] - one of the plays
        async with world.client(transport) as client:
            response = await client.get(server.url)
    assert response.status_code == 503
    assert response.content == b"busy"


async def test_the_end_of_tls_that_comes_with_the_handshake_is_no_answer(
    world: World, authority: trustme.CA
) -> None:
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with RecordServer(authority, gone, ssl.TLSVersion.TLSv1_2) as server:
        async with world.client(transport) as client:
            with pytest.raises(world.library.RemoteProtocolError, match="disconnected"):
                await client.get(server.url)


async def test_the_second_half_of_a_record_does_not_answer_the_next_request(
    world: World, authority: trustme.CA
) -> None:
    is_half_sent = threading.Event()

    def play(records: Records) -> None:
        records.receive_request()
        records.tls.write(head(200, {"content-length": "2"}) + b"ok")
        records.send()
        if is_half_sent.is_set():
            return
        records.tls.write(head(200, {"content-length": "6"}) + b"poison")
        record = records.taken()
        is_read.wait(5)
        records.sock.sendall(record[:20])
        is_half_sent.set()
        records.receive_request()
        records.sock.sendall(record[20:])

    is_read = threading.Event()
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    with RecordServer(authority, play) as server:
        async with world.client(transport) as client:
            assert (await client.get(server.url)).content == b"ok"
            is_read.set()
            while not is_half_sent.is_set():
                await world.sleep(0.01)
            await world.sleep(0.1)
            assert (await client.get(server.url)).content == b"ok"


@pytest.mark.parametrize("runtime", ["asyncio"])
async def test_what_a_server_says_of_tls_alone_leaves_the_connection_usable(
    world: World, authority: trustme.CA
) -> None:
    is_read, is_asked = threading.Event(), threading.Event()

    def play(records: Records) -> None:
        records.receive_request()
        records.tls.write(head(200, {"content-length": "2"}) + b"ok")
        records.send()
        is_read.wait(5)
        records.tls.verify_client_post_handshake()
        with contextlib.suppress(ssl.SSLWantReadError):
            records.tls.do_handshake()
        records.send()
        is_asked.set()
        records.receive_request()
        records.tls.write(head(200, {"content-length": "2"}) + b"ok")
        records.send()

    client_side = trusting(authority)
    client_side.post_handshake_auth = True
    transport = world.ours.PoolingTransport(verify=client_side)
    server = RecordServer(authority, play)
    server._context.post_handshake_auth = True
    server._context.verify_mode = ssl.CERT_OPTIONAL
    with server:
        async with world.client(transport) as client:
            assert (await client.get(server.url)).content == b"ok"
            is_read.set()
            while not is_asked.is_set():
                await world.sleep(0.01)
            await world.sleep(0.1)
            assert (await client.get(server.url)).content == b"ok"
    assert server.connections == 1


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_server_that_ends_in_the_handshake_on_uvloop_is_told(
    authority: trustme.CA, library: str
) -> None:
    uvloop = pytest.importorskip("uvloop")
    world = World(*LIBRARIES[library], sync=False)

    def ending(records: Records) -> None:
        records.tls.write(OVERLOADED)
        records.send()
        records.sock.shutdown(1)

    async def main(url: str) -> int:
        transport = world.ours.PoolingTransport(verify=trusting(authority))
        async with world.client(transport) as client:
            return (await client.get(url)).status_code

    with (
        RecordServer(authority, ending, ssl.TLSVersion.TLSv1_2) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        assert runner.run(main(server.url)) == 503
