"""Which failures are a single event, and how long a server is believed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._budget.accounts import Account
from httpx_resilient._budget.token_bucket import BucketLimits
from httpx_resilient._budget.trouble import BELIEVED, GRACE

WINDOW = 10.0


class Origin:
    """An account, whose clock moves before each event."""

    def __init__(self, grace: float = GRACE) -> None:
        self.account = Account(BucketLimits(0.2, 3, 100, WINDOW, grace))
        self.now = 1000.0

    def served(self, after: float = 0.0) -> None:
        self.now += after
        self.account.deposits.append(self.now)

    def retry_served(self, after: float = 0.0) -> None:
        self.now += after
        self.account.served = self.now

    def is_free(self, after: float = 0.0, took: float = 0.1) -> bool:
        """Fail. Return whether the next attempt is free."""
        self.now += after
        return self.account.forgives(self.now, self.now - took)

    def is_believed(self, after: float = 0.0) -> bool:
        """Answer 429 with a hint. Return whether the next attempt is free."""
        self.now += after
        return self.account.believes(self.now)


class TestASingleEvent:
    def test_the_first_failures_of_an_origin_are_free(self) -> None:
        origin = Origin()
        assert all(origin.is_free() for _ in range(100))

    def test_failures_are_free_within_the_grace(self) -> None:
        origin = Origin()
        origin.served()
        assert origin.is_free(after=1)
        assert origin.is_free(after=GRACE - 0.1)
        assert not origin.is_free(after=0.1)

    def test_what_was_in_flight_when_they_began_is_free_however_late_it_fails(
        self,
    ) -> None:
        origin = Origin()
        assert origin.is_free()
        assert origin.is_free(after=60, took=60)
        assert not origin.is_free(took=59.9)

    def test_failures_that_go_on_are_no_new_event(self) -> None:
        origin = Origin()
        assert origin.is_free()
        for _ in range(100):
            origin.served(after=4)
            assert not origin.is_free(after=4)

    def test_an_origin_that_never_recovered_begins_no_new_event(self) -> None:
        origin = Origin()
        assert origin.is_free()
        assert not origin.is_free(after=3600)

    @pytest.mark.parametrize("how", ["served", "retry_served"])
    def test_after_a_quiet_window_and_a_success_there_may_be_another_event(
        self, how: str
    ) -> None:
        origin = Origin()
        assert origin.is_free()
        getattr(origin, how)(after=1)
        assert origin.is_free(after=WINDOW)

    def test_without_a_grace_nothing_is_free(self) -> None:
        assert not Origin(grace=0).is_free(took=60)

    @given(
        st.lists(st.tuples(st.floats(0.001, 30), st.booleans()), min_size=1),
    )
    def test_events_of_a_client_that_calls_at_any_time_are_a_window_apart(
        self, calls: list[tuple[float, bool]]
    ) -> None:
        origin, free, failed = Origin(), math.nan, -math.inf
        for after, fails in calls:
            if not fails:
                origin.served(after)
                continue
            is_free = origin.is_free(after, took=0)
            # Free failures are at most a grace after one that ended a quiet window.
            if is_free and origin.now - failed > WINDOW:
                free = origin.now
            assert not is_free or origin.now - free < GRACE
            failed = origin.now


class TestAWaitThatTheServerAsksFor:
    def test_it_is_free_while_others_are_served(self) -> None:
        origin = Origin()
        for _ in range(100):
            assert origin.is_believed(after=60)
            origin.served(after=1)

    def test_it_is_free_for_two_minutes_if_nobody_is_served(self) -> None:
        origin = Origin()
        assert origin.is_believed()
        assert origin.is_believed(after=BELIEVED - 1)
        assert not origin.is_believed(after=1)

    def test_after_that_a_success_makes_it_free_again(self) -> None:
        origin = Origin()
        for _ in range(int(BELIEVED) + 1):
            origin.is_believed(after=1)
        assert not origin.is_believed()
        origin.retry_served(after=1)
        assert origin.is_believed(after=1)

    def test_it_is_free_again_if_the_server_was_not_asked_for_as_long(self) -> None:
        origin = Origin()
        assert origin.is_believed()
        assert origin.is_believed(after=BELIEVED + 1)

    def test_it_does_not_begin_an_event(self) -> None:
        origin = Origin()
        origin.is_believed()
        assert origin.is_free(after=60)
