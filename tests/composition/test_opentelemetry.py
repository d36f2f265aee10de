"""OpenTelemetry inside our transport shows attempts, and around it shows calls."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from opentelemetry.instrumentation import httpx as instrumentation
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from support.server import Server, reply, reset
from support.world import World

from httpx_resilient import attempts_of, otel
from httpx_resilient.otel import httpx2 as otel2

pytestmark = pytest.mark.anyio


class Telemetry:
    """OpenTelemetry for one of the two libraries, exporting to memory."""

    def __init__(self, world: World) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        suffix = {"httpx": "", "httpx2": "Httpx2"}[world.library.__name__]
        kind = "Sync" if world.sync else "Async"
        name = f"{kind}OpenTelemetryTransport{suffix}"
        self._transport: Any = getattr(instrumentation, name)
        name = f"{world.library.__name__.upper()}ClientInstrumentor"
        self.instrumentor: Any = getattr(instrumentation, name)

    def around(self, inner: Any) -> Any:
        return self._transport(inner, tracer_provider=self.provider)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    @property
    def statuses(self) -> list[Any]:
        return [(span.attributes or {}).get("http.status_code") for span in self.spans]

    @property
    def ids(self) -> list[str]:
        """What `traceparent` tells the server to be the parent."""
        return [f"{span.context.span_id:016x}" for span in self.spans]


@pytest.fixture
def telemetry(world: World) -> Telemetry:
    return Telemetry(world)


@pytest.fixture
def everywhere(telemetry: Telemetry) -> Iterator[None]:
    instrumentor = telemetry.instrumentor()
    instrumentor.instrument(tracer_provider=telemetry.provider)
    yield
    instrumentor.uninstrument()


def parents_of(server: Server) -> list[str]:
    return [request.headers["traceparent"].split("-")[2] for request in server.received]


@pytest.fixture
def failing(server: Server) -> Server:
    server.play(reply(503), reply(503), reply(200))
    return server


async def test_inside_every_attempt_is_a_span(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    inner = telemetry.around(world.http())
    async with world.client(world.transport(inner)) as client:
        await client.get(failing.url)
    assert telemetry.statuses == [503, 503, 200]


async def test_inside_every_attempt_tells_the_server_its_own_span(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    inner = telemetry.around(world.http())
    async with world.client(world.transport(inner)) as client:
        await client.get(failing.url)
    assert parents_of(failing) == telemetry.ids
    assert len(set(telemetry.ids)) == 3


async def test_inside_an_attempt_that_raised_is_a_span_with_an_error(
    world: World, server: Server, telemetry: Telemetry
) -> None:
    server.play(reset(), reply(200))
    inner = telemetry.around(world.http())
    async with world.client(world.transport(inner)) as client:
        await client.get(server.url)
    failed, succeeded = telemetry.spans
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.events[0].attributes["exception.type"].endswith("ReadError")
    assert succeeded.status.status_code is StatusCode.UNSET


async def test_inside_bodies_are_sent_again(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    inner = telemetry.around(world.http())
    async with world.client(world.transport(inner)) as client:
        await client.put(failing.url, json={"a": 1})
    assert failing.bodies == [b'{"a":1}'] * 3


async def test_outside_the_call_is_one_span(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    outer = telemetry.around(world.transport())
    async with world.client(outer) as client:
        response = await client.get(failing.url)
    assert len(attempts_of(response)) == 3
    assert telemetry.statuses == [200]
    assert parents_of(failing) == telemetry.ids * 3


async def test_on_both_sides_the_attempts_are_children_of_the_call(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    inner = telemetry.around(world.http())
    async with world.client(telemetry.around(world.transport(inner))) as client:
        await client.get(failing.url)
    *attempts, call = telemetry.spans
    assert [span.parent.span_id for span in attempts] == [call.context.span_id] * 3
    assert telemetry.statuses == [503, 503, 200, 200]


@pytest.mark.usefixtures("everywhere")
async def test_instrumenting_everything_gives_a_span_per_attempt(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    async with world.client() as client:
        await client.get(failing.url)
    assert telemetry.statuses == [503, 503, 200]
    assert parents_of(failing) == telemetry.ids


async def test_instrumenting_a_client_gives_one_span(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    transport = world.transport()
    async with world.client(transport) as client:
        # What it is given is looked at for its transports; ours is behind a face.
        real = client._client if world.sync else client
        telemetry.instrumentor.instrument_client(
            real, tracer_provider=telemetry.provider
        )
        await client.get(failing.url)
    assert telemetry.statuses == [200]
    assert parents_of(failing) == telemetry.ids * 3


class TestOurOwnSpans:
    """With `TracingTransport` there are no two spans of the same, wherever theirs are."""

    @pytest.fixture
    def ours(self, world: World, telemetry: Telemetry) -> Any:
        module = {"httpx": otel, "httpx2": otel2}[world.library.__name__]
        return partial(module.TracingTransport, tracer_provider=telemetry.provider)

    @pytest.mark.usefixtures("everywhere")
    async def test_instrumenting_everything_adds_no_span(
        self, world: World, failing: Server, telemetry: Telemetry, ours: Any
    ) -> None:
        transport = ours(world.transport(ours()))
        async with world.client(transport) as client:
            await client.get(failing.url)
        names = [span.name for span in telemetry.spans]
        assert names == ["GET", "GET", "GET", "GET request"]
        assert parents_of(failing) == telemetry.ids[:3]

    @pytest.mark.usefixtures("everywhere")
    async def test_instrumenting_everything_sees_what_is_not_ours(
        self, world: World, failing: Server, telemetry: Telemetry, ours: Any
    ) -> None:
        async with world.client(ours()) as mine, world.client(world.http()) as other:
            await mine.get(failing.url)
            await other.get(failing.url)
        scopes = [scope_of(span) for span in telemetry.spans]
        assert scopes == ["httpx_resilient", "opentelemetry.instrumentation.httpx"]

    @pytest.mark.parametrize("with_parent", [False, True])
    async def test_instrumenting_a_client_gives_the_one_parent(
        self,
        world: World,
        failing: Server,
        telemetry: Telemetry,
        ours: Any,
        with_parent: bool,
    ) -> None:
        transport = world.transport(ours())
        if with_parent:
            transport = ours(transport)
        async with world.client(transport) as client:
            real = client._client if world.sync else client
            telemetry.instrumentor.instrument_client(
                real, tracer_provider=telemetry.provider
            )
            await client.get(failing.url)
        *attempts, parent = telemetry.spans
        assert scope_of(parent) == "opentelemetry.instrumentation.httpx"
        assert [scope_of(span) for span in attempts] == ["httpx_resilient"] * 3
        assert [span.parent.span_id for span in attempts] == [
            parent.context.span_id
        ] * 3
        assert parents_of(failing) == telemetry.ids[:3]


def scope_of(span: ReadableSpan) -> str:
    return span.instrumentation_scope.name
