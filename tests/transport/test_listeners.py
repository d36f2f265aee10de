"""Listeners that return something to await, however they are written."""

from __future__ import annotations

import functools
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.world import World, in_async
from tenacity import wait_none

from httpx_resilient import CircuitBreaker

pytestmark = pytest.mark.anyio

URL = "https://api.example.com/"


class Heard(list[Any]):
    """Collects events in a coroutine."""

    async def listen(self, event: Any) -> None:
        self.append(event)

    def count_of(self, name: str) -> int:
        return sum(type(event).__name__ == name for event in self)


class Caller:
    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    async def __call__(self, event: Any) -> None:
        await self._heard.listen(event)


class Later:
    """An awaitable that is no coroutine."""

    def __init__(self, heard: Heard, event: Any) -> None:
        self._heard, self._event = heard, event

    def __await__(self) -> Any:
        return self._heard.listen(self._event).__await__()


def decorated(heard: Heard) -> Any:
    @functools.wraps(heard.listen)
    def wrapper(event: Any) -> Any:
        return heard.listen(event)

    return wrapper


def returning(heard: Heard) -> Callable[[Any], Awaitable[None]]:
    return lambda event: heard.listen(event)


def returning_no_coroutine(heard: Heard) -> Callable[[Any], Awaitable[None]]:
    return lambda event: Later(heard, event)


def partly(heard: Heard) -> Callable[[Any], Any]:
    """Awaits only every other event."""
    count = iter(range(100))
    return lambda event: heard.listen(event) if next(count) % 2 else heard.append(event)


def partial_of(heard: Heard) -> Any:
    return functools.partial(heard.listen)


KINDS = [
    decorated, returning, returning_no_coroutine, partly, partial_of, Caller,
]  # fmt: skip

kinds = pytest.mark.parametrize("kind", KINDS)

LAYERS: list[Callable[[World, Any, Any], Any]] = [
    lambda world, inner, listen: world.transport(inner, on_event=listen),
    lambda world, inner, listen: world.transport(
        world.ours.DeadlineTransport(inner, 9), on_event=listen
    ),
    lambda world, inner, listen: world.ours.DeadlineTransport(
        world.transport(inner, on_event=listen), 9
    ),
    lambda world, inner, listen: world.ours.standard_transport(
        inner, retry={"wait": wait_none()}, on_event=listen
    ),
]

layers = pytest.mark.parametrize("layer", LAYERS)


def failing_once(world: World) -> Any:
    statuses = iter([503])
    return world.mock(lambda request: world.library.Response(next(statuses, 200)))


@in_async
@kinds
@layers
async def test_an_awaitable_is_awaited_before_the_response_is_returned(
    world: World, kind: Any, layer: Any
) -> None:
    heard = Heard()
    transport = layer(world, failing_once(world), kind(heard))
    async with world.client(transport) as client:
        for _ in range(3):
            await client.get(URL)
            assert heard.count_of("AttemptStarted") == heard.count_of("AttemptEnded")
    assert heard.count_of("AttemptEnded") == 4


@pytest.mark.parametrize("runtime", ["sync"])
@kinds
@layers
async def test_a_synchronous_client_refuses_an_awaitable(
    world: World, kind: Any, layer: Any
) -> None:
    heard, sent = Heard(), list[Any]()

    def handle(request: Any) -> Any:
        sent.append(request)
        return world.library.Response(200)

    transport = layer(world, world.mock(handle), kind(heard))
    async with world.client(transport) as client:
        for _ in range(3):
            with pytest.raises(TypeError, match="on_event is asynchronous"):
                await client.get(URL)
    assert not sent or kind is partly, "the first event comes before the request"
    gc.collect()  # nothing is left that was never awaited


@in_async
async def test_what_is_emitted_of_no_request_is_awaited_with_the_next_one(
    world: World,
) -> None:
    heard, breaker = Heard(), CircuitBreaker()
    inner = world.mock(lambda request: world.library.Response(200))
    transport = world.ours.CircuitBreakingTransport(
        inner, breaker, on_event=returning(heard)
    )
    async with world.client(transport) as client:
        await client.get(URL)
        breaker.force_closed(URL)
        assert [type(event).__name__ for event in heard] == ["CircuitCreated"]
        await client.get(URL)
        names = ["CircuitCreated", "CircuitClosed"]
        assert [type(event).__name__ for event in heard] == names
