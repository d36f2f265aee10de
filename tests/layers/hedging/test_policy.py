"""The transitions of hedging: the delay of a hedge, and the credit for hedges."""

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
    MAX_CAPACITY,
    MAX_LATENCIES,
    MIN_CAPACITY,
    MIN_DELAY,
    REFRESH_INTERVAL,
    WINDOW,
    HedgeState,
    Outcome,
    Rules,
    record,
    withdraw,
)

RULES = Rules()
KEY = ("https", "example.org", None)


def took(*seconds: float, success: bool = True, at: float = 0.0) -> list[Outcome]:
    return [(at - each, at, success) for each in seconds]


def after(*latencies: float, rules: Rules = RULES, at: float = 0.0) -> HedgeState:
    return record(HedgeState(), took(*latencies, at=at), rules)


def hedges(state: HedgeState, *, refused_before: bool, now: float = 0.0) -> int:
    """Count the hedges that are granted one after the other."""
    number, granted = -1, True
    while granted:
        number += 1
        state, granted = withdraw(state, now, RULES, refused_before=refused_before)
    return number


class TestDelay:
    def test_is_none_before_there_are_enough_samples(self) -> None:
        assert after(*[1.0] * 49).delay is None
        assert after(*[1.0] * 50).delay == 1.0

    def test_is_exceeded_by_one_latency_in_twenty(self) -> None:
        assert after(*range(1, 101)).delay == 95

    def test_is_at_least_a_millisecond(self) -> None:
        assert after(*[0.0] * 50).delay == MIN_DELAY

    def test_is_computed_once_a_second(self) -> None:
        state = after(*[1.0] * 50)
        soon = record(
            state, took(*[2.0] * MAX_LATENCIES, at=REFRESH_INTERVAL / 2), RULES
        )
        assert soon.delay == 1.0
        assert record(soon, took(2.0, at=REFRESH_INTERVAL), RULES).delay == 2.0

    def test_is_computed_from_a_bounded_number_of_latencies(self) -> None:
        assert len(after(*[1.0] * 2 * MAX_LATENCIES).latencies) == MAX_LATENCIES

    def test_ignores_a_failure_faster_than_the_delay(self) -> None:
        state = after(*[1.0] * 50)
        assert record(state, took(0.1, success=False), RULES).latencies == (1.0,) * 50

    def test_counts_a_failure_slower_than_the_delay(self) -> None:
        state = after(*[1.0] * 50)
        assert record(state, took(7.0, success=False), RULES).latencies[-1] == 7.0

    def test_ignores_all_failures_while_there_is_no_delay(self) -> None:
        assert record(HedgeState(), took(7.0, success=False), RULES).latencies == ()

    def test_that_is_given_never_changes(self) -> None:
        rules = RULES._replace(observes=False)
        state = record(HedgeState(0.2), took(*[1.0] * 99), rules)
        assert (state.delay, state.latencies) == (0.2, ())


class TestCredit:
    def test_allows_two_hedges_at_first(self) -> None:
        assert hedges(HedgeState(), refused_before=True) == 2

    def test_reserves_the_last_hedge_for_requests_refused_before(self) -> None:
        assert hedges(HedgeState(), refused_before=False) == 1

    def test_is_one_hedge_for_twenty_successes(self) -> None:
        state = HedgeState(credit=0.0)
        assert hedges(record(state, took(*[1] * 19), RULES), refused_before=True) == 0
        assert hedges(record(state, took(*[1] * 20), RULES), refused_before=True) == 1

    def test_is_not_earned_by_failures(self) -> None:
        failures = took(*[1] * 100, success=False)
        state = record(HedgeState(credit=0.0), failures, RULES)
        assert hedges(state, refused_before=True) == 0

    def test_is_at_most_ten_hedges(self) -> None:
        assert hedges(after(*[1] * 1000), refused_before=True) == MAX_CAPACITY

    def test_of_a_client_that_sends_little_is_at_most_two_hedges(self) -> None:
        state = HedgeState()
        for second in range(1000):
            state = record(state, took(1.0, at=second), RULES)
        assert hedges(state, refused_before=True, now=1000) == MIN_CAPACITY

    def test_decays_while_nothing_is_sent(self) -> None:
        state = after(*[1] * 1000)
        assert hedges(state, refused_before=True, now=10 * WINDOW) == MIN_CAPACITY

    def test_does_not_change_if_time_goes_back(self) -> None:
        state = after(*[1] * 1000, at=100.0)
        assert hedges(state, refused_before=True, now=99.0) == MAX_CAPACITY


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_a_quantile_has_its_share_of_the_values_at_or_below_it(
    values: list[float], share: float
) -> None:
    found = quantile(values, share)
    assert sum(each <= found for each in values) >= share * len(values) - 1e-9
    assert sum(each < found for each in values) < share * len(values)


