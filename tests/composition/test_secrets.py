"""Nothing secret in whatever the library writes, on a real wire."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from support.server import Server, Step, close, raw, reply
from support.telemetry import Traces
from support.world import World

from httpx_resilient import explain
from httpx_resilient.prometheus import Metrics

pytestmark = pytest.mark.anyio

SECRET = "hunter2"
PATH = f"bot1:{SECRET}/send;token={SECRET}"

ANSWERS: dict[str, Step] = {
    "a cookie in a malformed line": close(
        f"HTTP/1.1 200 X\r\nSet-Cookie\0: {SECRET}\r\n\r\n".encode()
    ),
    "a malformed status line": close(f"{SECRET}\r\n\r\n".encode()),
    "a malformed length": close(
        f"HTTP/1.1 200 X\r\nContent-Length: {SECRET}\r\n\r\n".encode()
    ),
    "a malformed chunk": close(
        f"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode()
    ),
    "a redirect with a password": raw(
        f"HTTP/1.1 302 X\r\nLocation: //me:{SECRET}/x@a:1/\r\n"
        "Content-Length: 0\r\n\r\n".encode()
    ),
    "a redirect to a token": reply(302, location=f"http://[::1]:9/{PATH}?key={SECRET}"),
    "an error": reply(503, SECRET.encode(), x_secret=SECRET),
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_nothing_secret_is_written(
    world: World, server: Server, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "httpx_resilient")
    server.play(ANSWERS[answer])
    registry, traces, events = CollectorRegistry(), Traces(world), list[Any]()
    metrics = Metrics(registry)

    def listen(event: Any) -> None:
        events.append(event)
        metrics(event)

    attempts = world.transport(
        traces.layer(on_event=listen), on_event=listen, idempotency_key=True
    )
    url = server.url.replace("://", f"://me:{SECRET}@")
    outcome: Any = None
    async with world.client(traces.layer(attempts), follow_redirects=True) as client:
        try:
            outcome = await client.get(
                f"{url}{PATH}?key={SECRET}#{SECRET}",
                headers={"Authorization": f"Bearer {SECRET}", "Cookie": SECRET},
            )
        except (world.library.HTTPError, world.library.InvalidURL) as error:
            outcome = error
    written = [
        "".join(record.getMessage() for record in caplog.records),
        *(str(vars(record)) for record in caplog.records if "httpx_res" in record.name),
        explain(outcome),
        *getattr(outcome, "__notes__", []),
        generate_latest(registry).decode(),
        *(span.to_json() for span in traces.spans),
        *(f"{event} {event!r} {event.fields()}" for event in events),
        repr(attempts),
    ]
    assert [text for text in written if SECRET in text] == []


@pytest.mark.usefixtures("stock")  # our own connections quote nothing
async def test_the_exception_itself_is_that_of_the_library(
    world: World, server: Server
) -> None:
    """Its text is not ours to change: callers may compare it."""
    assert "Set-Cookie" in await refused_line(world, server)


@pytest.mark.usefixtures("wire")
async def test_our_own_connections_quote_no_line_of_an_answer(
    world: World, server: Server
) -> None:
    assert "Set-Cookie" not in await refused_line(world, server)


async def refused_line(world: World, server: Server) -> str:
    """Return the traceback of a client that got a malformed line with a cookie."""
    server.play(ANSWERS["a cookie in a malformed line"])
    async with world.client() as client:
        with pytest.raises(world.library.RemoteProtocolError) as caught:
            await client.get(server.url)
    return "".join(traceback.format_exception(caught.value))
