"""HTTP/2 with hypercorn: many concurrent requests over one connection."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config
from support.tls_server import trusting
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio


class App:
    """Answers 503 twice to each path, then echoes the body."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.clients: set[Any] = set()
        self.versions: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        self.seen[scope["path"]] += 1
        self.clients.add(scope["client"])
        self.versions.add(scope["http_version"])
        status = 503 if self.seen[scope["path"]] <= 2 else 200
        content = body if status == 200 else b"not now"
        start = {"type": "http.response.start", "status": status, "headers": []}
        await send(start)
        await send({"type": "http.response.body", "body": content})


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def url(app: App, authority: trustme.CA, tmp_path: Path) -> Iterator[str]:
    """Run hypercorn in a thread with its own event loop, and yield its URL."""
    certificate = authority.issue_cert("127.0.0.1")
    pem = tmp_path / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(pem)
    # Pass a bound descriptor, because hypercorn does not report a port that it chooses.
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = Config.from_mapping(
        bind=[f"fd://{listener.detach()}"],
        certfile=str(pem),
        keyfile=str(pem),
        alpn_protocols=["h2"],
        accesslog=None,
        errorlog=None,
    )
    started: Future[Callable[[], object]] = Future()

    async def run() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        started.set_result(lambda: loop.call_soon_threadsafe(stop.set))
        await serve(app, config, shutdown_trigger=stop.wait, mode="asgi")

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    stop = started.result()
    yield f"https://127.0.0.1:{port}/"
    stop()
    thread.join()


BODIES = [bytes([number]) * number * 997 for number in range(1, 41)]


@pytest.fixture
def client(world: World, authority: trustme.CA) -> Any:
    transport = world.transport(
        http1=False,
        http2=True,
        verify=trusting(authority),
        retry=world.ours.retry_if_transient("POST"),
        budget=False,  # the load on the server does not matter here
    )
    return world.client(transport, timeout=30)


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_concurrent_requests_all_succeed_with_their_own_bodies(
    world: World, app: App, client: Any, url: str, method: str
) -> None:
    ended: dict[str, Any] = {}

    def sending(path: str, body: bytes) -> Callable[[], Awaitable[None]]:
        async def send() -> None:
            ended[path] = await client.request(method, url + path, content=body)

        return send

    expected = {str(number): body for number, body in enumerate(BODIES)}
    async with client:
        await world.together(*(sending(*request) for request in expected.items()))
    assert {path: response.content for path, response in ended.items()} == expected
    for response in ended.values():
        assert [a.outcome for a in attempts_of(response)] == [503, 503, 200]
    assert set(app.seen.values()) == {3}
    assert app.versions == {"2"}
    # Tasks share a connection. Threads do not, because httpcore's synchronous HTTP/2 is
    # not thread-safe (pydantic/httpx2, pull request 1153). On a busy machine, a 503 whose
    # body arrives late costs a connection, but not a request.
    assert world.sync or len(app.clients) <= 3


@pytest.mark.parametrize("runtime", ["sync"])
async def test_consecutive_requests_all_succeed_with_their_own_bodies(
    app: App, client: Any, url: str
) -> None:
    async with client:
        for number, body in enumerate(BODIES):
            response = await client.post(f"{url}{number}", content=body)
            assert response.content == body
            assert [a.outcome for a in attempts_of(response)] == [503, 503, 200]
    assert (app.versions, len(app.clients)) == ({"2"}, 1)
