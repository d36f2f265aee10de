"""The retry budget: deposits, capacity and withdrawals."""

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
from httpx_resilient._budget.accounts import Account, Accounts
from httpx_resilient._budget.token_bucket import BucketLimits
from httpx_resilient._core.state.store import MAX_KEYS

LIMITS = BucketLimits(ratio=0.2, floor=2, capacity=10, window=10)
URL = httpx.URL("https://example.org/")


class Purse:
    """An account with a clock."""

    def __init__(self) -> None:
        self.account = Account(LIMITS)
        self.now = 1000.0

    def deposit(self, requests: int) -> None:
        """Let a number of requests succeed now."""
        self.now += 0.001  # a deposit at the time of a withdrawal counts as earlier
        self.account.deposits.extend([self.now] * requests)

    def withdraw(self, cost: float = 1, overdraft: float = 0) -> bool:
        return self.account.withdraw(self.now, cost, overdraft)

    def refund(self, cost: float) -> None:
        self.account.refunds.append(cost)

    def tokens(self) -> float:
        """Return the tokens after the last withdrawal."""
        return self.account.bucket[0]

    def take_all(self) -> int:
        """Withdraw all retries. Return their number."""
        count = 0
        while self.withdraw():
            count += 1
        return count

    def observe(self, requests: int) -> None:
        """Let a window pass, then let a number of requests succeed in the next one."""
        self.deposit(1)
        self.take_all()
        self.now += LIMITS.window
        self.deposit(requests)


class TestNewAccount:
    def test_a_new_account_has_its_whole_capacity(self) -> None:
        assert Purse().take_all() == 10

    def test_the_capacity_does_not_shrink_within_the_first_window(self) -> None:
        purse = Purse()
        assert purse.withdraw()
        purse.now += 9.9
        assert purse.take_all() == 9

    def test_after_the_first_window_the_capacity_follows_the_traffic(self) -> None:
        purse = Purse()
        assert purse.withdraw()
        purse.now += 10
        assert purse.take_all() == 2

    def test_traffic_of_the_first_window_that_earned_more_raises_the_capacity(
        self,
    ) -> None:
        account = Account(LIMITS._replace(capacity=100))
        account.deposits.extend([1000.0] * 200)
        granted = [account.withdraw(1001, 1, 0) for _ in range(50)]
        assert granted == [True] * 40 + [False] * 10

    def test_the_first_window_begins_with_the_first_success(self) -> None:
        purse = Purse()
        purse.deposit(1)
        purse.now += 10
        assert purse.take_all() == 2


class TestDeposits:
    def test_five_successes_earn_one_retry(self) -> None:
        purse = Purse()
        purse.take_all()
        purse.deposit(4)
        assert not purse.withdraw()
        purse.deposit(1)
        assert purse.withdraw()
        assert not purse.withdraw()

    def test_a_success_earns_once(self) -> None:
        purse = Purse()
        purse.take_all()
        purse.deposit(5)
        purse.now += 1
        assert purse.take_all() == 1
        assert purse.take_all() == 0

    def test_a_refund_can_be_withdrawn(self) -> None:
        purse = Purse()
        purse.take_all()
        purse.refund(2)
        assert purse.take_all() == 2

    def test_a_refund_does_not_exceed_the_capacity(self) -> None:
        purse = Purse()
        purse.refund(100)
        assert purse.take_all() == 10


class TestCapacity:
    @pytest.mark.parametrize(
        ("requests", "retries"), [(0, 2), (10, 2), (30, 6), (50, 10), (500, 10)]
    )
    def test_the_capacity_follows_the_traffic_of_the_window(
        self, requests: int, retries: int
    ) -> None:
        purse = Purse()
        purse.observe(requests)
        purse.refund(100)
        assert purse.take_all() == retries

    def test_traffic_before_the_window_does_not_count(self) -> None:
        purse = Purse()
        purse.observe(50)
        purse.now += 10
        assert purse.take_all() == 2


class TestWithdrawals:
    def test_a_withdrawal_of_two_leaves_two_fewer(self) -> None:
        purse = Purse()
        assert purse.withdraw(cost=2)
        assert purse.take_all() == 8

    def test_a_withdrawal_that_is_refused_costs_nothing(self) -> None:
        purse = Purse()
        purse.take_all()
        purse.deposit(5)
        assert not purse.withdraw(cost=2)
        assert purse.withdraw()

    def test_a_request_with_an_overdraft_withdraws_more_than_there_is(self) -> None:
        purse = Purse()
        purse.take_all()
        assert purse.withdraw(overdraft=2)
        assert purse.withdraw(overdraft=2)
        assert not purse.withdraw(overdraft=2)
        purse.deposit(10)  # as much as is overdrawn
        assert not purse.withdraw()
        purse.deposit(5)
        assert purse.withdraw()

    def test_an_overdraft_is_bounded(self) -> None:
        purse = Purse()
        purse.take_all()
        overdrawn = 0
        while purse.withdraw(overdraft=47):
            overdrawn += 1
        assert overdrawn == 47


