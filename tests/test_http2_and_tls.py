"""What HTTP/2 and TLS can prove: a request that was certainly not processed."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from conftest import World
from h2_server import H2Server, go_away, ok, refuse

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

REFUSED_STREAM, CANCEL = 7, 8


def by_prior_knowledge(world: World) -> Any:
    return world.client(world.transport(http1=False, http2=True))


@pytest.mark.parametrize(
    "answer", [refuse(REFUSED_STREAM), go_away(0)], ids=["REFUSED_STREAM", "GOAWAY(0)"]
)
async def test_a_refused_post_is_sent_again(world: World, answer: Any) -> None:
    with H2Server(answer, answer, ok) as server:
        async with by_prior_knowledge(world) as client:
            response = await client.post(server.url, content=b"data")
    assert response.status_code == 200
    assert len(attempts_of(response)) == server.requests == 3


async def test_a_post_that_was_reset_otherwise_is_not(world: World) -> None:
    with H2Server(refuse(CANCEL)) as server:
        async with by_prior_knowledge(world) as client:
            with pytest.raises(world.library.RemoteProtocolError):
                await client.post(server.url, content=b"data")
    assert server.requests == 1


async def test_a_get_that_was_reset_otherwise_is(world: World) -> None:
    with H2Server(refuse(CANCEL)) as server:
        async with by_prior_knowledge(world) as client:
            assert (await client.get(server.url)).status_code == 200
    assert (server.requests, server.connections) == (2, 1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_port(authority: trustme.CA) -> Iterator[tuple[int, list[str]]]:
    """A server that answers over TLS, and notes each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[str] = []

    def serve() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            accepted.append("connection")
            try:
                with context.wrap_socket(raw, server_side=True) as sock:
                    sock.recv(65536)
                    sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    sock.recv(1)
            except OSError:
                raw.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], accepted
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


async def test_an_untrusted_certificate_gets_one_attempt(
    world: World, tls_port: tuple[int, list[str]]
) -> None:
    port, accepted = tls_port
    async with world.client(
        world.transport(verify=ssl.create_default_context())
    ) as client:
        with pytest.raises(world.library.ConnectError) as caught:
            await client.get(f"https://127.0.0.1:{port}/")
    assert len(attempts_of(caught.value)) == 1
    assert len(accepted) == 1


async def test_a_trusted_one_is_forwarded(
    world: World, tls_port: tuple[int, list[str]], authority: trustme.CA
) -> None:
    port, accepted = tls_port
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with world.client(world.transport(verify=context)) as client:
        assert (await client.get(f"https://127.0.0.1:{port}/")).status_code == 200
    assert len(accepted) == 1
