"""Which connection serves a request: one of our own, or one of the family."""

from __future__ import annotations

import importlib
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import respx
import trustme
import vcr
from support.gates import pooling
from support.h2_server import H2Server
from support.server import Server, raw
from support.tls_server import TLSServer, trusting
from support.world import World

from httpx_resilient._core.family import Family
from httpx_resilient._wire import wiring
from httpx_resilient._wire.wiring import Wiring
from httpx_resilient.events import ConnectionOpened

pytestmark = pytest.mark.anyio

Patch = pytest.MonkeyPatch


def kinds(transport: Any) -> str:
    """Return which kinds of connections a transport has opened."""
    stats = transport.stats()
    return "wire" * stats.wired + "stock" * (stats.opened - stats.wired)


async def kind_of(world: World, server: Server, **options: Any) -> str:
    """Return the kind of the connection that a new client opens for a request."""
    transport = pooling(world, **options)
    async with world.client(transport) as client:
        assert (await client.get(server.url)).status_code == 200
    return kinds(transport)


async def test_a_connection_is_our_own_by_default(world: World, server: Server) -> None:
    assert await kind_of(world, server) == "wire"


class TestSwitch:
    async def test_the_option_switches_it_off(
        self, world: World, server: Server
    ) -> None:
        assert await kind_of(world, server, wire=False) == "stock"

    async def test_each_layer_has_the_option(
        self, world: World, server: Server
    ) -> None:
        seen: list[Any] = []
        transport = world.transport(wire=False, on_event=seen.append)
        async with world.client(transport) as client:
            await client.get(server.url)
        (opened,) = [each for each in seen if isinstance(each, ConnectionOpened)]
        assert not opened.wired

    async def test_the_environment_switches_it_off(
        self, world: World, server: Server, stock: None
    ) -> None:
        assert await kind_of(world, server) == "stock"
        assert await kind_of(world, server, wire=True) == "stock"

    @pytest.mark.parametrize("given", ["no", 0, None])
    def test_the_option_is_a_boolean(self, world: World, given: Any) -> None:
        with pytest.raises(TypeError, match="wire is True or False; got"):
            world.ours.RetryingTransport(wire=given)

    async def test_events_tell_the_kind(self, world: World, server: Server) -> None:
        seen: list[Any] = []
        await kind_of(world, server, on_event=seen.append)
        assert [each.wired for each in seen] == [True]


class TestParser:
    """httptools is missing where it has no wheel and nothing can compile it."""

    async def test_without_the_parser_all_goes_through_the_family(
        self, world: World, server: Server, monkeypatch: Patch
    ) -> None:
        monkeypatch.setitem(sys.modules, "httptools", None)
        assert await kind_of(world, server) == "stock"

    async def test_a_parser_that_is_too_old_is_not_used(
        self, world: World, server: Server, monkeypatch: Patch
    ) -> None:
        old = SimpleNamespace(HttpResponseParser=object)
        monkeypatch.setitem(sys.modules, "httptools", old)
        assert await kind_of(world, server) == "stock"


def patched(world: World) -> dict[str, tuple[Any, str]]:
    """Return the methods that mocks and instrumentations replace."""
    core = f"{world.library.__name__.replace('httpx', 'httpcore')}"
    kind, method = ("", "handle_request") if world.sync else ("Async", "")
    method = method or "handle_async_request"
    side = "_sync" if world.sync else "_async"
    backend = ("sync", "SyncBackend") if world.sync else ("auto", "AutoBackend")

    def found(module: str, name: str) -> Any:
        return getattr(importlib.import_module(f"{core}.{module}"), name)

    return {
        "transport": (type(world.http()), method),
        "pool": (found(f"{side}.connection_pool", f"{kind}ConnectionPool"), method),
        "connection": (found(f"{side}.connection", f"{kind}HTTPConnection"), method),
        "backend": (found(f"_backends.{backend[0]}", backend[1]), "connect_tcp"),
    }


