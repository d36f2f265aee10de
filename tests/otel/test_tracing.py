"""The tracing layer: parents of spans, and their propagation to the server."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from support.server import Server, reply, stall
from support.telemetry import Traces, propagated_ids
from support.world import World, run

from httpx_resilient import HedgePolicy

pytestmark = pytest.mark.anyio


async def test_every_attempt_propagates_a_span_of_its_own_to_the_server(
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
    assert propagated_ids(failing) == traces.ids
    assert len(set(traces.ids)) == 3


@pytest.mark.parametrize("forwards_context", [True, False])
async def test_a_request_sent_inside_a_later_attempt_is_a_resend_if_it_has_its_context(
    world: World, traces: Traces, forwards_context: bool
) -> None:
    """A request for a token is not sent again, one that is forwarded is."""
    answers = iter([503, 200])
    of_answer = traces.layer(
        world.mock(lambda _: world.library.Response(next(answers)))
    )
    async with world.client(of_answer) as upstream:
        statuses = []

        async def forward(request: Any) -> Any:
            extensions = request.extensions if forwards_context else {}
            response = await upstream.get("http://localhost", extensions=extensions)
            statuses.append(response.status_code)
            return world.library.Response(statuses[-1])

        def forward_now(request: Any) -> Any:
            run(lambda: forward(request))
            return world.library.Response(statuses[-1])

        inner = world.mock(forward_now if world.sync else forward)
        async with world.client(world.transport(inner)) as client:
            await client.get("http://localhost")
    assert traces.statuses == [503, 200]
    resends = 1 if forwards_context else None
    assert traces.values("http.request.resend_count") == [None, resends]


async def test_a_tracing_layer_around_another_makes_the_parent_of_the_attempts(
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
    assert propagated_ids(failing) == traces.ids[:3]


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


async def test_a_body_that_a_mock_reads_is_read_from_the_callers_request(
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


async def test_without_a_tracer_provider_the_request_is_sent_unchanged(
    world: World, traces: Traces
) -> None:
    seen = []

    def handler(request: Any) -> Any:
        seen.append(request)
        return world.library.Response(200)

    untraced = traces.ours.TracingTransport(world.mock(handler))
    async with world.client(untraced) as client:
        await client.get("http://a.test")
    assert "traceparent" not in seen[0].headers


@pytest.mark.parametrize("runtime", ["asyncio", "trio"], indirect=True)
async def test_a_hedge_is_a_sibling_of_the_attempt_that_it_overtakes(
    world: World, server: Server, traces: Traces
) -> None:
    server.play(stall(), reply(200))
    hedging = world.ours.HedgingTransport(traces.layer(), HedgePolicy(0.02))
    async with world.client(traces.layer(hedging)) as client:
        await client.get(server.url)
    assert traces.statuses == [200, None, 200]
    assert traces.values("httpx_resilient.cancelled") == [None, True, None]
    assert traces.parents == [traces.ids[2]] * 2 + [None]
    assert propagated_ids(server) == [traces.ids[1], traces.ids[0]]


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
