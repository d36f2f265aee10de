"""Hedging's decisions: when an answer is late, and whether a hedge may be sent."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from httpx_resilient import HedgePolicy
from httpx_resilient._core.state.quantile import quantile
from httpx_resilient._layers.hedging.policy import (
    LATENCIES,
    LEAST,
    LEAST_CREDIT,
    MOST_CREDIT,
    REFRESH,
    WINDOW,
    HedgeState,
    Outcome,
    Rules,
    asked,
    ended,
)

RULES = Rules()
KEY = ("https", b"example.org", None)


def took(*seconds: float, success: bool = True, at: float = 0.0) -> list[Outcome]:
    return [(at - each, at, success) for each in seconds]


def after(*latencies: float, rules: Rules = RULES, at: float = 0.0) -> HedgeState:
    return ended(HedgeState(), took(*latencies, at=at), rules)


def hedges(state: HedgeState, *, again: bool, now: float = 0.0) -> int:
    """How many are granted, one after the other."""
    number, granted = -1, True
    while granted:
        number += 1
        state, granted = asked(state, now, RULES, again=again)
    return number


class TestDelay:
    def test_it_is_not_known_with_too_few_latencies(self) -> None:
        assert after(*[1.0] * 49).delay is None
        assert after(*[1.0] * 50).delay == 1.0

    def test_it_is_what_one_in_twenty_exceeds(self) -> None:
        assert after(*range(1, 101)).delay == 95

    def test_it_is_not_shorter_than_a_millisecond(self) -> None:
        assert after(*[0.0] * 50).delay == LEAST

    def test_it_is_looked_up_once_a_second(self) -> None:
        state = after(*[1.0] * 50)
        soon = ended(state, took(*[2.0] * LATENCIES, at=REFRESH / 2), RULES)
        assert soon.delay == 1.0
        assert ended(soon, took(2.0, at=REFRESH), RULES).delay == 2.0

    def test_it_is_of_the_last_ones(self) -> None:
        assert len(after(*[1.0] * 2 * LATENCIES).latencies) == LATENCIES

    def test_a_fast_failure_tells_nothing(self) -> None:
        state = after(*[1.0] * 50)
        assert ended(state, took(0.1, success=False), RULES).latencies == (1.0,) * 50

    def test_one_that_took_long_tells_that_it_did(self) -> None:
        state = after(*[1.0] * 50)
        assert ended(state, took(7.0, success=False), RULES).latencies[-1] == 7.0

    def test_without_a_quantile_no_failure_does(self) -> None:
        assert ended(HedgeState(), took(7.0, success=False), RULES).latencies == ()

    def test_one_that_is_given_stays_as_it_is(self) -> None:
        rules = RULES._replace(observes=False)
        state = ended(HedgeState(0.2), took(*[1.0] * 99), rules)
        assert (state.delay, state.latencies) == (0.2, ())


class TestBudget:
    def test_two_may_be_sent_to_begin_with(self) -> None:
        assert hedges(HedgeState(), again=True) == 2

    def test_the_last_one_is_for_who_asks_again(self) -> None:
        assert hedges(HedgeState(), again=False) == 1

    def test_one_is_earned_by_twenty_successes(self) -> None:
        state = HedgeState(credit=0.0)
        assert hedges(ended(state, took(*[1] * 19), RULES), again=True) == 0
        assert hedges(ended(state, took(*[1] * 20), RULES), again=True) == 1

    def test_and_by_no_failure(self) -> None:
        failures = took(*[1] * 100, success=False)
        state = ended(HedgeState(credit=0.0), failures, RULES)
        assert hedges(state, again=True) == 0

    def test_a_burst_is_ten_at_most(self) -> None:
        assert hedges(after(*[1] * 1000), again=True) == MOST_CREDIT

    def test_who_sends_little_saves_up_little(self) -> None:
        state = HedgeState()
        for second in range(1000):
            state = ended(state, took(1.0, at=second), RULES)
        assert hedges(state, again=True, now=1000) == LEAST_CREDIT

    def test_what_was_saved_is_lost_in_time(self) -> None:
        state = after(*[1] * 1000)
        assert hedges(state, again=True, now=10 * WINDOW) == LEAST_CREDIT

    def test_time_that_goes_back_is_no_time(self) -> None:
        state = after(*[1] * 1000, at=100.0)
        assert hedges(state, again=True, now=99.0) == MOST_CREDIT


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_a_quantile_has_its_share_at_or_below_it(
    values: list[float], share: float
) -> None:
    found = quantile(values, share)
    assert sum(each <= found for each in values) >= share * len(values) - 1e-9
    assert sum(each < found for each in values) < share * len(values)


class Origin(RuleBasedStateMachine):
    """Against a model that keeps everything, and counts hedges and what earned them."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = Rules(samples=5)
        self.state = HedgeState()
        self.now = 0.0
        self.latencies: list[float] = []
        self.delay, self.due = math.inf, 0.0
        self.hedges = self.successes = 0

    @rule(
        news=st.lists(
            st.tuples(st.floats(0, 2), st.booleans()), min_size=1, max_size=80
        )
    )
    def requests_end(self, news: list[tuple[float, bool]]) -> None:
        outcomes = [(self.now - each, self.now, success) for each, success in news]
        self.state = ended(self.state, outcomes, self.rules)
        for since, until, success in outcomes:
            if success or until - since >= self.delay:
                self.latencies.append(until - since)
            self.successes += success
        if self.now >= self.due and len(self.latencies) >= 5:
            last = sorted(self.latencies[-LATENCIES:])
            self.delay = max(last[math.ceil(0.95 * len(last)) - 1], LEAST)
            self.due = self.now + REFRESH

    @rule(again=st.booleans())
    def one_is_late(self, again: bool) -> None:
        could = self.state.credit >= 1
        self.state, granted = asked(self.state, self.now, self.rules, again=again)
        assert granted or not (again and could)
        self.hedges += granted

    @rule(seconds=st.floats(0, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_delay_is_the_quantile(self) -> None:
        assert (self.state.delay or math.inf) == self.delay

    @invariant()
    def there_are_never_more_hedges_than_were_earned(self) -> None:
        earned = LEAST_CREDIT + self.rules.extra * self.successes
        assert self.hedges <= earned - self.state.credit + 1e-6
        assert 0 <= self.state.credit <= MOST_CREDIT


TestOrigin = Origin.TestCase
TestOrigin.settings = settings(max_examples=60, deadline=None)


class TestPolicy:
    def test_it_tells_the_delay_of_each_origin(self) -> None:
        policy = HedgePolicy(samples=1)
        assert policy.delays() == {}
        slot = policy.origins.slot(KEY)
        slot.pending.extend(took(0.25))
        assert policy.delays() == {"https://example.org": 0.25}

    def test_methods_have_any_case(self) -> None:
        assert HedgePolicy(methods=["get", "Put"]).methods == {"GET", "PUT"}

    def test_threads_that_share_it_lose_nothing(self) -> None:
        policy = HedgePolicy(0.1, extra=1)
        slot = policy.origins.slot(KEY)
        granted: list[bool] = []

        def work() -> None:
            for number in range(500):
                slot.pending.append((0.0, 0.0, True))
                if number % 50 == 0:
                    granted.append(policy.asked(KEY, 0.0, again=True))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = policy.origins.states()[KEY]
        assert (state.recent, state.credit) == (2000, MOST_CREDIT)
        assert granted.count(True) == 40

    @pytest.mark.parametrize(
        "options",
        [
            {"delay": 0}, {"delay": math.nan}, {"quantile": 0}, {"quantile": 1.1},
            {"samples": 0}, {"samples": LATENCIES + 1}, {"extra": 0}, {"extra": 1.1},
        ],
    )  # fmt: skip
    def test_a_number_out_of_its_range_is_refused(self, options: Any) -> None:
        with pytest.raises(ValueError, match=f"{next(iter(options))} is a "):
            HedgePolicy(**options)

    @pytest.mark.parametrize(
        "options", [{"delay": "1"}, {"samples": 5.5}, {"extra": True}]
    )
    def test_what_is_no_number_is_refused(self, options: Any) -> None:
        with pytest.raises(TypeError, match=f"{next(iter(options))} is a "):
            HedgePolicy(**options)

    @pytest.mark.parametrize("methods", ["GET", [b"GET"], None])
    def test_what_is_no_list_of_methods_is_refused(self, methods: Any) -> None:
        with pytest.raises(TypeError, match="methods are several"):
            HedgePolicy(methods=methods)