class TestPatches:
    @pytest.mark.parametrize("place", ["transport", "pool", "connection", "backend"])
    async def test_a_method_that_is_replaced_sees_the_requests_of_any_client(
        self, world: World, server: Server, monkeypatch: Patch, place: str
    ) -> None:
        owner, name = patched(world)[place]
        original, calls = getattr(owner, name), []

        def replacement(*args: Any, **options: Any) -> Any:
            calls.append(name)
            return original(*args, **options)

        before = pooling(world, 2)
        async with world.client(before) as client:
            await client.get(server.url)
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, replacement)
                await client.get(server.url)
                assert len(calls) == 1
                assert await kind_of(world, server) == "stock"
                assert len(calls) == 2
            await client.get(server.url)
            assert len(calls) == 2
        assert (before.stats().opened, before.stats().wired) == (2, 1)
        assert before.stats().reused == 1

    async def test_a_client_that_was_first_used_under_a_patch_stays_with_the_family(
        self, world: World, server: Server, monkeypatch: Patch
    ) -> None:
        owner, name = patched(world)["pool"]
        original = getattr(owner, name)
        transport = pooling(world)
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda *args: original(*args))
            client = world.client(transport)
            await client.get(server.url)
        await client.get(server.url)
        assert kinds(transport) == "stock"
        await client.aclose()

    async def test_a_wrapper_that_is_no_function_is_a_patch(
        self, world: World, server: Server, monkeypatch: Patch
    ) -> None:
        owner, name = patched(world)["pool"]

        class Wrapper:
            """As wrapt makes them."""

            def __init__(self, function: Any) -> None:
                self.function = function

            def __get__(self, instance: Any, owner: Any) -> Any:
                return self.function.__get__(instance, owner)

        class Bound(Wrapper):
            def __get__(self, instance: Any, owner: Any) -> Any:
                return self if instance is None else super().__get__(instance, owner)

        for make in (Wrapper, Bound):
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, make(getattr(owner, name)))
                expected = "wire" if make is Wrapper else "stock"
                assert await kind_of(world, server) == expected

    async def test_a_guard_in_place_of_the_sockets_is_asked(
        self, world: World, server: Server, monkeypatch: Patch
    ) -> None:
        class Guard(socket.socket):
            """As gevent and pytest-socket have them."""

        monkeypatch.setattr(socket, "socket", Guard)
        assert await kind_of(world, server) == "stock"

    @pytest.mark.parametrize("runtime", ["sync"])
    async def test_a_guard_in_place_of_the_connect_of_threads_is_asked(
        self, world: World, server: Server, monkeypatch: Patch
    ) -> None:
        connect, calls = socket.create_connection, []

        def guard(*args: Any, **options: Any) -> Any:
            calls.append(args)
            return connect(*args, **options)

        before = pooling(world, 2)
        async with world.client(before) as client:
            await client.get(server.url)
            monkeypatch.setattr(socket, "create_connection", guard)
            await client.get(server.url)
        assert (before.stats().wired, before.stats().opened, len(calls)) == (1, 2, 1)
        assert await kind_of(world, server) == "stock"

    @pytest.mark.parametrize("part", ["module", "class"])
    async def test_a_core_that_has_moved_its_parts_is_not_replaced(
        self, world: World, server: Server, monkeypatch: Patch, part: str
    ) -> None:
        names = list(wiring._SYNC if world.sync else wiring._ASYNC)
        where = (
            ("moved", *names[0][1:])
            if part == "module"
            else (names[0][0], "Moved", "x")
        )
        for table in ("_SYNC", "_ASYNC"):
            monkeypatch.setattr(wiring, table, (where, *names[1:]))
        assert await kind_of(world, server) == "stock"


@contextmanager
def by_respx(_: str) -> Iterator[Callable[[], int]]:
    with respx.mock() as router:
        route = router.get(url__regex=".*").mock(return_value=httpx.Response(200))
        yield lambda: route.call_count


@contextmanager
def by_vcr(tape: str) -> Iterator[Callable[[], int]]:
    with vcr.use_cassette(tape) as cassette:
        yield lambda: len(cassette.requests)


TOOLS = {"respx": by_respx, "vcrpy": by_vcr}


@pytest.mark.parametrize("library", ["httpx"])
@pytest.mark.parametrize("tool", TOOLS)
async def test_a_tool_sees_the_requests_of_clients_made_before_and_after_it_starts(
    world: World, server: Server, tool: str, tmp_path: Any
) -> None:
    before = pooling(world, 2)
    async with world.client(before) as client:
        await client.get(server.url)
        with TOOLS[tool](str(tmp_path / "cassette.yaml")) as seen:
            await client.get(f"{server.url}before")
            assert seen() == 1
            async with world.client(pooling(world)) as other:
                await other.get(f"{server.url}after")
            assert seen() == 2
        await client.get(server.url)
    assert before.stats().wired == 1
    assert before.stats().reused >= 1  # the connection from before the tool


