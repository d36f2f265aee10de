"""A body that breaks ends its request at once, and once, in each layer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest
from support.world import World

from httpx_resilient import CircuitBreaker, ConcurrencyLimit
from httpx_resilient._layers.circuit_breaker.state import HalfOpen

pytestmark = pytest.mark.anyio

KEY = ("http", "localhost", None)


class Interruption(BaseException):
    """A signal handler raises, or a task is cancelled."""


def broken(world: World, error: BaseException) -> Any:
    """Return a server whose body breaks after its first bytes."""

    class Body(world.library.SyncByteStream, world.library.AsyncByteStream):  # type: ignore[misc,name-defined]  # of either library
        def __iter__(self) -> Iterator[bytes]:
            yield b"half"
            raise error

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"half"
            raise error

    return world.mock(lambda _: world.library.Response(200, stream=Body()))


async def read(world: World, stream: Any) -> None:
    if world.sync:
        for _ in stream:
            pass
    else:
        async for _ in stream:
            pass


@pytest.mark.parametrize("breaks", ["error", "interruption"])
async def test_a_request_ends_while_the_reader_of_its_body_unwinds(
    world: World, breaks: str
) -> None:
    """The reader reports the exception before it reaches the caller."""
    error = (
        world.library.ReadError("reset") if breaks == "error" else Interruption("stop")
    )
    limit, breaker = ConcurrencyLimit(1), CircuitBreaker()
    breaker.circuits.apply(KEY, lambda _: (HalfOpen(1, counts=(9, 0, 0)), None))
    limiting = world.ours.ConcurrencyLimitingTransport(broken(world, error), limit)
    transport = world.ours.CircuitBreakingTransport(limiting, breaker)
    request = world.library.Request("GET", "http://localhost/")
    if world.sync:
        response = transport.handle_request(request)
    else:
        response = await transport.handle_async_request(request)
    tracked = response.stream
    owner, stay = tracked.owner, tracked.resource
    tracked.owner = None

    async def read_and_report() -> None:
        try:
            await read(world, tracked.stream)
        except BaseException as raised:
            owner.on_closed(stay, raised)
            assert state_of(limit) == (0, 0)
            raise

    with pytest.raises(type(error)):
        await read_and_report()
    assert limit.states()["http://localhost"] == (1, 0, 0)
    owner.on_closed(stay, None)  # nothing is left
    owner.on_leaked(stay)
    assert limit.states()["http://localhost"] == (1, 0, 0)
    (circuit,) = breaker.circuits.states().values()
    failures = 1 if breaks == "error" else 0
    assert isinstance(circuit, HalfOpen)
    assert circuit.counts == (9 + failures, failures, 0)
    assert circuit.probes == ()


def state_of(limit: ConcurrencyLimit) -> tuple[int, int]:
    (state,) = limit.states().values()
    return state.in_flight, state.waiting


async def test_a_request_waits_no_longer_than_until_a_body_breaks(world: World) -> None:
    """Nobody has closed the response. Its reader does so by its exception."""
    limit = ConcurrencyLimit(1)
    error = world.library.ReadError("reset")
    transport = world.ours.ConcurrencyLimitingTransport(broken(world, error), limit)
    client = world.client(transport, timeout=world.library.Timeout(10, pool=5))

    async def get() -> None:
        with pytest.raises(world.library.ReadError):
            await client.get("http://localhost/")

    with anyio.fail_after(20):
        await world.together(get, get, get)
    assert state_of(limit) == (0, 0)
