"""The library's flows on the virtual clock of the simulations."""

from __future__ import annotations

import random

import httpx
import pytest
import tenacity

from benchmarks.simulations.clock import Clock
from benchmarks.simulations.simulated import (
    EPOCH,
    NOWHERE,
    SimulatedIO,
    answer,
    nested,
)
from httpx_resilient import RetryingTransport

HOUR = 3600.0


class Broken(Exception):
    """An error that only these tests raise."""


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def io(clock):
    return SimulatedIO(clock, send=None)


async def slept(clock, seconds, value, ended):
    try:
        await clock.sleep(seconds)
    finally:
        ended.append((clock.now(), value))
    return value


def finished(clock, coroutine):
    task = clock.start(coroutine)
    task.ended.then(lambda: None)
    clock.run()
    return task.ended.result()


@pytest.mark.parametrize(("limit", "ended"), [(2, [(1, "x")]), (0.5, [(0.5, "x")])])
def test_within_cancels_an_awaitable_that_exceeds_its_limit(clock, io, limit, ended):
    seen = []

    async def limited():
        try:
            return await io.within(limit, slept(clock, 1, "x", seen))
        except TimeoutError:
            return None

    assert finished(clock, limited()) == ("x" if limit > 1 else None)
    assert seen == ended


@pytest.mark.parametrize(
    ("first", "second", "ended"),
    [
        ((1, True), (1, True), [(1, True)]),
        ((9, True), (1, True), [(3, True), (3, True)]),
        ((4, True), (9, True), [(4, True), (4, True)]),
        ((9, False), (1, False), [(3, False), (9, False)]),
    ],
    ids=["first wins in time", "second wins", "first wins late", "neither wins"],
)
def test_a_race_ends_with_the_first_winner_or_when_both_have_lost(
    clock, io, first, second, ended
):
    seen = []
    finished(
        clock,
        io.race(2, slept(clock, *first, seen), lambda: slept(clock, *second, seen)),
    )
    assert seen == ended


def test_an_error_of_the_second_runner_ends_a_race(clock, io):
    seen = []

    async def breaks():
        raise Broken

    with pytest.raises(Broken):
        finished(clock, io.race(2, slept(clock, 9, True, seen), breaks))
    assert seen == [(2, True)]


@pytest.mark.parametrize(("woken", "until"), [(1, 1), (3, 2)])
def test_a_waiter_waits_until_a_wake_or_its_timeout(clock, io, woken, until):
    async def waits():
        waiter = io.waiter()
        clock.at(woken, waiter.wake)
        await waiter.wait(2)
        waiter.close()
        return clock.now()

    assert finished(clock, waits()) == until


def test_the_wall_time_advances_with_the_clock(clock, io):
    clock.at(5.0, lambda: None)
    clock.run()
    assert io.wall_time() == EPOCH + 5


class Failing:
    """Answers 503 after a second, and records the times of its requests."""

    def __init__(self, clock):
        self.clock = clock
        self.times = []

    async def send(self, request, context=None):
        self.times.append(self.clock.now())
        await self.clock.sleep(1)
        return answer(503)


def test_a_retry_waits_in_virtual_time(clock):
    server = Failing(clock)
    transport = RetryingTransport(NOWHERE, wait=tenacity.wait_fixed(HOUR))
    send = nested(transport, SimulatedIO(clock, server.send))
    response = finished(clock, send(httpx.Request("GET", "http://localhost/")))
    assert response.status_code == 503
    assert server.times == [0, 1 + HOUR, 2 * (1 + HOUR)]


def test_nested_layers_multiply_their_attempts(clock):
    server = Failing(clock)
    twice = {"stop": tenacity.stop_after_attempt(2), "wait": tenacity.wait_none()}
    send = server.send
    for _ in range(2):
        transport = RetryingTransport(NOWHERE, **twice)
        send = nested(transport, SimulatedIO(clock, send))
    finished(clock, send(httpx.Request("GET", "http://localhost/")))
    assert server.times == [0, 1, 2, 3]


def test_runs_with_the_same_seed_are_identical():
    def waited(seed):
        random.seed(seed)
        clock = Clock()
        send = nested(
            RetryingTransport(NOWHERE), SimulatedIO(clock, Failing(clock).send)
        )
        finished(clock, send(httpx.Request("GET", "http://localhost/")))
        return clock.now()

    assert waited(1) == waited(1) != waited(2)
