"""The own limit on costs: no period has more than the quota, and nearly all is used."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from httpx_resilient._layers.rate_limit.spending import (
    SLOTS,
    Spending,
    Terms,
    corrected,
    spending_wait,
    spent,
)

ALMOST = 1e-6
QUOTA = 100.0
TERMS = Terms(interval=0.1, burst=1, quota=QUOTA, per=10.0)
BURST = TERMS._replace(burst=50)
ALL_AT_ONCE = TERMS._replace(burst=100)
SLOT = TERMS.per / SLOTS

costs = st.lists(
    st.tuples(st.floats(0, 5), st.floats(0.1, 120), st.floats(0, 1)),
    min_size=1,
    max_size=60,
)
"""The gap before each request, its cost, and the part of it that it has used."""


def most_in_a_period(sent: list[tuple[float, float]]) -> float:
    """Return the most that several requests cost within one period."""
    most, first, total = 0.0, 0, 0.0
    sent = [each for each in sent if each[1] > ALMOST]
    for last, (now, cost) in enumerate(sent):
        total += cost
        while sent[first][0] <= now - TERMS.per:
            total -= sent[first][1]
            first += 1
        if first < last:  # one that costs more than the quota is sent alone
            most = max(most, total)
    return most


def waited(spending: Spending, terms: Terms, now: float, cost: float) -> float:
    """Return when the cost may be spent."""
    now += spending_wait(spending, terms, now, cost)
    assert spending_wait(spending, terms, now, cost) <= ALMOST
    return now


def test_requests_are_spaced_by_their_costs() -> None:
    spending = spent(Spending(), TERMS, 5.0, 20.0)
    assert spending_wait(spending, TERMS, 5.0, 1.0) == pytest.approx(2)
    assert spending_wait(spending, TERMS, 5.0, 50.0) == pytest.approx(2)


def test_a_burst_is_spent_at_once() -> None:
    spending = spent(Spending(), BURST, 5.0, 20.0)
    assert spending_wait(spending, BURST, 5.0, 30.0) == 0
    assert spending_wait(spending, BURST, 5.0, 40.0) == pytest.approx(1)


def test_a_cost_above_the_burst_waits_until_all_before_is_paid_for() -> None:
    spending = spent(Spending(), BURST, 5.0, 20.0)
    assert spending_wait(spending, BURST, 5.0, 80.0) == pytest.approx(2)


def test_a_cost_above_the_quota_is_sent_alone() -> None:
    assert spending_wait(Spending(), TERMS, 5.0, 1000.0) == 0
    spending = spent(Spending(), TERMS, 5.0, 1.0)
    assert 10 < spending_wait(spending, TERMS, 5.0, 1000.0) <= 10 + SLOT


def test_a_request_behind_others_waits_for_their_costs() -> None:
    assert spending_wait(Spending(), TERMS, 5.0, 1.0, ahead=30.0) == pytest.approx(3)
    assert spending_wait(Spending(), BURST, 5.0, 10.0, ahead=30.0) == 0


def test_without_a_limit_nothing_is_spent() -> None:
    assert spent(Spending(), Terms(), 5.0, 1000.0) == Spending()
    assert spending_wait(Spending(), Terms(), 5.0, 1000.0, ahead=5.0) == 0


def test_only_the_slots_of_one_period_are_stored() -> None:
    spending, now = Spending(), 5.0
    for _ in range(5000):
        now = waited(spending, TERMS, now, 0.1)
        spending = spent(spending, TERMS, now, 0.1)
    assert len(spending.slots) <= SLOTS + 1


def test_what_was_not_used_is_given_back() -> None:
    spending = spent(spent(Spending(), TERMS, 5.0, 20.0), TERMS, 7.0, 30.0)
    spending = corrected(spending, TERMS, 7.5, sent=7.0, cost=30.0, actual=10.0)
    assert spending_wait(spending, TERMS, 7.5, 1.0) == pytest.approx(0.5)
    assert sum(units for _, units in spending.slots) == 30


def test_what_was_used_in_addition_is_taken() -> None:
    spending = spent(Spending(), TERMS, 5.0, 20.0)
    spending = corrected(spending, TERMS, 6.0, sent=5.0, cost=20.0, actual=30.0)
    assert spending_wait(spending, TERMS, 6.0, 1.0) == pytest.approx(2)
    assert sum(units for _, units in spending.slots) == 30


def test_a_cost_that_is_as_expected_changes_nothing() -> None:
    spending = spent(Spending(), TERMS, 5.0, 20.0)
    assert corrected(spending, TERMS, 6.0, 5.0, 20.0, 20.0) is spending


def test_the_spacing_of_a_later_request_is_not_given_back() -> None:
    """A pause without requests has paid for the first one."""
    spending = spent(spent(Spending(), TERMS, 5.0, 20.0), TERMS, 9.0, 10.0)
    spending = corrected(spending, TERMS, 9.0, sent=5.0, cost=20.0, actual=0.0)
    assert spending_wait(spending, TERMS, 9.0, 1.0) == pytest.approx(1)


@given(costs, st.sampled_from([TERMS, BURST, ALL_AT_ONCE]))
@example([(0.0, 40.0, 0.0)] * 20, ALL_AT_ONCE)
def test_no_period_has_more_than_the_quota(
    costs: list[tuple[float, float, float]], terms: Terms
) -> None:
    spending, now, sent = Spending(), 0.0, list[tuple[float, float]]()
    for gap, cost, part in costs:
        now = waited(spending, terms, now + gap, cost)
        spending = spent(spending, terms, now, cost)
        spending = corrected(spending, terms, now, now, cost, cost * part)
        sent.append((now, cost * part))
    assert most_in_a_period(sent) <= QUOTA + ALMOST


@given(costs, st.sampled_from([TERMS, BURST]))
def test_with_late_corrections_no_period_has_more_than_the_quota(
    costs: list[tuple[float, float, float]], terms: Terms
) -> None:
    spending, now, sent = Spending(), 0.0, list[tuple[float, float]]()
    late: list[tuple[float, float, float]] = []
    for gap, cost, part in costs:
        now = waited(spending, terms, now + gap, cost)
        spending = spent(spending, terms, now, cost)
        sent.append((now, cost * part))
        late.append((now, cost, cost * part))
        if len(late) > 3:
            spending = corrected(spending, terms, now, *late.pop(0))
    assert most_in_a_period(sent) <= QUOTA + ALMOST


@given(st.integers(), st.sampled_from([TERMS, BURST, ALL_AT_ONCE]))
def test_95_percent_of_the_quota_are_used(seed: int, terms: Terms) -> None:
    """By requests that cost up to a twentieth of it."""
    chance, spending, now = random.Random(seed), Spending(), 1000.0
    sent: list[tuple[float, float]] = []
    while now < 1000 + 20 * TERMS.per:
        cost = chance.uniform(0.1, QUOTA / 20)
        now = waited(spending, terms, now, cost)
        spending = spent(spending, terms, now, cost)
        sent.append((now, cost))
    assert most_in_a_period(sent) <= QUOTA + ALMOST
    used = sum(cost for _, cost in sent)
    assert used >= 0.95 * QUOTA * (now - 1000) / TERMS.per
