"""The transport with proxy.py, a real HTTP proxy: forwarding, and TLS tunnels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
from support.real_proxies import Door, http_proxy
from support.server import Server, reply, reset
from support.tls_server import TLSServer, trusting
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

METHODS = ["GET", "POST"]


@pytest.fixture(scope="module")
def proxy_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with http_proxy(tmp_path_factory.mktemp("proxy"), auth="user:secret") as port:
        yield port


@pytest.fixture
def door(proxy_port: int) -> Iterator[Door]:
    with Door(proxy_port) as door:
        yield door


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[TLSServer]:
    with TLSServer(authority) as server:
        yield server


Through = Callable[..., Any]


@pytest.fixture(params=["as an option", "in an inner transport", "by the environment"])
def through(
    request: pytest.FixtureRequest,
    world: World,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
) -> Through:
    """Make clients that use a proxy, configured in each of three ways."""

    def make(port: int, credentials: str = "user:secret") -> Any:
        proxy = f"http://{credentials}@127.0.0.1:{port}"
        trust = trusting(authority)
        match request.param:
            case "as an option":
                transport = world.transport(proxy=proxy, verify=trust)
            case "in an inner transport":
                transport = world.transport(world.http(proxy=proxy, verify=trust))
            case _:
                monkeypatch.setenv("HTTP_PROXY", proxy)
                monkeypatch.setenv("HTTPS_PROXY", proxy)
                transport = world.transport(verify=trust)
        return world.client(transport)

    return make


class TestForwarding:
    async def test_a_503_of_the_origin_is_retried(
        self, through: Through, door: Door, server: Server
    ) -> None:
        server.play(reply(503), reply(503), reply(200, b"finally"))
        async with through(door.port) as client:
            response = await client.get(server.url)
        assert response.content == b"finally"
        assert server.requests == door.requests == 3
        assert "proxy.py" in server.received[0].headers["via"]

    async def test_each_attempt_brings_the_same_body(
        self, through: Through, door: Door, server: Server
    ) -> None:
        server.play(reply(503), reply(503), reply())
        async with through(door.port) as client:
            await client.put(server.url, content=b"data")
        assert server.bodies == [b"data"] * 3

    async def test_each_attempt_sends_the_password_of_the_proxy(
        self, through: Through, door: Door, server: Server
    ) -> None:
        server.play(reply(503), reply())
        async with through(door.port) as client:
            await client.get(server.url)
        assert door.heard.lower().count(b"proxy-authorization: basic") == 2

    async def test_a_reset_by_the_origin_is_retried(
        self, through: Through, door: Door, server: Server
    ) -> None:
        server.play(reset(), reset(), reply(200, b"finally"))
        async with through(door.port) as client:
            response = await client.get(server.url)
        assert response.content == b"finally"
        assert server.requests == 3

    async def test_a_post_that_the_origin_resets_is_not_retried(
        self, world: World, through: Through, door: Door, server: Server
    ) -> None:
        server.play(reset())
        async with through(door.port) as client:
            with pytest.raises(world.library.TransportError) as caught:
                await client.post(server.url, content=b"data")
        assert len(attempts_of(caught.value)) == server.requests == 1

    @pytest.mark.parametrize("method", METHODS)
    async def test_a_wrong_password_gets_one_attempt_and_a_407(
        self, through: Through, door: Door, server: Server, method: str
    ) -> None:
        async with through(door.port, "user:wrong") as client:
            response = await client.request(method, server.url)
        assert response.status_code == 407
        assert len(attempts_of(response)) == door.requests == door.connections == 1
        assert server.requests == 0

    async def test_a_502_for_an_unreachable_origin_is_retried_if_idempotent(
        self, through: Through, door: Door
    ) -> None:
        with Server() as gone:
            pass
        async with through(door.port) as client:
            got, posted = await client.get(gone.url), await client.post(gone.url)
        assert [a.outcome for a in attempts_of(got)] == [502] * 3
        assert [a.outcome for a in attempts_of(posted)] == [502]


class TestTunnels:
    async def test_a_503_of_the_origin_is_retried_in_the_same_tunnel(
        self, through: Through, door: Door, tls_server: TLSServer
    ) -> None:
        tls_server.play(reply(503, b"no"), reply(503, b"no"), reply(200, b"finally"))
        async with through(door.port) as client:
            response = await client.get(tls_server.url)
        assert response.content == b"finally"
        assert (tls_server.requests, tls_server.connections) == (3, 1)
        assert door.heard.startswith(b"CONNECT ")
        assert door.requests == 1

    async def test_a_reset_by_the_origin_is_retried_in_a_new_tunnel(
        self, through: Through, door: Door, tls_server: TLSServer
    ) -> None:
        tls_server.play(reset(), reset(), reply(200, b"finally"))
        async with through(door.port) as client:
            response = await client.get(tls_server.url)
        assert response.content == b"finally"
        assert tls_server.requests == door.requests == 3

    async def test_a_post_that_the_origin_resets_is_not_retried(
        self, world: World, through: Through, door: Door, tls_server: TLSServer
    ) -> None:
        tls_server.play(reset())
        async with through(door.port) as client:
            with pytest.raises(world.library.TransportError) as caught:
                await client.post(tls_server.url, content=b"data")
        assert len(attempts_of(caught.value)) == tls_server.requests == 1
        assert door.requests == 1

    @pytest.mark.parametrize("method", METHODS)
    async def test_a_wrong_password_gets_one_attempt_and_a_proxy_error(
        self,
        world: World,
        through: Through,
        door: Door,
        tls_server: TLSServer,
        method: str,
    ) -> None:
        async with through(door.port, "user:wrong") as client:
            with pytest.raises(world.library.ProxyError, match="407") as caught:
                await client.request(method, tls_server.url)
        assert len(attempts_of(caught.value)) == door.requests == door.connections == 1
        assert tls_server.connections == 0

    @pytest.mark.parametrize("method", METHODS)
    async def test_a_502_for_an_unreachable_origin_is_retried_whatever_the_method(
        self, world: World, through: Through, door: Door, method: str
    ) -> None:
        with Server() as gone:
            pass
        async with through(door.port) as client:
            with pytest.raises(world.library.ProxyError, match="502") as caught:
                await client.request(method, gone.url.replace("http", "https"))
        assert len(attempts_of(caught.value)) == door.requests == 3

    @pytest.mark.parametrize(
        ("status", "times"), [(502, 3), (503, 3), (504, 3), (403, 1), (407, 1)]
    )
    @pytest.mark.parametrize("method", METHODS)
    async def test_another_connect_follows_a_refusal_that_may_be_over_soon(
        self, world: World, server: Server, method: str, status: int, times: int
    ) -> None:
        server.play(*[reply(status)] * 3)
        async with world.client(world.transport(proxy=server.url)) as client:
            with pytest.raises(world.library.ProxyError, match=str(status)) as caught:
                await client.request(method, "https://127.0.0.1:9/")
        assert len(attempts_of(caught.value)) == server.requests == times


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "https://127.0.0.1:9/"])
async def test_a_connect_error_of_an_unreachable_proxy_is_retried(
    world: World, through: Through, method: str, url: str
) -> None:
    with Server() as gone:
        pass
    async with through(gone.port) as client:
        with pytest.raises(world.library.ConnectError) as caught:
            await client.request(method, url)
    assert len(attempts_of(caught.value)) == 3
