"""The transport with pproxy, a real SOCKS5 proxy."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator

import pytest
import tenacity
import trustme
from support.real_proxies import Door, socks5_proxy
from support.server import Server, reply, reset
from support.tls_server import TLSServer, trusting
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect garbage, so that no ResourceWarning appears in another test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def open_port() -> Iterator[int]:
    with socks5_proxy() as port:
        yield port


@pytest.fixture(scope="module")
def guarded_port() -> Iterator[int]:
    with socks5_proxy(auth="user:secret") as port:
        yield port


@pytest.fixture
def open_door(open_port: int) -> Iterator[Door]:
    with Door(open_port) as door:
        yield door


@pytest.fixture
def guarded_door(guarded_port: int) -> Iterator[Door]:
    with Door(guarded_port) as door:
        yield door


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_503_of_the_origin_is_retried_on_the_same_connection(
    world: World, open_door: Door, server: Server, scheme: str
) -> None:
    server.play(reply(503, b"no"), reply(503, b"no"), reply(200, b"finally"))
    proxy = f"{scheme}://127.0.0.1:{open_door.port}"
    async with world.client(world.transport(proxy=proxy)) as client:
        response = await client.get(server.url)
    assert response.content == b"finally"
    assert (server.requests, server.connections, open_door.connections) == (3, 1, 1)


async def test_an_inner_transport_of_the_caller_with_a_proxy_is_retried(
    world: World, open_door: Door, server: Server
) -> None:
    server.play(reply(503), reply(503), reply(200, b"finally"))
    inner = world.http(proxy=f"socks5://127.0.0.1:{open_door.port}")
    async with world.client(world.transport(inner)) as client:
        response = await client.get(server.url)
    assert response.content == b"finally"
    assert open_door.connections == 1


async def test_retries_to_a_tls_origin_share_one_connection_to_the_proxy(
    world: World, open_door: Door
) -> None:
    authority = trustme.CA()
    transport = world.transport(
        proxy=f"socks5://127.0.0.1:{open_door.port}", verify=trusting(authority)
    )
    script = reply(503), reply(503), reply(200, b"finally")
    with TLSServer(authority, *script) as server:
        async with world.client(transport) as client:
            response = await client.get(server.url)
    assert response.content == b"finally"
    assert open_door.connections == 1


async def test_credentials_are_sent_once_per_connection(
    world: World, guarded_door: Door, server: Server
) -> None:
    server.play(reset(), reset(), reply(200, b"finally"))
    proxy = f"socks5://user:secret@127.0.0.1:{guarded_door.port}"
    async with world.client(world.transport(proxy=proxy)) as client:
        response = await client.get(server.url)
    assert response.content == b"finally"
    assert server.requests == guarded_door.connections == 3
    assert guarded_door.heard.count(b"secret") == 3


# httpcore leaves the socket of a proxy that refuses it to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
@pytest.mark.usefixtures("collected")
class TestRefusal:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_a_wrong_password_gets_one_attempt(
        self, world: World, guarded_door: Door, server: Server, method: str
    ) -> None:
        proxy = f"socks5://user:wrong@127.0.0.1:{guarded_door.port}"
        async with world.client(world.transport(proxy=proxy)) as client:
            with pytest.raises(world.library.ProxyError) as caught:
                await client.request(method, server.url)
        assert len(attempts_of(caught.value)) == guarded_door.connections == 1
        assert server.connections == 0

    async def test_a_missing_password_gets_one_attempt_and_an_unmapped_error(
        self, world: World, guarded_door: Door, server: Server
    ) -> None:
        """pproxy closes the connection, and httpcore does not map socksio's error."""
        proxy = f"socks5://127.0.0.1:{guarded_door.port}"
        async with world.client(world.transport(proxy=proxy)) as client:
            with pytest.raises(Exception, match="Malformed reply") as caught:
                await client.get(server.url)
        assert type(caught.value).__module__ == "socksio.exceptions"
        assert len(attempts_of(caught.value)) == guarded_door.connections == 1
        assert server.connections == 0


@pytest.fixture
def refusing() -> Iterator[tuple[str, list[int]]]:
    """A SOCKS5 proxy that answers each request by the next code (RFC 1928 §6)."""
    codes: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while codes:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(b"\x05\x00")
                    connection.recv(100)
                    connection.sendall(bytes([5, codes.pop(0), 0, 1, *bytes(6)]))

        thread = threading.Thread(target=serve, daemon=True)
        codes += [1, 4, 2]
        thread.start()
        yield f"socks5://127.0.0.1:{listening.getsockname()[1]}", codes
        thread.join(10)


# httpcore leaves the socket of a proxy that refuses it to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_server_that_a_proxy_does_not_reach_is_retried_and_a_rule_is_final(
    world: World, refusing: tuple[str, list[int]], method: str
) -> None:
    proxy, left = refusing
    transport = world.transport(proxy=proxy, stop=tenacity.stop_after_attempt(9))
    async with world.client(transport) as client:
        with pytest.raises(world.library.ProxyError, match="ruleset") as caught:
            await client.request(method, "http://127.0.0.1:9/")
    assert len(attempts_of(caught.value)) == 3
    assert left == []


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connect_error_of_an_unreachable_proxy_is_retried(
    world: World, method: str
) -> None:
    with Server() as gone:
        pass
    transport = world.transport(proxy=f"socks5://127.0.0.1:{gone.port}")
    async with world.client(transport) as client:
        with pytest.raises(world.library.ConnectError) as caught:
            await client.request(method, "http://127.0.0.1:9/")
    assert len(attempts_of(caught.value)) == 3
