"""The tracing layer: spans by the conventions, with the SDK of OpenTelemetry."""

from __future__ import annotations

import sys
from typing import Any

import anyio
import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import attach, detach
from opentelemetry.instrumentation.utils import (
    suppress_http_instrumentation,
    suppress_instrumentation,
)
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from support.server import Server, close, reply, reset, stall
from support.telemetry import Traces, told
from support.world import World, run

from httpx_resilient import HedgePolicy
from httpx_resilient.otel import TracingTransport, _tracing
from httpx_resilient.otel._suppression import suppression

pytestmark = pytest.mark.anyio


@pytest.fixture
def traces(world: World) -> Traces:
    return Traces(world)


@pytest.fixture
def failing(server: Server) -> Server:
    server.play(reset(), reply(503), reply(200))
    return server


async def test_an_attempt_is_a_client_span_by_the_conventions(
    world: World, server: Server, traces: Traces
) -> None:
    async with world.client(traces.layer()) as client:
        await client.get(server.url + "a?sig=secret", auth=("me", "secret"))
    (span,) = traces.spans
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "url.full": server.url + "a?sig=REDACTED",
    }


async def test_every_attempt_has_a_span_and_tells_the_server_that_one(
    world: World, failing: Server, traces: Traces
) -> None:
    async with world.client(world.transport(traces.layer())) as client:
        await client.get(failing.url)
    assert traces.statuses == [None, 503, 200]
    assert traces.values("error.type") == ["ReadError", "503", None]
    assert traces.values("http.request.resend_count") == [None, 1, 2]
    error = StatusCode.ERROR
    statuses = [span.status.status_code for span in traces.spans]
    assert statuses == [error, error, StatusCode.UNSET]
    assert traces.parents == [None] * 3
    assert told(failing) == traces.ids
    assert len(set(traces.ids)) == 3


async def test_around_another_one_it_is_the_parent_of_the_attempts(
    world: World, failing: Server, traces: Traces
) -> None:
    attempts = world.transport(traces.layer())
    async with world.client(traces.layer(attempts)) as client:
        await client.get(failing.url)
    *_, parent = traces.spans
    assert (parent.name, parent.kind) == ("GET request", SpanKind.INTERNAL)
    assert traces.parents == [traces.ids[-1]] * 3 + [None]
    assert traces.values("httpx_resilient.attempts") == [None, None, None, 3]
    assert parent.status.status_code is StatusCode.UNSET
    assert traces.statuses[-1] == 200
    assert told(failing) == traces.ids[:3]


async def test_what_fails_in_the_end_is_an_error_of_the_parent(
    world: World, server: Server, traces: Traces
) -> None:
    server.play(close())
    attempts = world.transport(traces.layer())
    async with world.client(traces.layer(attempts)) as client:
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)
    *_, parent = traces.spans
    assert parent.status.status_code is StatusCode.ERROR
    assert traces.values("error.type") == ["RemoteProtocolError"] * 4
    assert traces.values("httpx_resilient.attempts")[-1] == 3
    assert parent.events[0].name == "exception"


async def test_the_callers_request_is_not_written_to(
    world: World, server: Server, traces: Traces
) -> None:
    async with world.client(traces.layer()) as client:
        request = client.build_request("PUT", server.url, content=b"body")
        before = (dict(request.headers), dict(request.extensions))
        response = await client.send(request)
    assert (dict(request.headers), dict(request.extensions)) == before
    assert response.request is request
    assert server.bodies == [b"body"]
    assert "traceparent" in server.received[0].headers


async def test_what_a_mock_reads_was_read_from_the_callers_request(
    world: World, traces: Traces
) -> None:
    def handler(request: Any) -> Any:
        return world.library.Response(200, content=request.read())

    async def chunks() -> Any:
        yield b"a"

    body: Any = iter([b"a"]) if world.sync else chunks()
    if not world.sync:

        async def handler(request: Any) -> Any:
            return world.library.Response(200, content=await request.aread())

    async with world.client(traces.layer(world.mock(handler))) as client:
        request = client.build_request("POST", "http://a.test", content=body)
        await client.send(request)
    assert request.content == b"a"
    assert "traceparent" not in request.headers


async def test_the_span_is_current_while_the_request_is_sent(
    world: World, traces: Traces
) -> None:
    seen = []

    def handler(request: Any) -> Any:
        seen.append(trace.get_current_span().get_span_context().span_id)
        return world.library.Response(200)

    async with world.client(traces.layer(world.mock(handler))) as client:
        await client.get("http://a.test")
    assert [f"{seen[0]:016x}"] == traces.ids
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_without_a_tracer_the_request_is_sent_as_it_is(
    world: World, traces: Traces
) -> None:
    seen = []

    def handler(request: Any) -> Any:
        seen.append(request)
        return world.library.Response(200)

    silent = traces.ours.TracingTransport(world.mock(handler))
    async with world.client(silent) as client:
        await client.get("http://a.test")
    assert "traceparent" not in seen[0].headers


async def test_an_unknown_method_is_not_a_name(
    world: World, server: Server, traces: Traces
) -> None:
    async with world.client(traces.layer(traces.layer())) as client:
        await client.request("BREW", server.url)
    assert [span.name for span in traces.spans] == ["HTTP", "HTTP request"]
    assert traces.values("http.request.method") == ["_OTHER"] * 2
    assert traces.values("http.request.method_original") == ["BREW"] * 2


async def test_a_scheme_without_a_port_has_none(world: World, traces: Traces) -> None:
    mock = world.mock(lambda request: world.library.Response(200))
    inner: Any = traces.layer(mock)
    request = world.library.Request("GET", "unknown://a.test/")
    if world.sync:
        inner.handle_request(request)
    else:
        await inner.handle_async_request(request)
    assert traces.values("server.port") == [None]


