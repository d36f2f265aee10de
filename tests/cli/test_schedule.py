"""The schedule of a policy: ranges of waits, and the attempts that they allow."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import pytest
import tenacity
from hypothesis import given, settings
from hypothesis import strategies as st
from support.policies import failed_state, policy

from httpx_resilient import retry_if_transient, wait_transient
from httpx_resilient._cli.schedule import (
    ScheduledAttempt,
    WaitRange,
    new_state,
    schedule,
    wait_range,
)
from httpx_resilient._cli.strategy_syntax import parse_strategy
from httpx_resilient._layers.retry.policy import RetryPolicy

JITTER = "wait_exponential_jitter(multiplier=1, max=5, jitter=3)"

numbers = st.floats(0, 10)
random_waits = st.one_of(
    st.builds(tenacity.wait_random, numbers, numbers),
    st.builds(
        tenacity.wait_random_exponential, multiplier=numbers, max=numbers, min=numbers
    ),
    st.builds(
        tenacity.wait_exponential_jitter,
        multiplier=numbers,
        max=numbers,
        jitter=numbers,
    ),
)


def planned(wait: str, stop: str, took: float = 0.0) -> list[ScheduledAttempt]:
    return list(islice(schedule(policy(wait, stop), 500, took), 30))


class TestWaitRange:
    @pytest.mark.parametrize(
        ("wait", "attempt", "expected"),
        [
            ("wait_fixed(2)", 1, (2, 2, 2)),
            ("wait_retry_after()", 1, (0, 0, 0)),
            ("wait_random(1, 3)", 1, (1, 3, 2)),
            ("wait_random_exponential(multiplier=1, max=5)", 2, (0, 2, 1)),
            ("wait_random_exponential(multiplier=1, max=5)", 9, (0, 5, 2.5)),
            ("wait_exponential(multiplier=1, max=5)", 3, (4, 4, 4)),
            ("wait_incrementing(1, 2)", 3, (5, 5, 5)),
            ("wait_fixed(1) + wait_random(0, 1)", 1, (1, 2, 1.5)),
            ("wait_chain(wait_fixed(1), wait_random(2, 4))", 1, (1, 1, 1)),
            ("wait_chain(wait_fixed(1), wait_random(2, 4))", 7, (2, 4, 3)),
            (JITTER, 1, (1, 4, 2.5)),
            (JITTER, 9, (5, 5, 5)),
            ("wait_exponential_jitter(multiplier=2, jitter=0)", 1, (2, 2, 2)),
            ("wait_transient()", 1, (0, 0.1, 0.05)),
        ],
    )
    def test_the_range_of_a_known_wait_is_exact(
        self, wait: str, attempt: int, expected: tuple[float, ...]
    ) -> None:
        found = wait_range(parse_strategy("wait", wait), failed_state(attempt))
        assert (found.low, found.high, found.mean) == pytest.approx(expected)

    def test_a_throttled_request_has_a_range_of_its_own(self) -> None:
        throttled = failed_state(status=429)
        assert wait_range(wait_transient(), throttled) == WaitRange(0, 1, 0.5)

    @settings(max_examples=30, deadline=None)
    @given(random_waits, st.integers(1, 8))
    def test_drawn_waits_are_within_the_range_and_average_its_mean(
        self, wait: Any, attempt: int
    ) -> None:
        random.seed(attempt)
        state, found = failed_state(attempt), wait_range(wait, failed_state(attempt))
        drawn = [wait(state) for _ in range(2000)]
        assert found.low - 1e-9 <= min(drawn)
        assert max(drawn) <= found.high + 1e-9
        width = found.high - found.low
        assert sum(drawn) / 2000 == pytest.approx(found.mean, abs=width / 20 + 1e-9)


class TestSchedule:
    def test_attempts_are_numbered_from_1(self) -> None:
        assert [attempt.number for attempt in planned("1", "3")] == [1, 2, 3]

    def test_a_start_is_the_sum_of_the_waits_and_durations_before_it(self) -> None:
        last = planned("wait_random(1, 2)", "3", took=10)[-1]
        assert (last.earliest, last.latest) == (22, 24)

    def test_a_limit_in_seconds_makes_late_attempts_uncertain(self) -> None:
        plan = planned("wait_random(1, 2)", "4s")
        assert [attempt.certain for attempt in plan] == [True, True, False, False]
        assert [attempt.likely for attempt in plan] == [True, True, True, False]
        assert [attempt.latest for attempt in plan] == [0, 2, 4, 4]

    def test_stop_after_delay_allows_a_wait_that_ends_after_the_delay(self) -> None:
        fixed = planned("3", "stop_after_delay(4)")
        assert [attempt.latest for attempt in fixed] == [0, 3, 6]
        plan = planned("wait_random(1, 3)", "stop_after_delay(4)")
        starts = [(attempt.earliest, attempt.latest) for attempt in plan]
        assert starts[2:] == [(2, 6), (3, 7), (4, 7)]

    @pytest.mark.parametrize(
        ("stop", "attempts"),
        [
            ("stop_after_attempt(9) | stop_before_delay(3)", 3),
            ("stop_after_attempt(9) & stop_before_delay(3)", 9),
            ("stop_never", 30),
        ],
    )
    def test_combined_stops_decide_as_they_do_in_a_policy(
        self, stop: str, attempts: int
    ) -> None:
        assert len(planned("1", stop)) == attempts

    @settings(max_examples=30, deadline=None)
    @given(
        random_waits,
        st.sampled_from(["4", "10s", "stop_after_delay(5)"]),
        st.integers(),
    )
    def test_simulated_attempts_are_within_the_schedule(
        self, wait: Any, stop: str, seed: int
    ) -> None:
        random.seed(seed)
        strategies = RetryPolicy(
            retry=retry_if_transient(), wait=wait, stop=parse_strategy("stop", stop)
        )
        plan = list(islice(schedule(strategies, 500), 12))
        starts = list(islice(simulated(strategies), 12))
        assert sum(each.certain for each in plan) <= len(starts) <= len(plan)
        for attempt, start in zip(plan, starts, strict=False):
            assert attempt.earliest - 1e-9 <= start <= attempt.latest + 1e-9


def simulated(strategies: RetryPolicy) -> Iterator[float]:
    state, now = new_state(strategies), 0.0
    while True:
        yield now
        state.returned(httpx.Response(500), now)
        state.upcoming_sleep = strategies.wait(state)
        if strategies.stop(state):
            return
        now += state.upcoming_sleep
        state.sends(now)