class TestRequests:
    async def test_one_that_is_traced_is_served_by_the_family(
        self, world: World, server: Server
    ) -> None:
        steps: list[str] = []

        async def trace(step: str, _: Any) -> None:
            steps.append(step)

        extensions = {"trace": (lambda *a: steps.append(a[0])) if world.sync else trace}
        transport = pooling(world)
        async with world.client(transport) as client:
            await client.get(server.url, extensions=extensions)
        assert kinds(transport) == "stock"
        assert "http11.send_request_headers.started" in steps

    @pytest.mark.parametrize("name", ["Upgrade", "upgrade", "UPGRADE"])
    async def test_one_that_asks_for_another_protocol_is_served_by_the_family(
        self, world: World, server: Server, name: str
    ) -> None:
        server.play(raw(b"HTTP/1.1 101 Yes\r\nupgrade: echo\r\n\r\n", keep=False))
        transport = pooling(world)
        async with world.client(transport) as client:
            request = client.build_request("GET", server.url, headers={name: "echo"})
            response = await client.send(request, stream=True)
            assert response.status_code == 101
            await world.close(response)
        assert kinds(transport) == "stock"

    async def test_a_header_that_is_as_long_as_upgrade_changes_nothing(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world)
        async with world.client(transport) as client:
            await client.get(server.url, headers={"Referer": "x"})
        assert kinds(transport) == "wire"

    async def test_connect_is_served_by_the_family(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world)
        async with world.client(transport) as client:
            await client.request("CONNECT", server.url)
        assert kinds(transport) == "stock"

    async def test_one_to_a_proxy_is_served_by_the_family(
        self, world: World, server: Server, monkeypatch: Patch
    ) -> None:
        assert await kind_of(world, server, proxy=server.url) == "stock"
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.setenv("NO_PROXY", "localhost")
        assert await kind_of(world, server) == "stock"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert await kind_of(world, server) == "wire"

    @pytest.mark.parametrize("name", ["connection", "http11", ""])
    async def test_one_whose_steps_are_logged_is_served_by_the_family(
        self, world: World, server: Server, caplog: Any, name: str
    ) -> None:
        core = world.library.__name__.replace("httpx", "httpcore")
        logger = logging.getLogger(f"{core}.{name}".rstrip("."))
        caplog.set_level(logging.DEBUG, logger.name)
        assert await kind_of(world, server) == "stock"
        caplog.set_level(logging.INFO, logger.name)
        assert await kind_of(world, server) == "wire"


class TestHTTP2:
    async def test_over_plain_http_there_is_none(
        self, world: World, server: Server
    ) -> None:
        assert await kind_of(world, server, http2=True) == "wire"

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    async def test_a_server_that_speaks_it_is_served_by_the_family(
        self, world: World, authority: trustme.CA
    ) -> None:
        transport = pooling(world, http2=True, verify=trusting(authority))
        with H2Server(authority=authority) as server:
            async with world.client(transport) as client:
                for _ in range(2):
                    response = await client.get(server.url)
                    assert response.http_version == "HTTP/2"
        assert kinds(transport) == "stock"

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    async def test_a_server_that_is_known_to_speak_none_is_served_by_our_own(
        self, world: World, authority: trustme.CA
    ) -> None:
        transport = pooling(world, http2=True, verify=trusting(authority))
        with TLSServer(authority) as server:
            async with world.client(transport) as client:
                for _ in range(3):
                    assert (await client.get(server.url)).http_version == "HTTP/1.1"
        stats = transport.stats()
        assert (stats.opened, stats.wired, stats.reused) == (2, 1, 1)

    async def test_without_http1_nothing_is_served_by_our_own(
        self, world: World
    ) -> None:
        assert not wiring_of(world, http1=False, http2=True).is_possible


def wiring_of(world: World, **options: Any) -> Wiring:
    family: Family = world.ours._FAMILY
    return Wiring(
        family, options, lambda _: True, lambda _: False, asynchronous=not world.sync
    )


def test_the_origins_that_are_known_are_bounded(world: World) -> None:
    made = wiring_of(world)
    for port in range(wiring._MAX_ORIGINS + 1):
        request = world.library.Request("GET", f"http://a.test:{port}/")
        assert made.takes(request, ("http", "a.test", port))
    assert len(made._direct) == 1


def test_another_scheme_is_not_served(world: World) -> None:
    request = world.library.Request("GET", "ws://a.test/")
    assert not wiring_of(world).takes(request, ("ws", "a.test", None))
