"""The virtual clock of the simulations."""

from __future__ import annotations

import pytest

from benchmarks.simulations.clock import Cancelled, Clock, Promise

HOUR = 3600.0


class Broken(Exception):
    """An error that only these tests raise."""


@pytest.fixture
def clock():
    return Clock()


def test_events_run_in_the_order_of_time(clock):
    seen = []
    for time in (3.0, 1.0, 2.0):
        clock.at(time, seen.append, time)
    clock.run()
    assert seen == [1.0, 2.0, 3.0]
    assert clock.now() == 3.0


def test_events_of_the_same_time_run_in_the_order_of_scheduling(clock):
    seen = []
    for name in "abc":
        clock.at(1.0, seen.append, name)
    clock.run()
    assert seen == ["a", "b", "c"]


def test_a_callback_that_is_due_soon_runs_before_the_next_event(clock):
    seen = []
    clock.at(1.0, clock.soon, seen.append, "soon")
    clock.at(1.0, seen.append, "next")
    clock.run()
    assert seen == ["soon", "next"]


def test_an_event_in_the_past_runs_now(clock):
    seen = []
    clock.at(2.0, lambda: clock.at(1.0, lambda: seen.append(clock.now())))
    clock.run()
    assert seen == [2.0]


def test_a_run_stops_at_its_time_limit_and_can_continue(clock):
    seen = []
    clock.at(1.0, seen.append, 1)
    clock.at(2.0, seen.append, 2)
    clock.run(1.5)
    assert seen == [1]
    clock.run()
    assert seen == [1, 2]


def test_a_sleep_of_an_hour_advances_the_clock_by_an_hour(clock):
    async def sleeper():
        await clock.sleep(HOUR)
        return clock.now()

    task = clock.start(sleeper())
    clock.run()
    assert task.ended.result() == HOUR


def test_a_promise_is_settled_only_once():
    promise = Promise()
    promise.resolve(1)
    promise.fail(Broken())
    promise.resolve(2)
    assert promise.result() == 1


def test_a_run_raises_the_error_of_a_task_that_has_no_listener(clock):
    async def breaks():
        await clock.sleep(1)
        raise Broken

    clock.start(breaks())
    with pytest.raises(Broken):
        clock.run()


def test_a_cancelled_task_cleans_up_and_ignores_its_old_timer(clock):
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


def test_a_task_that_is_cancelled_before_it_begins_never_runs(clock):
    seen = []

    async def begins():
        seen.append(1)

    clock.start(begins()).cancel()
    clock.run()
    assert seen == []
