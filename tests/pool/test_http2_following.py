"""The pool over HTTP/2: requests wait for a connection that another one opens."""

from __future__ import annotations

import contextlib
import gc
import ssl
import threading
from typing import Any

import anyio
import pytest
import trustme
from h2.connection import H2Connection
from h2.settings import SettingCodes
from support.gates import burst, in_total, pooling, until
from support.h2_server import Answer, H2Server, defer, leave, ok
from support.world import World, in_async

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio


class Hanging(H2Server):
    """Says nothing on its first connections, so that their handshakes hang."""

    def __init__(self, hanging: float, **options: Any) -> None:
        self.hanging = hanging
        self.released = threading.Event()
        super().__init__(**options)

    def _serve(self, sock: Any) -> None:
        if self.connections <= self.hanging:
            with sock:
                self.released.wait(10)
        else:
            super()._serve(sock)

    def __exit__(self, *exc: object) -> None:
        self.released.set()
        super().__exit__(*exc)


def allowing(streams: int) -> Answer:
    def answer(connection: H2Connection, stream: int) -> bool:
        connection.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: streams})
        return ok(connection, stream)

    return answer


def without_retries(world: World, transport: Any, connect: float, **rest: Any) -> Any:
    timeout = world.library.Timeout(10, connect=connect, pool=None)
    return world.client(transport, timeout=timeout, **rest)


async def failures(
    world: World, client: Any, url: str, timeouts: list[float | None]
) -> list[Any]:
    """Send requests at once, with these connect timeouts. Return their exceptions."""
    caught: list[Any] = []

    def one(seconds: float | None) -> Any:
        async def get() -> None:
            timeout = world.library.Timeout(10, connect=seconds, pool=None)
            with pytest.raises(world.library.TransportError) as info:
                await client.get(url, timeout=timeout)
            caught.append(info.value)

        return get

    await world.together(*map(one, timeouts))
    return caught


