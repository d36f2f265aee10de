"""One refresh at a time: the turn of who fetches, and the wait of all others."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_io import FakeIO
from support.world import LIBRARIES, World, in_async

from httpx_resilient import Credentials, CredentialsTransport
from httpx_resilient._core.context import begin
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.io.sync_io import SyncEffects
from httpx_resilient._layers.credentials.admission import RefreshAdmission
from httpx_resilient._layers.credentials.credential import credential_of
from httpx_resilient._layers.credentials.flight import Flight, Turn, under_way

GET = httpx.Request("GET", "http://a/")


class Woken:
    """A waiter that counts how often it is woken."""

    is_dead = False

    def __init__(self) -> None:
        self.times = 0

    def wake(self) -> bool:
        self.times += 1
        return True


STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "end", "lose", "leave"]), st.integers(0, 4))
)


@given(STEPS)
def test_one_request_has_the_turn_and_nobody_waits_for_a_flight_that_is_over(
    steps: list[tuple[str, int]],
) -> None:
    flights: dict[str, Flight] = {}
    turns: dict[int, Turn] = {}
    waiting: dict[int, tuple[Flight, Woken]] = {}
    for step, who in steps:
        if step == "take" and who not in turns and who not in waiting:
            turn = Turn(flights)
            flight = turn.take()
            if flight is turn.flight:
                turns[who] = turn
            else:
                waiter: Any = Woken()
                assert flight.join(waiter)
                waiting[who] = flight, waiter
            del turn
        elif step == "end" and who in turns:
            turns[who].end()
            turns.pop(who)
        elif step == "lose":
            turns.pop(who, None)
        elif step == "leave" and who in waiting:
            flight, waiter = waiting.pop(who)
            flight.leave(waiter)
            flight.leave(waiter)
        assert len(turns) == len(flights) <= 1
        for who_waits, (flight, waiter) in list(waiting.items()):
            assert waiter.times == flight.is_over == (under_way(flights) is not flight)
            if flight.is_over:
                waiting.pop(who_waits)


def test_a_turn_that_the_garbage_collector_finds_ends_its_flight() -> None:
    flights: dict[str, Flight] = {}
    turn: Any = Turn(flights)
    waiter: Any = Woken()
    turn.take().join(waiter)
    holder = [turn]
    holder.append(holder)  # only the collector finds it
    del turn, holder
    gc.collect()
    assert (flights, waiter.times) == ({}, 1)


def admission(flight: Flight) -> RefreshAdmission:
    context = begin(GET, SyncEffects())
    return RefreshAdmission(context, flight, EventEmitter(), httpx.PoolTimeout)


def test_a_request_that_comes_too_late_to_be_woken_does_not_wait() -> None:
    flight = Flight()
    flight.is_over = True
    assert list(admission(flight).waits(SyncEffects())) == []


def test_a_request_that_was_interrupted_before_it_joined_has_nothing_to_leave() -> None:
    flight = Flight()
    admission(flight).withdraw(SyncEffects())
    assert not flight.waiters


def test_a_credential_that_came_just_before_the_turn_is_not_fetched_again() -> None:
    credentials = Credentials(lambda: pytest.fail("fetched"), "http://a")
    transport = CredentialsTransport(
        httpx.MockTransport(lambda _: httpx.Response(200)), credentials
    )
    late = credential_of("token", 0.0)

    class LateIO(FakeIO):
        """Another request ends its refresh when this one has found no credential."""

        def now(self) -> float:
            if credentials.flight is not None:
                credentials.store(late)
            return 0.0

    io: Any = LateIO(200)
    run_sync(transport._handle(GET, io))
    assert io.sent[0].headers["Authorization"] == "Bearer token"
    assert credentials.flight is None


def test_a_request_without_a_context_is_sent_with_the_cached_credential() -> None:
    credentials = Credentials(str, "http://a")
    credentials.store(credential_of("token", 0.0))
    transport = CredentialsTransport(None, credentials)
    io: Any = FakeIO(200)
    response = run_sync(transport._handle(GET, io))
    assert response.status_code == 200
    assert io.sent[0].headers["Authorization"] == "Bearer token"
    assert "Authorization" not in GET.headers


def test_the_order_of_effects_of_a_renewal() -> None:
    fetched = iter(["first", "second"])
    credentials = Credentials(lambda: next(fetched), "http://a")
    transport = CredentialsTransport(None, credentials)
    io: Any = FakeIO(401, 200)
    run_sync(transport._handle(GET, io))
    assert io.did == ["send", "discard", "send"]


@pytest.mark.anyio
@in_async
async def test_a_storm_of_cancellations_leaves_no_refresh_behind(library: str) -> None:
    world = World(*LIBRARIES[library], sync=False)
    number = 0

    async def fetch() -> str:
        nonlocal number
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        number += 1
        return f"{number}"

    async def answer(request: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        valid = (
            request.headers["Authorization"] == f"Bearer {number}" and number % 2 == 0
        )
        return world.library.Response(200 if valid else 401, stream=Body())

    class Body(world.library.AsyncByteStream):  # type: ignore[misc,name-defined]  # of either library
        async def __aiter__(self) -> AsyncIterator[bytes]:
            await anyio.lowlevel.checkpoint()
            yield b"part"

    credentials = Credentials(fetch, "http://a")
    transport = world.ours.CredentialsTransport(world.mock(answer), credentials)

    async def get() -> None:
        request = world.library.Request("GET", "http://a/")
        await transport.handle_async_request(request)

    for steps in range(30):
        credentials.forget()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(get)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert credentials.flight is None
    await get()