async def test_where_instrumentation_is_suppressed_there_is_no_span(
    world: World, server: Server, traces: Traces
) -> None:
    async with world.client(traces.layer()) as client:
        with suppress_instrumentation():
            await client.get(server.url)
    assert traces.spans == ()


async def test_it_may_be_made_where_instrumentation_is_suppressed(
    world: World, traces: Traces
) -> None:
    hidden = traces.layer(world.mock(lambda request: world.library.Response(200)))
    handle = hidden.handle_request if world.sync else hidden.handle_async_request
    token = attach(baggage.set_baggage("made", "here"))
    with suppress_http_instrumentation():
        layer = traces.layer(world.mock(handle))
    detach(token)
    async with world.client(layer) as client:
        await client.get("http://a.test")
    assert len(traces.spans) == 1
    assert suppression().flags.keys().isdisjoint(baggage.set_baggage("a", "b"))


async def test_a_client_span_is_the_only_one_if_the_inner_one_cannot_be_seen(
    world: World, traces: Traces
) -> None:
    hidden = traces.layer(world.mock(lambda request: world.library.Response(200)))
    handle = hidden.handle_request if world.sync else hidden.handle_async_request
    async with world.client(traces.layer(world.mock(handle))) as client:
        await client.get("http://a.test")
    assert [span.kind for span in traces.spans] == [SpanKind.CLIENT]


def test_without_an_instrumentor_nothing_is_suppressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.utils", None)
    is_enabled, flags = suppression()
    assert is_enabled()
    assert flags == {}


def test_a_single_name_is_no_collection_of_them() -> None:
    with pytest.raises(TypeError, match="redact is several names"):
        TracingTransport(redact="api_key")


@pytest.mark.parametrize("runtime", ["asyncio", "trio"], indirect=True)
class TestInAsynchronousClients:
    async def test_what_is_cancelled_is_no_error(
        self, world: World, server: Server, traces: Traces
    ) -> None:
        server.play(stall())
        async with world.client(traces.layer(traces.layer())) as client:
            with anyio.move_on_after(0.05):
                await client.get(server.url)
        assert [span.status.status_code for span in traces.spans] == [
            StatusCode.UNSET
        ] * 2
        assert traces.values("httpx_resilient.cancelled") == [True] * 2
        assert traces.values("error.type") == [None] * 2

    async def test_a_hedge_is_a_sibling_of_what_it_overtakes(
        self, world: World, server: Server, traces: Traces
    ) -> None:
        server.play(stall(), reply(200))
        hedging = world.ours.HedgingTransport(traces.layer(), HedgePolicy(0.02))
        async with world.client(traces.layer(hedging)) as client:
            await client.get(server.url)
        hedge, first, parent = traces.spans
        assert traces.statuses == [200, None, 200]
        assert traces.values("httpx_resilient.cancelled") == [None, True, None]
        assert traces.parents == [traces.ids[2]] * 2 + [None]
        assert told(server) == [traces.ids[1], traces.ids[0]]


async def test_a_request_that_fails_over_has_a_span_at_each_origin(
    world: World, server: Server, traces: Traces
) -> None:
    server.play(reply(503), reply(200))
    origins = [f"http://127.0.0.1:{server.port}", f"http://localhost:{server.port}"]
    failover = world.ours.FailoverTransport(traces.layer(), origins)
    async with world.client(traces.layer(failover)) as client:
        await client.get(server.url)
    assert traces.values("server.address")[:2] == ["127.0.0.1", "localhost"]
    assert traces.statuses == [503, 200, 200]
    assert traces.parents[0] == traces.parents[1] == traces.ids[2]


async def test_a_header_that_cannot_be_sent_is_told_to_nobody(
    world: World, server: Server, traces: Traces
) -> None:
    async with world.client(traces.layer()) as client:
        with pytest.raises(world.library.LocalProtocolError, match="hunter2"):
            await client.get(server.url, headers={"x-api-key": "hunter2\n"})
    (span,) = traces.spans
    assert "hunter2" not in span.to_json()
    assert span.status.description == "LocalProtocolError"
    assert [event.name for event in span.events] == ["exception"]


async def test_a_span_ends_if_its_context_cannot_be_carried(
    world: World, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inject(*_: Any) -> None:
        raise LookupError

    monkeypatch.setattr(_tracing, "inject", inject)
    inner = world.mock(lambda request: world.library.Response(200))
    async with world.client(traces.layer(inner)) as client:
        with pytest.raises(LookupError):
            await client.get("http://localhost")
    assert traces.values("error.type") == ["LookupError"]
    assert not get_current_span().get_span_context().is_valid


async def test_what_a_hook_sends_between_attempts_is_not_sent_again(
    world: World, traces: Traces
) -> None:
    """It has a token refreshed, say."""
    answers = iter([503, 503, 200])
    inner = world.mock(lambda request: world.library.Response(next(answers)))
    of_hook = world.mock(lambda request: world.library.Response(204))
    async with world.client(traces.layer(of_hook)) as another:

        async def refresh(_: object) -> None:
            await another.get("http://localhost/token")

        def hook(state: object) -> Any:
            return run(lambda: refresh(state)) if world.sync else refresh(state)

        layer = traces.layer(inner)
        transport = world.transport(layer, before_sleep=hook)
        async with world.client(transport) as client:
            await client.get("http://localhost")
    assert list(
        zip(traces.statuses, traces.values("http.request.resend_count"), strict=True)
    ) == [(503, None), (204, None), (503, 1), (204, None), (200, 2)]