class Machine(RuleBasedStateMachine):
    """An account, compared with a model that counts all deposits each time."""

    def __init__(self) -> None:
        super().__init__()
        self.purse = Purse()
        self.deposits: list[float] = []
        self.tokens, self.counted, self.since = 10.0, 0, math.inf
        self.withdrawn: list[float] = []
        self.refunded = 0.0

    @rule(seconds=st.sampled_from([0.001, 0.5, 3.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.purse.now += seconds

    @rule(requests=st.integers(1, 12))
    def requests_succeed(self, requests: int) -> None:
        self.purse.deposit(requests)
        self.deposits += [self.purse.now] * requests

    @rule(cost=st.sampled_from([1.0, 2.0]), overdraft=st.sampled_from([0.0, 3.0]))
    def a_retry_is_decided(self, cost: float, overdraft: float) -> None:
        now = self.purse.now
        self.since = min([self.since, now, *self.deposits])
        self.tokens += self.refunded + 0.2 * min(len(self.deposits) - self.counted, 50)
        self.counted, self.refunded = len(self.deposits), 0.0
        traffic = sum(now - at < 10 for at in self.deposits)
        known = now - self.since >= 10
        capacity = min(max(0.2 * traffic, 2), 10) if known else 10
        self.tokens = min(self.tokens, capacity)
        granted = self.tokens + overdraft >= cost - 1e-6
        if granted:
            self.tokens -= cost
            self.withdrawn.append(cost)
        assert self.purse.withdraw(cost, overdraft) == granted

    @precondition(lambda self: self.withdrawn)
    @rule()
    def a_retry_succeeds(self) -> None:
        cost = self.withdrawn.pop()
        self.refunded += cost
        self.purse.refund(cost)

    @invariant()
    def no_request_overdraws_by_more_than_its_allowance(self) -> None:
        assert self.purse.tokens() >= -3.001


TestMachine = Machine.TestCase


def stored(accounts: Accounts) -> int:
    """Return how many accounts both generations have."""
    return len(accounts) + len(accounts._older)


class TestAccounts:
    def test_each_origin_has_one_account(self) -> None:
        accounts = Accounts(LIMITS)
        assert accounts["a"] is accounts["a"]
        assert accounts["a"] is not accounts["b"]

    def test_the_number_of_accounts_is_bounded(self) -> None:
        accounts = Accounts(LIMITS, most=10)
        for number in range(1000):
            accounts[number].refunds.append(1)
        assert stored(accounts) <= 10

    def test_an_account_in_use_is_not_evicted(self) -> None:
        accounts = Accounts(LIMITS, most=10)
        used = accounts["used"]
        for number in range(1000):
            accounts[number].refunds.append(1)
            assert accounts["used"] is used

    def test_an_account_that_was_not_used_is_evicted(self) -> None:
        accounts = Accounts(LIMITS, most=10)
        unused = accounts["unused"]
        for number in range(10):
            accounts[number].refunds.append(1)
        assert accounts["unused"] is not unused

    def test_two_threads_create_one_account(self) -> None:
        accounts, opened = Accounts(LIMITS), list[Any]()
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

    def test_the_second_of_two_threads_gets_the_account_that_the_first_created(
        self,
    ) -> None:
        accounts = Accounts(LIMITS)
        opened = accounts["a"]
        assert accounts.__missing__("a") is opened


class TestBudget:
    def test_deposits_and_withdrawals_are_by_origin(self) -> None:
        budget = RetryBudget(least=0, most=1)
        assert budget.spend(URL, 999.0)
        for _ in range(5):
            budget.account(URL).deposits.append(1000.0)
        assert budget.spend(httpx.URL("http://example.org/"), 1000.0)
        assert budget.spend(URL, 1000.0)
        assert not budget.spend(URL, 1000.0)
        budget.refund(URL)
        assert budget.spend(URL, 1000.0)

    def test_two_threads_withdraw_no_more_than_there_is(self) -> None:
        budget, spent = RetryBudget(least=1000, most=1000), deque[bool]()

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
            ({"least": 101}, "least is a number of retries, 0 or more, at most 100"),
            ({"grace": -1}, "grace is a number of seconds, 0 or more"),
            ({"most": math.nan}, "most is a number of retries"),
            ({"window": 0}, "window is a number of seconds, above 0"),
        ],
    )
    def test_a_number_out_of_range_is_refused(
        self, options: dict[str, float], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            RetryBudget(**options)


def test_states_returns_the_balances_and_changes_nothing() -> None:
    budget, url = RetryBudget(most=5), httpx.URL("https://a.test/x")
    assert budget.states() == {}
    budget.spend(url, monotonic())
    assert budget.states() == budget.states() == {"https://a.test": 4}
    budget.refund(url)
    assert budget.states() == budget.states() == {"https://a.test": 5}
    assert budget.spend(url, monotonic(), 5)


def test_states_includes_origins_that_were_not_used_lately() -> None:
    budget = RetryBudget()
    for number in range(MAX_KEYS // 2 + 1):
        budget.account(httpx.URL(f"https://{number}.test"))
    assert len(budget.states()) == MAX_KEYS // 2 + 1
