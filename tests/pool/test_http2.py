"""The pool over HTTP/2: requests share a connection once it is negotiated."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import trustme
from h2.connection import H2Connection
from h2.settings import SettingCodes
from support.gates import Gate, burst, in_total, patient, pooling, until
from support.h2_server import Answer, H2Server, defer, ok
from support.server import Server, Step, close, reply
from support.tls_server import TLSServer
from support.world import World, in_async

pytestmark = pytest.mark.anyio

in_threads = pytest.mark.parametrize("runtime", ["sync"])


def answer(*streams: int) -> Answer:
    def step(connection: H2Connection, stream: int) -> bool:
        for each in (*streams, stream):
            ok(connection, each)
        return True

    return step


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

    async def test_a_cold_burst_does_not_wait_for_the_first_response(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        transport = pooling(world, 100, **secure)
        unanswered = [defer] * 19
        with H2Server(
            *unanswered, answer(*range(1, 39, 2)), authority=authority
        ) as server:
            async with world.client(transport) as client:
                assert await burst(world, client, server.url, 20) == [200] * 20
            assert server.connections == 1

    async def test_a_cold_burst_over_http11_opens_several_connections(
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

    async def test_if_the_first_connection_fails_another_one_negotiates(
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

    async def test_with_prior_knowledge_a_burst_opens_one_connection(
        self, world: World
    ) -> None:
        transport = pooling(world, 10, http1=False, http2=True)
        with H2Server(defer, defer, answer(1, 3)) as server:
            async with world.client(transport) as client:
                assert await burst(world, client, server.url, 3) == [200] * 3
            assert server.connections == 1

    async def test_without_tls_connections_are_http11(
        self, world: World, server: Server
    ) -> None:
        transport = pooling(world, 10, http2=True)
        async with world.client(transport) as client:
            assert await burst(world, client, server.url, 3) == [200] * 3
        assert server.connections == in_total(transport)["opened"]

    async def test_the_trace_function_of_the_caller_is_called(
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
            transport = pooling(world, 1, **secure)
            async with world.client(transport) as client:
                await client.get(server.url)
                await client.get(server.url)
                assert await burst(world, client, server.url, 9) == [200] * 9
            assert (max(open_at_once), server.connections) == (2, 1)


@in_async
async def test_another_origin_does_not_starve_beside_shared_connections(
    world: World, server: Server, authority: trustme.CA, secure: dict[str, Any]
) -> None:
    """A shared connection that always has a request is never idle."""
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
    """httpcore's HTTP/2 is not thread-safe: each thread has a connection of its own."""

    @pytest.mark.parametrize("knowing", [False, True])
    async def test_threads_do_not_share_a_connection(
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