@in_async
class TestAConnectionThatIsNotOpened:
    async def test_a_handshake_that_hangs_is_a_connect_timeout_for_all(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with Hanging(99, authority=authority) as server:
            async with world.client(pooling(world, 100, **secure)) as client:
                caught = await failures(world, client, server.url, [0.2] * 5)
            assert server.connections == 1
        assert {type(each) for each in caught} == {world.library.ConnectTimeout}

    async def test_a_refused_connection_is_a_connect_error_for_all(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with H2Server(authority=authority) as server:
            url = server.url
        async with world.client(pooling(world, 100, **secure)) as client:
            caught = await failures(world, client, url, [10] * 5)
        assert {type(each) for each in caught} == {world.library.ConnectError}
        assert all(str(each) for each in caught)

    async def test_an_untrusted_certificate_is_final_for_all(
        self, world: World, authority: trustme.CA
    ) -> None:
        transport = world.transport(http2=True, verify=ssl.create_default_context())
        with H2Server(authority=authority) as server:
            async with world.client(transport) as client:
                caught = await failures(world, client, server.url, [10] * 5)
            assert server.connections == 1
        assert [len(attempts_of(each)) for each in caught] == [1] * 5

    async def test_a_request_that_is_more_patient_opens_a_connection_of_its_own(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        statuses: list[int] = []
        with Hanging(1, authority=authority) as server:
            transport = pooling(world, 100, **secure)
            async with world.client(transport) as client:

                async def hasty() -> None:
                    await failures(world, client, server.url, [0.2])

                async def patient() -> None:
                    await until(world, lambda: server.connections == 1)
                    response = await client.get(server.url, timeout=10)
                    statuses.append(response.status_code)

                await world.together(hasty, patient)
            assert server.connections == 2
        assert statuses == [200]

    async def test_a_request_that_is_less_patient_does_not_wait_for_the_other(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with Hanging(1, authority=authority) as server:
            transport = pooling(world, 100, **secure)
            async with world.client(transport) as client:

                async def patient() -> None:
                    timeout = world.library.Timeout(20)
                    with contextlib.suppress(world.library.TransportError):
                        await client.get(server.url, timeout=timeout)

                async def hasty() -> None:
                    await until(world, lambda: server.connections == 1)
                    (caught,) = await failures(world, client, server.url, [0.2])
                    assert type(caught) is world.library.ConnectTimeout
                    # The next request does not trust that handshake any more.
                    assert (await client.get(server.url)).status_code == 200
                    server.released.set()

                await world.together(patient, hasty)
            assert server.connections == 2

    async def test_requests_behind_a_hanging_handshake_are_retried_at_once(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with Hanging(1, authority=authority) as server:
            transport = world.transport(**secure)
            timeout = world.library.Timeout(10, connect=0.3)
            async with world.client(transport, timeout=timeout) as client:
                assert await burst(world, client, server.url, 8) == [200] * 8
            assert server.connections == 2

    # httpcore does not close the socket of a handshake that is cancelled.
    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
    async def test_if_the_request_that_opens_it_is_cancelled_another_one_does(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        scope, statuses = anyio.CancelScope(), list[int]()
        with Hanging(1, authority=authority) as server:
            transport = pooling(world, 100, **secure)
            async with world.client(transport) as client:

                async def first() -> None:
                    with scope:
                        await client.get(server.url)

                async def second() -> None:
                    await until(world, lambda: server.connections == 1)
                    statuses.append((await client.get(server.url)).status_code)

                async def cancel() -> None:
                    await until(world, lambda: transport.stats().waiting == 1)
                    scope.cancel()

                await world.together(first, second, cancel)
            assert (statuses, server.connections) == ([200], 2)
        gc.collect()

    async def test_without_a_free_slot_it_waits_as_long_as_the_pool_timeout_allows(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        """The connection is open, but allows one stream; and the pool has one slot."""
        with H2Server(allowing(1), defer, authority=authority) as server:
            transport = pooling(world, 1, **secure)
            timeout = world.library.Timeout(10, pool=0.1)
            async with world.client(transport, timeout=timeout) as client:
                await client.get(server.url)
                caught: list[Any] = []

                async def held() -> None:
                    with contextlib.suppress(world.library.ReadTimeout):
                        await client.get(
                            server.url, timeout=world.library.Timeout(10, read=1)
                        )

                async def waits() -> None:
                    await until(world, lambda: server.requests == 2)
                    with pytest.raises(world.library.PoolTimeout) as info:
                        await client.get(server.url)
                    caught.append(info.value)

                await world.together(held, waits)
            assert len(caught) == server.connections == 1


@in_async
class TestTheStreamsThatAServerAllows:
    async def test_a_request_beyond_them_opens_another_connection(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with H2Server(allowing(2), defer, defer, authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                await client.get(server.url)

                async def held() -> None:
                    timeout = world.library.Timeout(10, read=1)
                    with contextlib.suppress(world.library.ReadTimeout):
                        await client.get(server.url, timeout=timeout)

                async def third() -> None:
                    await until(world, lambda: server.requests == 3)
                    assert (await client.get(server.url)).status_code == 200
                    assert server.connections == 2

                await world.together(held, held, third)

    async def test_a_burst_beyond_them_shares_the_next_connection_too(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with H2Server(allowing(3), authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                await client.get(server.url)
                assert await burst(world, client, server.url, 12) == [200] * 12
            assert server.connections <= 4
            assert "waiting" not in in_total(transport)


class TestAnIdleConnection:
    """Nothing was sent on it: another one serves the next request, whatever its method."""

    @pytest.mark.parametrize("end", ["goaway", "fin"])
    async def test_one_that_its_server_has_left_is_not_used(
        self, world: World, authority: trustme.CA, secure: dict[str, Any], end: str
    ) -> None:
        connections: list[H2Connection] = []

        def remembered(connection: H2Connection, stream: int) -> bool:
            connections.append(connection)
            return ok(connection, stream)

        with H2Server(remembered, authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                await client.post(server.url)
                (sock,) = server.open_connections
                if end == "goaway":
                    leave(1)(connections[0], 1)
                    sock.sendall(connections[0].data_to_send())
                else:
                    sock.shutdown(1)  # of the socket itself: without a close_notify
                await until(world, lambda: arrived(transport, world))
                await world.sleep(0.02)
                response = await client.post(server.url)
                assert in_total(transport) == {"idle": 1, "opened": 2}
            assert response.status_code == 200
            assert (server.requests, server.connections) == (2, 2)


def arrived(transport: Any, world: World) -> bool:
    from support.gates import state_of

    (slot,) = state_of(transport, world).slots
    readable: bool = slot.connection.get_extra_info("is_readable")
    return readable


class TestAStreamThatIsLeft:
    def answering(self, *, complete: bool) -> Answer:
        def answer(connection: H2Connection, stream: int) -> bool:
            connection.send_headers(stream, [(":status", "200")])
            connection.send_data(stream, b"data", end_stream=complete)
            return True

        return answer

    async def read_some(self, world: World, client: Any, url: str) -> None:
        response = await client.send(client.build_request("GET", url), stream=True)
        async for _ in world.chunks(response):
            break
        await world.close(response)

    @pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
    async def test_its_connection_is_closed(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        """Over HTTP/2, httpcore does not tell the server, nor give back the window."""
        with H2Server(self.answering(complete=False), authority=authority) as server:
            transport = pooling(world, 10, **secure)
            async with world.client(transport) as client:
                await self.read_some(world, client, server.url)
                await client.get(server.url)
                assert in_total(transport) == {"idle": 1, "opened": 2}
            assert server.connections == 2

    async def test_after_the_last_chunk_its_connection_is_used_again(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with H2Server(self.answering(complete=True), authority=authority) as server:
            async with world.client(pooling(world, 10, **secure)) as client:
                for _ in range(2):
                    await client.get(server.url)
            assert server.connections == 1

    @pytest.mark.parametrize("method", ["HEAD", "GET"])
    async def test_a_response_without_a_body_need_not_be_read(
        self, world: World, authority: trustme.CA, secure: dict[str, Any], method: str
    ) -> None:
        def empty(connection: H2Connection, stream: int) -> bool:
            connection.send_headers(stream, [(":status", "204")], end_stream=True)
            return True

        with H2Server(empty, authority=authority) as server:
            async with world.client(pooling(world, 10, **secure)) as client:
                request = client.build_request(method, server.url)
                await world.close(await client.send(request, stream=True))
                await client.get(server.url)
            assert server.connections == 1


async def test_a_goaway_within_a_body_is_an_exception_of_the_library(
    world: World, authority: trustme.CA, secure: dict[str, Any]
) -> None:
    """httpcore lets that of h2 through."""

    def begin(connection: H2Connection, stream: int) -> bool:
        connection.send_headers(stream, [(":status", "200")])
        return True

    def end(connection: H2Connection, stream: int) -> None:
        leave(stream)(connection, stream)
        connection.send_data(stream, b"rest", end_stream=True)

    connections: list[H2Connection] = []

    def remembered(connection: H2Connection, stream: int) -> bool:
        connections.append(connection)
        return begin(connection, stream)

    with H2Server(remembered, authority=authority) as server:
        async with world.client(pooling(world, 10, **secure)) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            end(connections[0], 1)
            server.open_connections[0].sendall(connections[0].data_to_send())
            with pytest.raises(world.library.RemoteProtocolError):
                await world.read(response)
            await world.close(response)
            await client.get(server.url)
        assert server.connections == 2
