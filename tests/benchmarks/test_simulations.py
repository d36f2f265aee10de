"""The virtual clock of the benchmarks, and flows on it."""

from __future__ import annotations

import random

import httpx
import pytest
import tenacity

from benchmarks.simulations.clock import Cancelled, Clock, Promise
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
    pass


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def io(clock):
    return SimulatedIO(clock, send=None)


def test_events_happen_in_the_order_of_time(clock):
    seen = []
    for time in (3.0, 1.0, 2.0):
        clock.at(time, seen.append, time)
    clock.run()
    assert seen == [1.0, 2.0, 3.0]
    assert clock.now() == 3.0


def test_events_of_the_same_time_happen_in_the_order_asked_for(clock):
    seen = []
    for name in "abc":
        clock.at(1.0, seen.append, name)
    clock.run()
    assert seen == ["a", "b", "c"]


def test_what_is_due_soon_happens_before_the_next_event(clock):
    seen = []
    clock.at(1.0, clock.soon, seen.append, "soon")
    clock.at(1.0, seen.append, "next")
    clock.run()
    assert seen == ["soon", "next"]


def test_the_past_is_now(clock):
    seen = []
    clock.at(2.0, lambda: clock.at(1.0, lambda: seen.append(clock.now())))
    clock.run()
    assert seen == [2.0]


def test_a_run_ends_with_the_last_event_until_then(clock):
    seen = []
    clock.at(1.0, seen.append, 1)
    clock.at(2.0, seen.append, 2)
    clock.run(1.5)
    assert seen == [1]
    clock.run()
    assert seen == [1, 2]


def test_an_hour_of_sleep_takes_none(clock):
    async def sleeper():
        await clock.sleep(HOUR)
        return clock.now()

    task = clock.start(sleeper())
    clock.run()
    assert task.ended.result() == HOUR


def test_only_what_comes_first_of_a_promise_counts():
    promise = Promise()
    promise.keep(1)
    promise.fail(Broken())
    promise.keep(2)
    assert promise.result() == 1


def test_an_error_that_nobody_waits_for_comes_out_of_the_run(clock):
    async def breaks():
        await clock.sleep(1)
        raise Broken

    clock.start(breaks())
    with pytest.raises(Broken):
        clock.run()


def test_a_cancelled_task_cleans_up_and_is_not_woken_any_more(clock):
    seen = []

    async def sleeper():
        try:
            await clock.sleep(2)
        finally:
            await clock.sleep(3)
            seen.append(clock.now())

    task = clock.start(sleeper())
    clock.at(1.0, task.cancel)
    clock.run()
    assert seen == [4.0]
    with pytest.raises(Cancelled):
        task.ended.result()


def test_a_task_that_is_cancelled_before_it_begins_never_does(clock):
    seen = []

    async def begins():
        seen.append(1)

    clock.start(begins()).cancel()
    clock.run()
    assert seen == []


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
def test_within_is_a_limit(clock, io, limit, ended):
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
    ids=["the first in time", "the second", "the first, late", "neither"],
)
def test_a_race_is_over_when_one_has_won_or_neither_can(
    clock, io, first, second, ended
):
    seen = []
    finished(
        clock,
        io.race(2, slept(clock, *first, seen), lambda: slept(clock, *second, seen)),
    )
    assert seen == ended


def test_an_error_ends_a_race(clock, io):
    seen = []

    async def breaks():
        raise Broken

    with pytest.raises(Broken):
        finished(clock, io.race(2, slept(clock, 9, True, seen), breaks))
    assert seen == [(2, True)]


@pytest.mark.parametrize(("woken", "until"), [(1, 1), (3, 2)])
def test_a_waiter_waits_until_it_is_woken_or_too_late(clock, io, woken, until):
    async def waits():
        waiter = io.waiter()
        clock.at(woken, waiter.wake)
        await waiter.wait(2)
        waiter.close()
        return clock.now()

    assert finished(clock, waits()) == until


def test_the_time_of_the_day_goes_on_as_well(clock, io):
    clock.at(5.0, lambda: None)
    clock.run()
    assert io.wall_time() == EPOCH + 5


class Failing:
    def __init__(self, clock):
        self.clock = clock
        self.asked = []

    async def send(self, request):
        self.asked.append(self.clock.now())
        await self.clock.sleep(1)
        return answer(503)


def test_a_retry_waits_in_virtual_time(clock):
    server = Failing(clock)
    transport = RetryingTransport(NOWHERE, wait=tenacity.wait_fixed(HOUR))
    send = nested(transport, SimulatedIO(clock, server.send))
    response = finished(clock, send(httpx.Request("GET", "http://localhost/")))
    assert response.status_code == 503
    assert server.asked == [0, 1 + HOUR, 2 * (1 + HOUR)]


def test_layers_are_nested_as_transports_are(clock):
    server = Failing(clock)
    twice = {"stop": tenacity.stop_after_attempt(2), "wait": tenacity.wait_none()}
    send = server.send
    for _ in range(2):
        transport = RetryingTransport(NOWHERE, **twice)
        send = nested(transport, SimulatedIO(clock, send))
    finished(clock, send(httpx.Request("GET", "http://localhost/")))
    assert server.asked == [0, 1, 2, 3]


def test_the_same_seed_is_the_same_run():
    def waited(seed):
        random.seed(seed)
        clock = Clock()
        send = nested(
            RetryingTransport(NOWHERE), SimulatedIO(clock, Failing(clock).send)
        )
        finished(clock, send(httpx.Request("GET", "http://localhost/")))
        return clock.now()

    assert waited(1) == waited(1) != waited(2)
