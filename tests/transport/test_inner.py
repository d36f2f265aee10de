"""The default inner transport, with its options and proxies, and its lifecycle."""

from __future__ import annotations

import ssl
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.server import Server, reply
from support.world import LIBRARIES, World

from httpx_resilient._pool.proxies import routes_of_environment

pytestmark = pytest.mark.anyio

TLS = ssl.create_default_context()


def side_of(transport: Any, *, asynchronous: bool) -> Any:
    """Return one side of a layer, which builds its inner transport on first use."""
    return transport._async_side if asynchronous else transport._sync_side


def inner_of(transport: Any, *, asynchronous: bool) -> Any:
    """Return the inner transport of a layer, and build it if necessary."""
    return side_of(transport, asynchronous=asynchronous).transport()


def pool_of(transport: Any) -> Any:
    """Return the connection pool of an HTTPTransport."""
    return transport._pool


class TestOptions:
    OPTIONS = {
        "verify": TLS,
        "http1": False,
        "http2": True,
        "local_address": "127.0.0.2",
        "socket_options": [(6, 1, 1)],
    }

    async def test_all_options_reach_the_connection_pool(self, world: World) -> None:
        limits = world.library.Limits(
            max_connections=7, max_keepalive_connections=3, keepalive_expiry=2
        )
        transport = world.transport(limits=limits, **self.OPTIONS)
        url = world.library.URL("https://a/")
        inner = inner_of(transport, asynchronous=not world.sync)
        pool = pool_of(inner.connections.to(url))
        assert pool._ssl_context is TLS
        assert (pool._http1, pool._http2) == (False, True)
        # More than one, because HTTP/2 needs a second for a while after a GOAWAY.
        assert pool._max_connections == pool._max_keepalive_connections == sys.maxsize
        assert pool._keepalive_expiry == 2
        assert pool._local_address == "127.0.0.2"
        assert pool._socket_options == [(6, 1, 1)]

    async def test_requests_are_sent_from_a_local_address(
        self, world: World, server: Server
    ) -> None:
        async with world.client(world.transport(local_address="127.0.0.1")) as client:
            assert (await client.get(server.url)).status_code == 200

    async def test_requests_are_sent_to_a_unix_socket_without_a_proxy(
        self, world: World, tmp_path: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        path = str(tmp_path / "socket")
        with Server(reply(503), reply(200, b"by file"), uds=path) as server:
            async with world.client(world.transport(uds=path)) as client:
                assert (await client.get("http://a/")).content == b"by file"
        assert server.requests == 2

    async def test_requests_are_sent_through_a_proxy(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply(200, b"by proxy"))
        async with world.client(world.transport(proxy=server.url)) as client:
            assert (await client.get("http://example.invalid/")).content == b"by proxy"
        assert {r.target for r in server.received} == {"http://example.invalid/"}

    async def test_the_credentials_of_a_proxy_are_sent_to_it_and_not_shown(
        self, world: World, server: Server
    ) -> None:
        proxy = world.library.Proxy(server.url, auth=("user", "secret"))
        transport = world.transport(proxy=proxy)
        async with world.client(transport) as client:
            await client.get("http://example.invalid/")
        assert server.received[0].headers["proxy-authorization"].startswith("Basic ")
        assert "secret" not in repr(transport)


class TestEnvironment:
    async def test_a_proxy_of_the_environment_is_used(
        self, world: World, server: Server, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        server.play(reply(503), reply(200, b"by proxy"))
        async with world.client() as client:
            assert (await client.get("http://example.invalid/")).content == b"by proxy"

    async def test_no_proxy_of_the_environment_is_respected(
        self, world: World, server: Server, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with world.client() as client:
            assert (await client.get(server.url)).status_code == 200
        assert server.received[0].target == "/"

    async def test_trust_env_false_ignores_the_environment(
        self, world: World, server: Server, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        async with world.client(world.transport(trust_env=False)) as client:
            assert (await client.get(server.url)).status_code == 200

    async def test_a_given_inner_transport_ignores_the_environment(
        self, world: World, server: Server, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        async with world.client(world.transport(world.http())) as client:
            assert (await client.get(server.url)).status_code == 200

    def test_an_invalid_proxy_is_rejected_at_construction(
        self, library: str, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "gopher://127.0.0.1:9")
        with pytest.raises(ValueError, match="HTTP_PROXY"):
            LIBRARIES[library][1].RetryingTransport()

    async def test_all_proxied_transports_are_closed(
        self, world: World, server: Server, monkeypatch: Any
    ) -> None:
        """An open socket would warn, and warnings are errors."""
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with world.client() as client:
            await client.get("http://example.invalid/")
            await client.get(server.url)
        assert server.connections == 2


HOSTS = [
    "a.com",
    "b.a.com",
    "ba.com",
    "localhost",
    "10.1.2.3",
    "10.9.0.1",
    "[::1]",
    "com",
]
PROXIES = st.sampled_from(
    ["", "http://p1:1", "https://p2:2", "p3:3", "http://u:p@p4:4", "socks5://p5:5"]
)
NO_PROXY = st.sampled_from(
    [
        "", "*", "a.com", ".a.com", "*.a.com", "b.a.com:8080", "localhost", "10.1.2.3",
        "10.0.0.0/8", "::1", "[::1]", "http://a.com", "https://a.com:443", "all://a.com",
        "com", " a.com ", "A.COM", "a.com/24", "[::1]/64", "x[", "http://",
    ]
)  # fmt: skip
ENVIRONMENTS = st.fixed_dictionaries(
    {},
    optional={
        "http_proxy": PROXIES,
        "https_proxy": PROXIES,
        "all_proxy": PROXIES,
        "no_proxy": st.lists(NO_PROXY, max_size=4).map(",".join),
    },
)
URLS = st.builds(
    "{}://{}{}/path".format,
    st.sampled_from(["http", "https", "ws", "HTTP"]),
    st.sampled_from([*HOSTS, "A.com", "xn--bcher-kva.a.com"]),
    st.sampled_from(["", ":80", ":443", ":8080"]),
)


@pytest.mark.parametrize("asynchronous", [False, True])
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(environment=ENVIRONMENTS, urls=st.lists(URLS, min_size=1, max_size=5))
def test_each_url_uses_the_same_proxy_as_a_client_without_this_library(
    library: str, environment: dict[str, str], urls: list[str], asynchronous: bool
) -> None:
    module, ours = LIBRARIES[library]
    make = module.AsyncClient if asynchronous else module.Client
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            stock = make(verify=TLS)
        except (ValueError, module.InvalidURL):
            with pytest.raises(ValueError, match="PROXY"):
                ours.RetryingTransport(verify=TLS)
            return
        transport = ours.RetryingTransport(verify=TLS)
        inner = inner_of(transport, asynchronous=asynchronous)
    for text in urls:
        url = module.URL(text)
        expected = proxy_of(stock._transport_for_url(url))
        assert proxy_of(inner.connections.to(url)) == expected


def proxy_of(transport: Any) -> Any:
    pool = pool_of(transport)
    proxy = getattr(pool, "_proxy_url", None) or getattr(pool, "_proxy", None)
    return None if proxy is None else bytes(getattr(proxy, "url", proxy))


@pytest.mark.parametrize("name", LIBRARIES)
def test_without_proxies_in_the_environment_there_are_no_routes(name: str) -> None:
    assert routes_of_environment(LIBRARIES[name][1]._FAMILY) == []


class Counting:
    """An inner transport that counts how it is used."""

    def __init__(self, world: World) -> None:
        self.calls: list[str] = []
        self._world = world

    def handle_request(self, request: Any) -> Any:
        self.calls.append("handle")
        return self._world.library.Response(200)

    async def handle_async_request(self, request: Any) -> Any:
        return self.handle_request(request)

    def __enter__(self) -> Counting:
        self.calls.append("enter")
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("exit")

    def close(self) -> None:
        self.calls.append("close")

    async def __aenter__(self) -> Counting:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    async def aclose(self) -> None:
        self.close()


class TestLifecycle:
    async def test_the_inner_transport_is_entered_and_exited_once(
        self, world: World
    ) -> None:
        inner = Counting(world)
        async with world.client(world.transport(inner)) as client:
            await client.get("http://a/")
        assert inner.calls == ["enter", "handle", "exit"]

    async def test_two_clients_share_one_entry_of_the_inner_transport(
        self, world: World
    ) -> None:
        inner = Counting(world)
        transport = world.transport(inner)
        async with world.client(transport) as one:
            async with world.client(transport) as two:
                await two.get("http://a/")
            await one.get("http://a/")
        assert inner.calls == ["enter", "handle", "handle", "exit"]

    async def test_an_entry_that_fails_is_not_counted(self, world: World) -> None:
        inner = Counting(world)
        transport = world.transport(inner)
        inner.__class__ = type("Broken", (Counting,), {"__enter__": lambda self: 1 / 0})
        with pytest.raises(ZeroDivisionError):
            async with world.client(transport):
                pass
        inner.__class__ = Counting
        async with world.client(transport):
            pass
        assert inner.calls == ["enter", "exit"]

    async def test_an_exit_without_an_entry_closes_and_is_not_counted(
        self, world: World
    ) -> None:
        inner = Counting(world)
        transport = world.transport(inner)
        await world.client(transport).__aexit__(None, None, None)
        async with world.client(transport):
            pass
        assert inner.calls == ["exit", "enter", "exit"]

    async def test_closing_the_client_closes_the_inner_transport(
        self, world: World
    ) -> None:
        inner = Counting(world)
        client = world.client(world.transport(inner))
        await client.get("http://a/")
        await client.aclose()
        assert inner.calls == ["handle", "close"]

    async def test_an_inner_transport_that_was_never_used_is_closed(
        self, world: World
    ) -> None:
        inner = Counting(world)
        await world.client(world.transport(inner)).aclose()
        assert inner.calls == ["close"]

    async def test_closing_an_unused_client_builds_no_inner_transport(
        self, world: World
    ) -> None:
        transport = world.transport()
        await world.client(transport).aclose()
        for asynchronous in (False, True):
            assert side_of(transport, asynchronous=asynchronous).made is None

    async def test_a_transport_works_without_entry_and_after_it_was_closed(
        self, world: World, server: Server
    ) -> None:
        transport = world.transport()
        for _ in range(2):
            client = world.client(transport)
            assert (await client.get(server.url)).status_code == 200
            await client.aclose()

    async def test_only_the_side_that_is_used_is_built(
        self, world: World, server: Server
    ) -> None:
        transport = world.transport()
        async with world.client(transport) as client:
            await client.get(server.url)
        assert side_of(transport, asynchronous=world.sync).made is None

    @pytest.mark.parametrize("runtime", ["sync"])
    async def test_threads_build_the_inner_transport_once(
        self, world: World, monkeypatch: Any
    ) -> None:
        transport = world.transport()
        barrier = threading.Barrier(8)
        made = set()

        def use() -> None:
            barrier.wait()
            made.add(id(inner_of(transport, asynchronous=False)))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(anyio.to_thread.run_sync, use)
        assert len(made) == 1

    async def test_one_transport_serves_both_sides(
        self, library: str, server: Server
    ) -> None:
        module, ours = LIBRARIES[library]
        transport = ours.RetryingTransport()
        async with module.AsyncClient(transport=transport) as client:
            assert (await client.get(server.url)).status_code == 200
        with module.Client(transport=transport) as client:
            assert client.get(server.url).status_code == 200
