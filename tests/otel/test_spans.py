"""The attributes and the status of a span, with the SDK of OpenTelemetry."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from support.server import Server, close, stall
from support.telemetry import Traces
from support.world import World, run

from httpx_resilient.otel import TracingTransport, _tracing

pytestmark = pytest.mark.anyio


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


async def test_an_unknown_method_is_not_in_the_name_of_a_span(
    world: World, server: Server, traces: Traces
) -> None:
    async with world.client(traces.layer(traces.layer())) as client:
        await client.request("BREW", server.url)
    assert [span.name for span in traces.spans] == ["HTTP", "HTTP request"]
    assert traces.values("http.request.method") == ["_OTHER"] * 2
    assert traces.values("http.request.method_original") == ["BREW"] * 2


async def test_a_url_of_an_unknown_scheme_has_no_port(
    world: World, traces: Traces
) -> None:
    mock = world.mock(lambda request: world.library.Response(200))
    inner: Any = traces.layer(mock)
    request = world.library.Request("GET", "unknown://a.test/")
    if world.sync:
        inner.handle_request(request)
    else:
        await inner.handle_async_request(request)
    assert traces.values("server.port") == [None]


async def test_a_request_whose_last_attempt_fails_is_an_error_of_the_parent(
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


REFUSED = {
    "wire": ("of the header x-api-key$", "illegal value of the header x-api-key"),
    "stock": ("hunter2", "Illegal header value …"),
}


async def test_a_header_that_cannot_be_sent_is_not_quoted_in_a_span(
    world: World, server: Server, traces: Traces, connections: str
) -> None:
    text, description = REFUSED[connections]
    async with world.client(traces.layer()) as client:
        with pytest.raises(world.library.LocalProtocolError, match=text):
            await client.get(server.url, headers={"x-api-key": "hunter2\n"})
    (span,) = traces.spans
    assert "hunter2" not in span.to_json()
    assert span.status.description == f"LocalProtocolError: {description}"
    assert [event.name for event in span.events] == ["exception"]


async def test_a_span_ends_if_its_context_cannot_be_propagated(
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


@pytest.mark.parametrize("runtime", ["asyncio", "trio"], indirect=True)
async def test_the_span_of_a_cancelled_request_is_not_an_error(
    world: World, server: Server, traces: Traces
) -> None:
    server.play(stall())
    async with world.client(traces.layer(traces.layer())) as client:
        with anyio.move_on_after(0.05):
            await client.get(server.url)
    assert [span.status.status_code for span in traces.spans] == [StatusCode.UNSET] * 2
    assert traces.values("httpx_resilient.cancelled") == [True] * 2
    assert traces.values("error.type") == [None] * 2


async def test_a_request_that_a_hook_sends_between_attempts_is_not_a_resend(
    world: World, traces: Traces
) -> None:
    """For example, a hook that refreshes a token."""
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


def test_a_string_is_not_a_collection_of_names_to_redact() -> None:
    with pytest.raises(TypeError, match="redact must be a collection of names"):
        TracingTransport(redact="api_key")
