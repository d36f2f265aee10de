"""OpenTelemetry's instrumentor traces attempts inside our transport, calls outside."""

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
        self._sync = world.sync
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

    def instrument(self, client: Any) -> None:
        # The instrumentor wraps the transports of the real client, which is inside the
        # asynchronous face of a synchronous one.
        real = client._client if self._sync else client
        self.instrumentor.instrument_client(real, tracer_provider=self.provider)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    @property
    def statuses(self) -> list[Any]:
        return [(span.attributes or {}).get("http.status_code") for span in self.spans]

    @property
    def ids(self) -> list[str]:
        """The ids of the spans, as `traceparent` contains them."""
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


async def test_an_inside_instrumentor_makes_a_span_for_every_attempt(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    inner = telemetry.around(world.http())
    async with world.client(world.transport(inner)) as client:
        await client.get(failing.url)
    assert telemetry.statuses == [503, 503, 200]


async def test_an_inside_instrumentor_propagates_the_span_of_every_attempt(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    inner = telemetry.around(world.http())
    async with world.client(world.transport(inner)) as client:
        await client.get(failing.url)
    assert parents_of(failing) == telemetry.ids
    assert len(set(telemetry.ids)) == 3


async def test_an_inside_instrumentor_marks_a_failed_attempt_as_an_error(
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


async def test_an_inside_instrumentor_does_not_change_the_body(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    inner = telemetry.around(world.http())
    async with world.client(world.transport(inner)) as client:
        await client.put(failing.url, json={"a": 1})
    assert failing.bodies == [b'{"a":1}'] * 3


async def test_an_outside_instrumentor_makes_one_span_for_a_call(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    outer = telemetry.around(world.transport())
    async with world.client(outer) as client:
        response = await client.get(failing.url)
    assert len(attempts_of(response)) == 3
    assert telemetry.statuses == [200]
    assert parents_of(failing) == telemetry.ids * 3


async def test_with_instrumentors_on_both_sides_attempts_are_children_of_the_call(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    inner = telemetry.around(world.http())
    async with world.client(telemetry.around(world.transport(inner))) as client:
        await client.get(failing.url)
    *attempts, call = telemetry.spans
    assert [span.parent.span_id for span in attempts] == [call.context.span_id] * 3
    assert telemetry.statuses == [503, 503, 200, 200]


@pytest.mark.usefixtures("everywhere")
async def test_the_global_instrumentor_makes_a_span_for_every_attempt(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    async with world.client() as client:
        await client.get(failing.url)
    assert telemetry.statuses == [503, 503, 200]
    assert parents_of(failing) == telemetry.ids


async def test_an_instrumented_client_makes_one_span_for_a_call(
    world: World, failing: Server, telemetry: Telemetry
) -> None:
    transport = world.transport()
    async with world.client(transport) as client:
        telemetry.instrument(client)
        await client.get(failing.url)
    assert telemetry.statuses == [200]
    assert parents_of(failing) == telemetry.ids * 3


class TestOurOwnSpans:
    """`TracingTransport` and the instrumentor do not both trace the same attempt."""

    @pytest.fixture
    def ours(self, world: World, telemetry: Telemetry) -> Any:
        module = {"httpx": otel, "httpx2": otel2}[world.library.__name__]
        return partial(module.TracingTransport, tracer_provider=telemetry.provider)

    @pytest.mark.usefixtures("everywhere")
    async def test_the_global_instrumentor_adds_no_span(
        self, world: World, failing: Server, telemetry: Telemetry, ours: Any
    ) -> None:
        transport = ours(world.transport(ours()))
        async with world.client(transport) as client:
            await client.get(failing.url)
        names = [span.name for span in telemetry.spans]
        assert names == ["GET", "GET", "GET", "GET request"]
        assert parents_of(failing) == telemetry.ids[:3]

    @pytest.mark.usefixtures("everywhere")
    async def test_the_global_instrumentor_traces_other_transports(
        self, world: World, failing: Server, telemetry: Telemetry, ours: Any
    ) -> None:
        async with world.client(ours()) as mine, world.client(world.http()) as other:
            await mine.get(failing.url)
            await other.get(failing.url)
        scopes = [scope_of(span) for span in telemetry.spans]
        assert scopes == ["httpx_resilient", "opentelemetry.instrumentation.httpx"]

    @pytest.mark.parametrize("with_parent", [False, True])
    async def test_an_instrumented_client_makes_the_only_parent_span(
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
            telemetry.instrument(client)
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
