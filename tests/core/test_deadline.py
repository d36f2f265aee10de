"""Deadlines that pause while a request waits in a queue of this side."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._core import deadline as module
from httpx_resilient._core.deadline import Deadline, PausingDeadline


class Timers:
    """A clock that a test moves, and the timers that were moved."""

    def __init__(self) -> None:
        self.time = 0.0
        self.moved: list[float] = []

    def now(self) -> float:
        return self.time

    def reschedule(self, timer: Any, seconds: float) -> None:
        assert timer == "a timer"
        self.moved.append(seconds)


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    timers = Timers()
    monkeypatch.setattr(module.Clock, "now", timers.now)
    return timers


def made(
    seconds: float, outer: Deadline | None = None, kind: type[Deadline] = Deadline
) -> Deadline:
    deadline = kind()
    deadline.own = seconds
    deadline.at = seconds if outer is None else min(seconds, outer.at)
    deadline.outer = outer
    deadline.total, deadline.since = seconds, 0.0
    return deadline


def wait(deadline: Deadline, timers: Timers, seconds: float) -> None:
    deadline.pause(timers)
    timers.time += seconds
    deadline.resume(timers)


def test_a_deadline_for_the_server_has_no_end_while_the_request_waits(
    timers: Timers,
) -> None:
    deadline = made(10, kind=PausingDeadline)
    deadline.pause(timers)
    assert deadline.left() == math.inf
    timers.time += 7
    deadline.resume(timers)
    assert deadline.left() == 10


def test_a_deadline_for_everything_includes_the_wait(timers: Timers) -> None:
    deadline = made(10)
    deadline.timer = "a timer"
    wait(deadline, timers, 7)
    assert deadline.left() == 3
    assert timers.moved == []


def test_a_wait_is_within_the_deadline_around(timers: Timers) -> None:
    outer = made(30)
    deadline = made(10, outer, PausingDeadline)
    deadline.pause(timers)
    assert deadline.at == 30
    assert deadline.source is outer
    timers.time += 25
    deadline.resume(timers)
    assert deadline.at == 30


def test_a_deadline_inside_of_one_that_pauses_follows_it(timers: Timers) -> None:
    outer = made(5, kind=PausingDeadline)
    deadline = made(10, outer)
    assert deadline.at == 5
    wait(deadline, timers, 2)
    assert deadline.at == 7
    wait(deadline, timers, 20)
    assert deadline.at == 10


def test_the_timer_is_moved_with_its_deadline(timers: Timers) -> None:
    deadline = made(10, kind=PausingDeadline)
    deadline.timer = "a timer"
    timers.time = 4
    wait(deadline, timers, 3)
    assert timers.moved == [math.inf, 6]
    deadline.timer = None
    wait(deadline, timers, 3)
    assert len(timers.moved) == 2


@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=8),
    st.floats(1, 50),
)
def test_waits_at_the_same_time_count_once(
    waits: list[tuple[float, float]], seconds: float
) -> None:
    timers, deadline = Timers(), made(seconds, kind=PausingDeadline)
    moments = [
        each for began, took in waits for each in ((began, 1), (began + took, -1))
    ]
    waited, waiting, latest = 0.0, 0, 0.0
    for moment, change in sorted(moments, key=lambda each: (each[0], -each[1])):
        waited += moment - latest if waiting else 0.0
        latest = timers.time = moment
        waiting += change
        (deadline.pause if change > 0 else deadline.resume)(timers)
        assert (deadline.at == math.inf) == (waiting > 0)
    assert deadline.at == pytest.approx(seconds + waited)
