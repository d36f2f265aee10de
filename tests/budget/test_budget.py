"""The retry budget: what is earned, what can be saved, what a retry takes."""

from __future__ import annotations

import math
import threading
from collections import deque
from time import monotonic
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from httpx_resilient import RetryBudget
from httpx_resilient._budget.budget import Account, Accounts
from httpx_resilient._budget.token_bucket import Terms
from httpx_resilient._core.state.store import MAX_KEYS

TERMS = Terms(ratio=0.2, least=2, most=10, window=10)
URL = httpx.URL("https://example.org/")


class Purse:
    """An account, and a clock."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.account = Account(terms)
        self.now = 1000.0

    def earns(self, requests: int) -> None:
        """So many requests go well now."""
        self.now += 0.001  # what ends with a retry's decision is taken for earlier
        self.account.good.extend([self.now] * requests)

    def spends(self, cost: float = 1, beyond: float = 0) -> bool:
        return self.account.spend(self.now, cost, beyond)

    def empties(self) -> int:
        """How many retries there were."""
        count = 0
        while self.spends():
            count += 1
        return count

    def knows(self, requests: int) -> None:
        """It has been used for a while, and had so many requests in the window."""
        self.earns(1)
        self.empties()
        self.now += TERMS.window
        self.earns(requests)


class TestBeginning:
    def test_it_begins_with_all_that_may_be_saved(self) -> None:
        assert Purse().empties() == 10

    def test_that_stays_while_the_traffic_is_not_known(self) -> None:
        purse = Purse()
        assert purse.spends()
        purse.now += 9.9
        assert purse.empties() == 9

    def test_and_then_it_is_what_the_traffic_allows(self) -> None:
        purse = Purse()
        assert purse.spends()
        purse.now += 10
        assert purse.empties() == 2

    def test_the_first_request_that_goes_well_begins_that_time(self) -> None:
        purse = Purse()
        purse.earns(1)
        purse.now += 10
        assert purse.empties() == 2


class TestEarning:
    def test_five_requests_that_go_well_earn_a_retry(self) -> None:
        purse = Purse()
        purse.empties()
        purse.earns(4)
        assert not purse.spends()
        purse.earns(1)
        assert purse.spends()
        assert not purse.spends()

    def test_each_earns_once(self) -> None:
        purse = Purse()
        purse.empties()
        purse.earns(5)
        purse.now += 1
        assert purse.empties() == 1
        assert purse.empties() == 0

    def test_what_is_given_back_counts(self) -> None:
        purse = Purse()
        purse.empties()
        purse.account.refunds.append(2)
        assert purse.empties() == 2

    def test_but_no_more_than_may_be_saved(self) -> None:
        purse = Purse()
        purse.account.refunds.append(100)
        assert purse.empties() == 10


class TestSaving:
    @pytest.mark.parametrize(
        ("requests", "retries"), [(0, 2), (10, 2), (30, 6), (50, 10), (500, 10)]
    )
    def test_it_follows_the_traffic_of_the_window(
        self, requests: int, retries: int
    ) -> None:
        purse = Purse()
        purse.knows(requests)
        purse.account.refunds.append(100)
        assert purse.empties() == retries

    def test_what_is_past_is_no_traffic(self) -> None:
        purse = Purse()
        purse.knows(50)
        purse.now += 10
        assert purse.empties() == 2


class TestSpending:
    def test_a_retry_after_a_timeout_costs_two(self) -> None:
        purse = Purse()
        assert purse.spends(cost=2)
        assert purse.empties() == 8

    def test_what_is_refused_costs_nothing(self) -> None:
        purse = Purse()
        purse.empties()
        purse.earns(5)
        assert not purse.spends(cost=2)
        assert purse.spends()

    def test_more_attempts_than_usual_are_owed(self) -> None:
        purse = Purse()
        purse.empties()
        assert purse.spends(beyond=2)
        assert purse.spends(beyond=2)
        assert not purse.spends(beyond=2)
        purse.earns(10)  # which pays the debt
        assert not purse.spends()
        purse.earns(5)
        assert purse.spends()

    def test_and_there_is_an_end_to_that(self) -> None:
        purse = Purse()
        purse.empties()
        owed = 0
        while purse.spends(beyond=47):
            owed += 1
        assert owed == 47


class Machine(RuleBasedStateMachine):
    """An account against a model that counts everything each time."""

    def __init__(self) -> None:
        super().__init__()
        self.purse = Purse()
        self.good: list[float] = []
        self.tokens, self.counted, self.since = 10.0, 0, math.inf
        self.paid: list[float] = []
        self.refunded = 0.0

    @rule(seconds=st.sampled_from([0.001, 0.5, 3.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.purse.now += seconds

    @rule(requests=st.integers(1, 12))
    def requests_go_well(self, requests: int) -> None:
        self.purse.earns(requests)
        self.good += [self.purse.now] * requests

    @rule(cost=st.sampled_from([1.0, 2.0]), beyond=st.sampled_from([0.0, 3.0]))
    def a_retry_is_wanted(self, cost: float, beyond: float) -> None:
        now = self.purse.now
        self.since = min([self.since, now, *self.good])
        self.tokens += self.refunded + 0.2 * min(len(self.good) - self.counted, 50)
        self.counted, self.refunded = len(self.good), 0.0
        traffic = sum(now - at < 10 for at in self.good)
        known = now - self.since >= 10
        most = min(max(0.2 * traffic, 2), 10) if known else 10
        self.tokens = min(self.tokens, most)
        granted = self.tokens + beyond >= cost - 1e-6
        if granted:
            self.tokens -= cost
            self.paid.append(cost)
        assert self.purse.spends(cost, beyond) == granted

    @precondition(lambda self: self.paid)
    @rule()
    def a_retry_has_helped(self) -> None:
        cost = self.paid.pop()
        self.refunded += cost
        self.purse.account.refunds.append(cost)

    @invariant()
    def nobody_owes_more_than_was_allowed(self) -> None:
        assert self.purse.account.bucket[0] >= -3.001


TestMachine = Machine.TestCase


class TestAccounts:
    def test_there_is_one_for_each_origin(self) -> None:
        accounts = Accounts(TERMS)
        assert accounts["a"] is accounts["a"]
        assert accounts["a"] is not accounts["b"]

    def test_their_number_is_bounded(self) -> None:
        accounts = Accounts(TERMS, most=10)
        for number in range(1000):
            accounts[number].refunds.append(1)
        assert len(accounts) + len(accounts._older) <= 10

    def test_one_that_is_in_use_is_not_forgotten(self) -> None:
        accounts = Accounts(TERMS, most=10)
        used = accounts["used"]
        for number in range(1000):
            accounts[number].refunds.append(1)
            assert accounts["used"] is used

    def test_one_that_is_not_used_begins_anew(self) -> None:
        accounts = Accounts(TERMS, most=10)
        unused = accounts["unused"]
        for number in range(10):
            accounts[number].refunds.append(1)
        assert accounts["unused"] is not unused

    def test_two_threads_open_one_account(self) -> None:
        accounts, opened = Accounts(TERMS), list[Any]()
        barrier = threading.Barrier(2)

        def work() -> None:
            for number in range(500):
                barrier.wait()
                opened.append((number, id(accounts[number])))

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(opened)) == 500

    def test_a_thread_that_comes_second_gets_what_the_first_has_opened(self) -> None:
        accounts = Accounts(TERMS)
        opened = accounts["a"]
        assert accounts.__missing__("a") is opened


class TestBudget:
    def test_a_layer_earns_and_spends_by_origin(self) -> None:
        budget = RetryBudget(least=0, most=1)
        assert budget.spend(URL, 999.0)
        for _ in range(5):
            budget.earn(URL, 1000.0)
        assert budget.spend(httpx.URL("http://example.org/"), 1000.0)
        assert budget.spend(URL, 1000.0)
        assert not budget.spend(URL, 1000.0)
        budget.refund(URL)
        assert budget.spend(URL, 1000.0)

    def test_two_threads_spend_no_more_than_there_is(self) -> None:
        budget, spent = RetryBudget(most=1000), deque[bool]()

        def work() -> None:
            while budget.spend(URL, 1000.0):
                spent.append(True)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(spent) == 1000

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"ratio": 0}, "ratio is a number of retries per request, 0.01 or more"),
            ({"ratio": 1.1}, "at most 1; got 1.1"),
            ({"least": -1}, "least is a number of retries, 0 or more"),
            ({"least": 11}, "least is a number of retries, 0 or more, at most 10"),
            ({"most": math.nan}, "most is a number of retries"),
            ({"window": 0}, "window is a number of seconds, above 0"),
        ],
    )
    def test_what_is_out_of_range_is_refused(
        self, options: dict[str, float], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            RetryBudget(**options)

    def test_it_tells_its_terms(self) -> None:
        assert (
            repr(RetryBudget())
            == "<RetryBudget ratio=0.2, least=3, most=10, window=10>"
        )


def test_states_tell_what_is_left_and_change_nothing() -> None:
    budget, url = RetryBudget(most=5), httpx.URL("https://a.test/x")
    assert budget.states() == {}
    budget.spend(url, monotonic())
    assert budget.states() == budget.states() == {"https://a.test": 4}
    budget.refund(url)
    assert budget.states() == budget.states() == {"https://a.test": 5}
    assert budget.spend(url, monotonic(), 5)


def test_states_tell_of_origins_that_were_not_used_for_a_while() -> None:
    budget = RetryBudget()
    for number in range(MAX_KEYS // 2 + 1):
        budget.account(httpx.URL(f"https://{number}.test"))
    assert len(budget.states()) == MAX_KEYS // 2 + 1
