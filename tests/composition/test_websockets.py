"""WebSockets: the transport retries the upgrade, and returns the connection."""

from __future__ import annotations

import contextlib
import http
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx_ws
import pytest
import tenacity
from httpx2.websockets import WebSocketUpgradeError
from support.world import World
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio


class EchoServer:
    """A server of the `websockets` package that echoes, after some refusals."""

    def __init__(self, refusals: int) -> None:
        self.requests = 0
        self.addresses: set[Any] = set()
        self._refusals = refusals
        self._server = serve(
            self._echo, "127.0.0.1", 0, process_request=self._decide, ping_interval=None
        )
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _decide(self, connection: Any, request: Any) -> Any:
        self.requests += 1
        self.addresses.add(connection.remote_address)
        if self.requests <= self._refusals:
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "not now")
        return None

    def _echo(self, connection: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()


@pytest.fixture
def serving() -> Iterator[Callable[[int], EchoServer]]:
    with contextlib.ExitStack() as stack:

        def start(refusals: int) -> EchoServer:
            server = EchoServer(refusals)
            stack.callback(server.stop)
            return server

        yield start


class Session:
    """A session of either library, synchronous or not, behind one interface."""

    def __init__(self, session: Any, *, sync: bool) -> None:
        self.session = session
        self._sync = sync

    async def echo(self, text: str) -> str:
        if self._sync:
            self.session.send_text(text)
            return self.session.receive_text(timeout=10)
        await self.session.send_text(text)
        return await self.session.receive_text(timeout=10)


@contextlib.asynccontextmanager
async def connected(world: World, transport: Any, url: str) -> AsyncIterator[Session]:
    """Upgrade by httpx2's own WebSockets, or by httpx-ws for httpx."""
    own = world.library.__name__ == "httpx2"
    if world.sync:
        with world.library.Client(transport=transport) as client:
            connect = client.websocket(url) if own else httpx_ws.connect_ws(url, client)
            with connect as session:
                yield Session(session, sync=True)
        return
    async with world.library.AsyncClient(transport=transport) as client:
        connect = client.websocket(url) if own else httpx_ws.aconnect_ws(url, client)
        async with connect as session:
            yield Session(session, sync=False)


async def test_a_connection_echoes_messages(world: World, serving: Any) -> None:
    server = serving(0)
    async with connected(world, world.transport(), server.url) as session:
        echoes = [await session.echo(text) for text in ("one", "two", "three")]
    assert echoes == ["one", "two", "three"]
    assert server.requests == 1


async def test_a_refused_upgrade_is_retried(world: World, serving: Any) -> None:
    server = serving(2)
    async with connected(world, world.transport(), server.url) as session:
        assert await session.echo("finally") == "finally"
        attempts = attempts_of(session.session.response)
    assert [attempt.outcome for attempt in attempts] == [503, 503, 101]
    assert server.requests == 3


async def test_an_upgrade_that_is_always_refused_raises_with_the_last_response(
    world: World, serving: Any
) -> None:
    server = serving(9)
    # httpx2's WebSockets derive from httpx-ws: the names are the same.
    own = world.library.__name__ == "httpx2"
    refused = WebSocketUpgradeError if own else httpx_ws.WebSocketUpgradeError
    with pytest.raises(refused) as caught:
        async with connected(world, world.transport(), server.url):
            pass
    assert len(attempts_of(caught.value)) == server.requests == 3


async def test_a_101_is_returned_unchanged_even_with_retry_always(
    world: World, serving: Any
) -> None:
    server = serving(0)
    streams = []

    class Watched:
        """Records the stream of each 101 that the library's transport returns."""

        def __init__(self) -> None:
            self._http = world.http()

        def handle_request(self, request: Any) -> Any:
            response = self._http.handle_request(request)
            streams.append(response.extensions["network_stream"])
            return response

        async def handle_async_request(self, request: Any) -> Any:
            response = await self._http.handle_async_request(request)
            streams.append(response.extensions["network_stream"])
            return response

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            self._http.close()

        async def __aenter__(self) -> Any:
            return self

        async def __aexit__(self, *_: object) -> None:
            await self._http.aclose()

        def close(self) -> None:
            """Do nothing: `__exit__` closes the transport."""

        async def aclose(self) -> None:
            """Do nothing: `__exit__` closes the transport."""

    transport = world.transport(Watched(), retry=tenacity.retry_always)
    async with connected(world, transport, server.url) as session:
        assert await session.echo("hello") == "hello"
        assert session.session.stream is streams[0]
    assert server.requests == len(streams) == 1