class OriginModel(RuleBasedStateMachine):
    """Compares a state with a model that stores all latencies and counts all hedges."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = Rules(samples=5)
        self.state = HedgeState()
        self.now = 0.0
        self.latencies: list[float] = []
        self.delay, self.due = math.inf, 0.0
        self.hedges = self.successes = 0

    @rule(
        ended=st.lists(
            st.tuples(st.floats(0, 2), st.booleans()), min_size=1, max_size=80
        )
    )
    def end_requests(self, ended: list[tuple[float, bool]]) -> None:
        outcomes = [(self.now - each, self.now, success) for each, success in ended]
        self.state = record(self.state, outcomes, self.rules)
        for since, until, success in outcomes:
            if success or until - since >= self.delay:
                self.latencies.append(until - since)
            self.successes += success
        if self.now >= self.due and len(self.latencies) >= 5:
            last = sorted(self.latencies[-MAX_LATENCIES:])
            self.delay = max(last[math.ceil(0.95 * len(last)) - 1], MIN_DELAY)
            self.due = self.now + REFRESH_INTERVAL

    @rule(refused_before=st.booleans())
    def withdraw_a_hedge(self, refused_before: bool) -> None:
        could = self.state.credit >= 1
        self.state, granted = withdraw(
            self.state, self.now, self.rules, refused_before=refused_before
        )
        assert granted or not (refused_before and could)
        self.hedges += granted

    @rule(seconds=st.floats(0, 20))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_delay_is_the_quantile_of_the_stored_latencies(self) -> None:
        assert (self.state.delay or math.inf) == self.delay

    @invariant()
    def hedges_never_exceed_what_successes_earned(self) -> None:
        earned = MIN_CAPACITY + self.rules.extra * self.successes
        assert self.hedges <= earned - self.state.credit + 1e-6
        assert 0 <= self.state.credit <= MAX_CAPACITY


TestOrigin = OriginModel.TestCase
TestOrigin.settings = settings(max_examples=60, deadline=None)


class TestPolicy:
    def test_delays_lists_the_delay_of_each_origin(self) -> None:
        policy = HedgePolicy(samples=1)
        assert policy.delays() == {}
        slot = policy.origins.slot(KEY)
        slot.pending.extend(took(0.25))
        assert policy.delays() == {"https://example.org": 0.25}

    def test_methods_may_be_in_lower_case(self) -> None:
        assert HedgePolicy(methods=["get", "Put"]).methods == {"GET", "PUT"}

    def test_threads_that_share_a_policy_lose_no_outcome_and_no_credit(self) -> None:
        policy = HedgePolicy(0.1, extra=1)
        slot = policy.origins.slot(KEY)
        granted: list[bool] = []

        def work() -> None:
            for number in range(500):
                slot.pending.append((0.0, 0.0, True))
                if number % 50 == 0:
                    granted.append(policy.withdraw(KEY, 0.0, refused_before=True))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = policy.origins.states()[KEY]
        assert (state.recent, state.credit) == (2000, MAX_CAPACITY)
        assert granted.count(True) == 40

    @pytest.mark.parametrize(
        "options",
        [
            {"delay": 0}, {"delay": math.nan}, {"quantile": 0}, {"quantile": 1.1},
            {"samples": 0}, {"samples": MAX_LATENCIES + 1}, {"extra": 0}, {"extra": 1.1},
        ],
    )  # fmt: skip
    def test_a_number_out_of_its_range_is_rejected(self, options: Any) -> None:
        with pytest.raises(ValueError, match=f"{next(iter(options))} is a "):
            HedgePolicy(**options)

    @pytest.mark.parametrize(
        "options", [{"delay": "1"}, {"samples": 5.5}, {"extra": True}]
    )
    def test_an_argument_that_is_not_a_number_is_rejected(self, options: Any) -> None:
        with pytest.raises(TypeError, match=f"{next(iter(options))} is a "):
            HedgePolicy(**options)

    @pytest.mark.parametrize("methods", ["GET", [b"GET"], None])
    def test_methods_that_are_not_a_collection_of_strings_are_rejected(
        self, methods: Any
    ) -> None:
        with pytest.raises(TypeError, match="methods must be a collection of strings"):
            HedgePolicy(methods=methods)
