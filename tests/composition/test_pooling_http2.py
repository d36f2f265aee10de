"""The pool over HTTP/2: requests share a connection, and outlive it."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import anyio
import pytest
import trustme
from conftest import World
from gates import Gate, in_total, patient, pooling, until
from h2.connection import H2Connection
from h2.settings import SettingCodes
from h2_server import Answer, H2Server, go_away, ok, refuse
from server import Server, Step, close, reply
from tls_server import TLSServer, trusting

pytestmark = pytest.mark.anyio

in_async = pytest.mark.parametrize("runtime", ["asyncio", "trio"])
in_threads = pytest.mark.parametrize("runtime", ["sync"])


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> dict[str, Any]:
    return {"http2": True, "verify": trusting(authority)}


def keep(connection: H2Connection, stream: int) -> bool:
    """Do not answer yet."""
    return True


def answer(*streams: int) -> Answer:
    def step(connection: H2Connection, stream: int) -> bool:
        for each in (*streams, stream):
            ok(connection, each)
        return True

    return step


async def burst(world: World, client: Any, url: str, size: int) -> list[int]:
    statuses: list[int] = []

    async def get() -> None:
        statuses.append((await client.get(url)).status_code)

    await world.together(*[get] * size)
    return statuses


@in_async
class TestSharing:
    async def test_a_cold_burst_opens_one_connection(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        transport = pooling(world, 100, **secure)
        with H2Server(authority=authority) as server:
            async with world.client(transport) as client:
                assert await burst(world, client, server.url, 20) == [200] * 20
                assert in_total(transport) == {"idle": 1, "opened": 1, "reused": 19}
            assert server.connections == 1

    async def test_it_does_not_wait_for_the_first_answer(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        transport = pooling(world, 100, **secure)
        held = [keep] * 19
        with H2Server(*held, answer(*range(1, 39, 2)), authority=authority) as server:
            async with world.client(transport) as client:
                assert await burst(world, client, server.url, 20) == [200] * 20
            assert server.connections == 1

    async def test_over_http11_it_opens_several(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        gate = Gate()
        transport = pooling(world, 5, **secure)
        with TLSServer(authority, gate) as server:
            async with patient(world, transport) as client:

                async def let() -> None:
                    await until(world, lambda: server.requests == 5)
                    gate.let(20)

                async def all_of_them() -> None:
                    assert await burst(world, client, server.url, 20) == [200] * 20

                await world.together(all_of_them, let)
            assert in_total(transport) == {"opened": 5, "reused": 15}

    async def test_if_the_first_connection_fails_another_one_tells(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        script: list[Step] = [close(), reply()]
        transport = pooling(world, 5, **secure)
        with TLSServer(authority, *script) as server:
            async with patient(world, transport) as client:
                failed = []

                async def get() -> None:
                    try:
                        await client.get(server.url)
                    except world.library.RemoteProtocolError:
                        failed.append(1)

                await world.together(*[get] * 4)
        assert failed == [1]
        assert "waiting" not in in_total(transport)

    async def test_by_prior_knowledge(self, world: World) -> None:
        transport = pooling(world, 10, http1=False, http2=True)
        with H2Server(keep, keep, answer(1, 3)) as server:
            async with world.client(transport) as client:
                assert await burst(world, client, server.url, 3) == [200] * 3
            assert server.connections == 1

    async def test_without_tls_it_is_http11(self, world: World, server: Server) -> None:
        transport = pooling(world, 10, http2=True)
        async with world.client(transport) as client:
            assert await burst(world, client, server.url, 3) == [200] * 3
        assert server.connections == in_total(transport)["opened"]

    async def test_a_trace_of_the_callers_is_called_too(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        events = []

        async def trace(event: str, info: Any) -> None:
            events.append(event)

        with H2Server(authority=authority) as server:
            async with world.client(pooling(world, **secure)) as client:
                for _ in range(2):
                    await client.get(server.url, extensions={"trace": trace})
        assert events.count("http2.send_request_headers.started") == 2
        assert events.count("connection.start_tls.complete") == 1

    async def test_a_server_that_allows_two_streams_gets_two_at_a_time(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        open_at_once = []
        held: list[int] = []

        def two(connection: H2Connection, stream: int) -> bool:
            connection.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 2})
            return ok(connection, stream)

        def in_pairs(connection: H2Connection, stream: int) -> bool:
            open_at_once.append(connection.open_inbound_streams)
            held.append(stream)
            while len(held) == 2 or (held and len(open_at_once) == 9):
                ok(connection, held.pop())
            return True

        with H2Server(two, ok, *[in_pairs] * 9, authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                await client.get(server.url)
                await client.get(server.url)
                assert await burst(world, client, server.url, 9) == [200] * 9
            assert (max(open_at_once), server.connections) == (2, 1)


@in_async
class TestEnding:
    async def test_after_a_goaway_comes_a_new_connection(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        def last(connection: H2Connection, stream: int) -> bool:
            ok(connection, stream)
            return go_away(stream)(connection, stream)

        with H2Server(ok, last, authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                for _ in range(4):
                    assert (await client.get(server.url)).status_code == 200
                assert in_total(transport)["opened"] == 2
            assert (server.requests, server.connections) == (4, 2)

    async def test_those_that_a_goaway_does_not_cover_go_there(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with H2Server(ok, keep, keep, go_away(1), authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                await client.get(server.url)
                assert await burst(world, client, server.url, 3) == [200] * 3
            assert (server.requests, server.connections) == (1 + 3 + 3, 2)

    async def test_a_stream_that_goes_on_after_a_goaway_holds_nobody_up(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        def begin(connection: H2Connection, stream: int) -> bool:
            connection.send_headers(stream, [(":status", "200")])
            return True

        def last(connection: H2Connection, stream: int) -> bool:
            ok(connection, stream)
            return go_away(stream)(connection, stream)

        with H2Server(begin, last, authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with patient(world, transport) as client:
                request = client.build_request("GET", server.url)
                endless = await client.send(request, stream=True)
                await client.get(server.url)
                assert (await client.get(server.url, timeout=1)).status_code == 200
                await endless.aclose()
            assert server.connections == 2

    async def test_a_refused_stream_leaves_its_connection_to_the_others(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with H2Server(ok, refuse(7), authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                await client.get(server.url)
                with pytest.raises(world.library.RemoteProtocolError):
                    await client.get(server.url)
                await client.get(server.url)
                assert in_total(transport) == {"idle": 1, "opened": 1, "reused": 1}
            assert server.connections == 1

    async def test_a_body_that_is_reset_does_so_too(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        def half(connection: H2Connection, stream: int) -> bool:
            connection.send_headers(stream, [(":status", "200")])
            return refuse(7)(connection, stream)

        with H2Server(half, authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                with pytest.raises(world.library.RemoteProtocolError):
                    await client.get(server.url)
                await client.get(server.url)
            assert server.connections == 1

    async def test_closing_in_the_midst_of_the_first_handshake_lets_others_try(
        self, world: World, secure: dict[str, Any]
    ) -> None:
        """The first connection will not tell any more what the server speaks."""
        gate, failed = threading.Event(), []
        transport = pooling(world, 10, **secure)
        with NoTLS(gate) as server:
            client = patient(world, transport)

            async def get() -> None:
                with pytest.raises(world.library.ConnectError):
                    await client.get(server.url)
                failed.append(1)

            async def end() -> None:
                await until(world, lambda: server.connections == 1)
                await until(world, lambda: transport.stats().waiting == 2)
                await transport.aclose()
                gate.set()

            await world.together(get, get, get, end)
        assert failed == [1] * 3
        assert in_total(transport).keys() == {"retired"}

    async def test_after_a_cancelled_stream_comes_a_new_connection(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        """httpcore does not tell the server, and may have been in the midst of a frame."""
        with H2Server(ok, *[keep] * 10, authority=authority) as server:
            transport = pooling(world, 2, **secure)
            async with patient(world, transport) as client:
                await client.get(server.url)
                async with anyio.create_task_group() as others:
                    for _ in range(9):
                        others.start_soon(client.get, server.url)
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(client.get, server.url)
                        await until(world, lambda: server.requests == 11)
                        tasks.cancel_scope.cancel()
                    assert in_total(transport)["active"] == 9
                    assert (await client.get(server.url)).status_code == 200
                    assert server.connections == 2
                    others.cancel_scope.cancel()
                assert in_total(transport)["idle"] == 1
                assert "active" not in in_total(transport)


class NoTLS(Server):
    """Keeps its clients waiting, and then says what is no handshake."""

    def __init__(self, gate: threading.Event) -> None:
        self._gate = gate
        super().__init__()
        self.url = self.url.replace("http", "https")

    def _serve(self, sock: socket.socket, number: int) -> None:
        with sock, contextlib.suppress(OSError):
            self._gate.wait(10)
            sock.sendall(b"HTTP/1.1 400 Whatever\r\n\r\n")
            sock.recv(65536)


@in_async
async def test_another_origin_does_not_starve_beside_shared_connections(
    world: World, server: Server, authority: trustme.CA, secure: dict[str, Any]
) -> None:
    """One that is never without a request would never be free."""
    transport = pooling(world, 1, **secure)
    with H2Server(authority=authority) as busy:
        async with patient(world, transport) as client:
            await client.get(busy.url)

            async def load() -> None:
                while not server.requests and busy.requests < 2000:
                    await client.get(busy.url)

            async def get() -> None:
                await until(world, lambda: busy.requests > 20)
                await client.get(server.url)

            await world.together(load, load, load, get)
        assert busy.requests < 2000


@in_threads
class TestThreads:
    """httpcore's HTTP/2 is not made for them: each has a connection of its own."""

    @pytest.mark.parametrize("knowing", [False, True])
    async def test_one_request_at_a_time_on_a_connection(
        self,
        world: World,
        authority: trustme.CA,
        secure: dict[str, Any],
        knowing: bool,
    ) -> None:
        together = threading.Barrier(3)

        def wait(connection: H2Connection, stream: int) -> bool:
            together.wait(10)
            return ok(connection, stream)

        options = {"http1": False, "http2": True} if knowing else secure
        transport = pooling(world, 3, **options)
        with H2Server(*[wait] * 6, authority=None if knowing else authority) as server:
            async with world.client(transport) as client:
                assert await burst(world, client, server.url, 6) == [200] * 6
                assert in_total(transport) == {"idle": 3, "opened": 3, "reused": 3}
