"""Suppressed instrumentation, as the SDK's exporters and other layers ask for it."""

from __future__ import annotations

import sys

import pytest
from opentelemetry import baggage
from opentelemetry.context import attach, detach
from opentelemetry.instrumentation.utils import (
    suppress_http_instrumentation,
    suppress_instrumentation,
)
from opentelemetry.trace import SpanKind
from support.server import Server
from support.telemetry import Traces
from support.world import World

from httpx_resilient.otel._suppression import find_suppression

pytestmark = pytest.mark.anyio


async def test_a_request_with_suppressed_instrumentation_has_no_span(
    world: World, server: Server, traces: Traces
) -> None:
    async with world.client(traces.layer()) as client:
        with suppress_instrumentation():
            await client.get(server.url)
    assert traces.spans == ()


async def test_a_layer_that_is_made_with_suppressed_instrumentation_makes_spans(
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
    assert find_suppression().flags.keys().isdisjoint(baggage.set_baggage("a", "b"))


async def test_a_client_span_suppresses_that_of_a_tracing_layer_it_cannot_see(
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
    is_enabled, flags = find_suppression()
    assert is_enabled()
    assert flags == {}
