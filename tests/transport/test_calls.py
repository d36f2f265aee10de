"""A call is reported once, by the outermost layer, however many layers are inside."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from support.server import Server, reply, stall
from support.world import QUICK, World, in_async

from httpx_resilient import (
    CircuitBreaker,
    ConcurrencyLimit,
    HedgePolicy,
    Stage,
)
from httpx_resilient.events import CallEnded, Event, with_calls

pytestmark = pytest.mark.anyio


class Calls(list[CallEnded]):
    """A listener that records the calls."""

    wants_calls = True

    def __call__(self, event: Event) -> None:
        if isinstance(event, CallEnded):
            self.append(event)

    @property
    def results(self) -> list[tuple[str, int, Any]]:
        return [(each.result, each.attempts, each.outcome) for each in self]


class Interruption(BaseException):
    """Like `KeyboardInterrupt`, but pytest and trio do not handle it."""


@pytest.fixture
def calls() -> Calls:
    return Calls()


LAYERS = {
    "retry": lambda ours, inner, **given: ours.RetryingTransport(inner, **given),
    "deadline": lambda ours, inner, **given: ours.DeadlineTransport(inner, 9, **given),
    "breaker": lambda ours, inner, **given: ours.CircuitBreakingTransport(
        inner, CircuitBreaker(), **given
    ),
    "concurrency": lambda ours, inner, **given: ours.ConcurrencyLimitingTransport(
        inner, ConcurrencyLimit(1), **given
    ),
    "failover": lambda ours, inner, **given: ours.FailoverTransport(
        inner, ["https://a.example", "https://b.example"], **given
    ),
    "own stage": lambda ours, inner, **given: ours.StageTransport(
        Stage(), inner, **given
    ),
    "standard": lambda ours, inner, **given: ours.standard_transport(inner, **given),
}

each_layer = pytest.mark.parametrize("layer", LAYERS)


@each_layer
async def test_every_layer_reports_a_call_that_succeeds_at_once(
    world: World, calls: Calls, layer: str
) -> None:
    inner = world.mock(lambda request: world.library.Response(200))
    async with world.client(LAYERS[layer](world.ours, inner, on_event=calls)) as client:
        response = await client.get("https://a.example/")
    assert calls.results == [("first", 1, 200)]
    assert calls[0].response is response
    assert calls[0].request is response.request
    assert 0 < calls[0].duration < 30


@each_layer
async def test_every_layer_reports_a_call_that_fails(
    world: World, calls: Calls, layer: str
) -> None:
    def fail(request: Any) -> Any:
        raise world.library.LocalProtocolError("no header may have a line break")

    transport = LAYERS[layer](world.ours, world.mock(fail), on_event=calls)
    async with world.client(transport) as client:
        with pytest.raises(world.library.LocalProtocolError) as raised:
            await client.get("https://a.example/")
    assert calls.results == [("failed", 1, world.library.LocalProtocolError)]
    assert calls[0].error is raised.value


async def test_the_pool_alone_reports_its_calls(
    world: World, server: Server, calls: Calls
) -> None:
    server.play(reply(200), reply(503))
    async with world.client(world.ours.PoolingTransport(on_event=calls)) as client:
        await client.get(server.url)
        await client.get(server.url)
    assert calls.results == [("first", 1, 200), ("failed", 1, 503)]


async def test_nested_layers_with_one_listener_report_one_call(
    world: World, server: Server, calls: Calls
) -> None:
    server.play(reply(503), reply(503), reply(200))
    pool = world.ours.PoolingTransport(on_event=calls)
    transport = world.ours.standard_transport(pool, retry=QUICK, on_event=calls)
    async with world.client(transport) as client:
        await client.get(server.url)
    assert calls.results == [("retried", 3, 200)]


async def test_a_layer_inside_of_another_make_is_no_call_of_its_own(
    world: World, server: Server, calls: Calls
) -> None:
    server.play(reply(503), reply(200))
    retrying = world.transport(on_event=calls)

    bases: Any = world.library.AsyncBaseTransport, world.library.BaseTransport

    class Foreign(*bases):
        inner: Any = retrying

        async def handle_async_request(self, request: Any) -> Any:
            return await self.inner.handle_async_request(request)

        def handle_request(self, request: Any) -> Any:
            return self.inner.handle_request(request)

        async def aclose(self) -> None:
            await self.inner.aclose()

        def close(self) -> None:
            self.inner.close()

    transport = world.ours.DeadlineTransport(Foreign(), 9, on_event=calls)
    async with world.client(transport) as client:
        await client.get(server.url)
    assert calls.results == [("retried", 2, 200)]


async def test_only_the_outermost_layer_reports_calls(
    world: World, calls: Calls
) -> None:
    inner = world.mock(lambda request: world.library.Response(200))
    transport = world.ours.DeadlineTransport(world.transport(inner, on_event=calls), 9)
    async with world.client(transport) as client:
        await client.get("https://a.example/")
    assert calls == []


async def test_a_redirect_that_the_client_follows_is_a_call_of_its_own(
    world: World, server: Server, calls: Calls
) -> None:
    server.play(reply(302, Location="/next"), reply(200))
    transport = world.transport(on_event=calls)
    async with world.client(transport, follow_redirects=True) as client:
        await client.get(server.url)
    assert calls.results == [("first", 1, 302), ("first", 1, 200)]


async def test_another_origin_is_a_part_of_the_call(
    world: World, server: Server, calls: Calls
) -> None:
    server.play(reply(503), reply(200))
    port = server.port
    origins = [f"http://127.0.0.1:{port}", f"http://localhost:{port}"]
    transport = world.ours.FailoverTransport(None, origins, on_event=calls)
    async with world.client(transport) as client:
        await client.get(server.url)
    assert calls.results == [("retried", 2, 200)]


@in_async
async def test_a_hedge_is_a_part_of_the_call(
    world: World, server: Server, calls: Calls
) -> None:
    server.play(stall(), reply(200))
    hedging = world.ours.HedgingTransport(None, HedgePolicy(0.02), on_event=calls)
    async with world.client(hedging) as client:
        await client.get(server.url)
    assert calls.results == [("retried", 2, 200)]


async def test_a_call_that_a_circuit_refuses_was_never_sent(
    world: World, calls: Calls
) -> None:
    breaker = CircuitBreaker()
    breaker.force_open("https://a.example/")
    inner = world.mock(lambda request: world.library.Response(200))
    transport = world.ours.CircuitBreakingTransport(inner, breaker)
    async with world.client(world.transport(transport, on_event=calls)) as client:
        with pytest.raises(world.ours.CircuitOpen):
            await client.get("https://a.example/")
    assert calls.results == [("refused", 0, world.ours.CircuitOpen)]


@in_async
async def test_a_call_that_is_cancelled_is_reported(
    world: World, server: Server, calls: Calls
) -> None:
    server.play(reply(503), stall())
    async with world.client(world.transport(on_event=calls)) as client:
        with anyio.move_on_after(0.3):
            await client.get(server.url)
    assert calls.results == [("cancelled", 2, None)]


async def test_a_call_that_is_interrupted_is_reported(
    world: World, calls: Calls
) -> None:
    def interrupt(request: Any) -> Any:
        raise Interruption

    async with world.client(
        world.transport(world.mock(interrupt), on_event=calls)
    ) as client:
        with pytest.raises(Interruption):
            await client.get("https://a.example/")
    assert calls.results == [("cancelled", 1, None)]


async def test_the_response_is_released_if_the_listener_is_interrupted(
    world: World, server: Server
) -> None:
    server.play(reply(200, b"x" * 1000))
    reported = []

    def listen(event: Event) -> None:
        if isinstance(event, CallEnded):
            reported.append(event.response)
            raise Interruption

    pool = world.ours.PoolingTransport(on_event=with_calls(listen))
    async with world.client(pool) as client:
        with pytest.raises(Interruption):
            await client.get(server.url)
        assert reported[0].is_closed
        assert pool.stats().active == 0


@in_async
async def test_an_asynchronous_listener_is_awaited_before_the_call_returns(
    world: World, server: Server
) -> None:
    heard: list[Event] = []

    async def listen(event: Event) -> None:
        await anyio.sleep(0.01)
        heard.append(event)

    async with world.client(world.transport(on_event=with_calls(listen))) as client:
        await client.get(server.url)
        assert isinstance(heard[-1], CallEnded)


async def test_the_wait_between_attempts_is_a_part_of_the_duration(
    world: World, server: Server, calls: Calls
) -> None:
    server.play(reply(503), reply(200))
    transport = world.transport(wait=lambda _: 0.2, on_event=calls)
    async with world.client(transport) as client:
        await client.get(server.url)
    assert calls[0].duration >= 0.2


async def test_a_listener_receives_calls_only_if_it_asks_for_them(
    world: World,
) -> None:
    def inner() -> Any:
        return world.mock(lambda request: world.library.Response(200))

    seen: list[Event] = []
    async with world.client(world.transport(inner(), on_event=seen.append)) as client:
        await client.get("https://a.example/")
    assert CallEnded not in map(type, seen)
    asking = with_calls(seen.append)
    async with world.client(world.transport(inner(), on_event=asking)) as client:
        await client.get("https://a.example/")
    assert [type(each) for each in seen].count(CallEnded) == 1


def test_only_a_function_can_ask_for_calls() -> None:
    with pytest.raises(TypeError, match=r"with_calls takes a function of an event"):
        with_calls(3)  # type: ignore[arg-type]  # the mistake
