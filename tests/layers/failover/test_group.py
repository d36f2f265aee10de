"""A group of origins: the choice of an origin, and the arguments of `Failover`."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from httpx_resilient import Failover
from httpx_resilient._layers.failover.group import (
    FIRST_CHOICE,
    GROUP,
    Choice,
    GroupState,
    choose,
    record_answer,
    record_failure,
    release,
)

A, B, C = 0, 1, 2
ALL_UP = GroupState((None, None, None))
LEASE = 10.0
COOLDOWN = math.sqrt(2)
"""Not a simple number, so that a cooldown and a lease never end at the same time."""


def chosen(
    state: GroupState, *tried: int, at: float = 0, patience: float = 0
) -> Choice:
    return choose(state, tried, patience, LEASE, at)[1]


class TestChoice:
    def test_is_the_first_origin_that_is_up_and_not_tried_yet(self) -> None:
        assert chosen(ALL_UP) == FIRST_CHOICE
        assert chosen(GroupState((9, None, None))) == Choice(B)
        assert chosen(ALL_UP, A) == Choice(B)

    def test_of_a_due_origin_makes_one_request_its_probe(self) -> None:
        state, probe = choose(GroupState((9, None, None)), (), 0, LEASE, 9)
        assert probe == Choice(A, down=True, lease=9 + LEASE)
        assert chosen(state, at=9) == Choice(B)

    def test_allows_another_probe_when_the_lease_of_the_first_has_expired(self) -> None:
        state, _ = choose(GroupState((9, None, None)), (), 0, LEASE, 9)
        assert chosen(state, at=9 + LEASE).origin == A

    def test_probes_no_origin_behind_one_that_is_up(self) -> None:
        assert chosen(GroupState((None, 0, None)), at=5) == FIRST_CHOICE

    def test_with_patience_leaves_a_due_probe_to_other_requests(self) -> None:
        assert chosen(GroupState((9, None, None)), at=18, patience=10) == Choice(B)
        assert chosen(GroupState((9, None, None)), at=19, patience=10).origin == A

    def test_with_all_origins_down_is_the_one_that_is_due_first(self) -> None:
        state = GroupState((7, 5, 6))
        assert chosen(state) == Choice(B, down=True)
        assert chosen(state, B) == Choice(C, down=True)
        assert chosen(state, B, C) == Choice(A, down=True)


class TestOutcome:
    def test_the_first_failure_takes_an_origin_out(self) -> None:
        state, news = record_failure(ALL_UP, FIRST_CHOICE, 10, 100)
        assert news
        assert state.due == (110, None, None)

    def test_a_failure_of_a_request_sent_before_the_origin_went_down_changes_nothing(
        self,
    ) -> None:
        state = GroupState((110, None, None))
        assert record_failure(state, FIRST_CHOICE, 10, 105) == (state, False)

    def test_a_failed_probe_starts_another_cooldown(self) -> None:
        state, probe = choose(GroupState((9, None, None)), (), 0, LEASE, 9)
        assert record_failure(state, probe, 10, 12)[0].due[A] == 22

    def test_a_failure_where_all_origins_are_down_starts_no_cooldown(self) -> None:
        state = GroupState((7, 5, 6))
        assert record_failure(state, chosen(state), 10, 4) == (state, False)

    def test_an_answer_brings_an_origin_back(self) -> None:
        state = GroupState((7, 5, 6))
        assert record_answer(state, chosen(state)) == (GroupState((7, None, 6)), True)

    def test_an_answer_of_an_origin_that_is_back_already_changes_nothing(self) -> None:
        assert record_answer(ALL_UP, Choice(A, down=True)) == (ALL_UP, False)

    def test_an_answer_to_a_request_sent_before_the_failure_brings_no_origin_back(
        self,
    ) -> None:
        state = GroupState((7, None, None))
        assert record_answer(state, FIRST_CHOICE) == (state, False)

    def test_a_cancelled_probe_releases_its_lease(self) -> None:
        state, probe = choose(GroupState((9, None, None)), (), 0, LEASE, 9)
        state, _ = release(state, probe, 11)
        assert chosen(state, at=11).lease is not None

    def test_a_cancelled_probe_leaves_the_lease_of_a_later_probe(self) -> None:
        state, late = choose(GroupState((9, None, None)), (), 0, LEASE, 9)
        state, _ = choose(state, (), 0, LEASE, 9 + LEASE)
        assert release(state, late, 9 + LEASE) == (state, None)


class GroupModel(RuleBasedStateMachine):
    """Compares a group with a model of the origins that are down and their probes."""

    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state = ALL_UP
        self.down_since: dict[int, float] = {}
        self.leases_in_flight: dict[int, list[float]] = {A: [], B: [], C: []}
        # The current probe of an origin is the latest one, even if it has ended and an
        # earlier one, whose lease has expired, is still in flight.
        self.latest_lease: dict[int, float] = {}

    @rule(target=requests, tried=st.sets(st.sampled_from([A, B]), max_size=2))
    def send(self, tried: set[int]) -> Choice:
        self.state, choice = choose(self.state, sorted(tried), 0, LEASE, self.now)
        origin = choice.origin
        assert origin not in tried
        up = [each for each in (A, B, C) if each not in {*self.down_since, *tried}]
        assert choice.down == (origin in self.down_since)
        if choice.lease is not None:
            assert up[:1] == [] or origin < up[0]
            assert self.now >= self.down_since[origin] + COOLDOWN
            self.leases_in_flight[origin].append(choice.lease)
            self.latest_lease[origin] = choice.lease
        elif up:
            assert origin == up[0]
        return choice

    @rule(choice=consumes(requests))
    def fail(self, choice: Choice) -> None:
        origin = choice.origin
        if self.end(choice) or origin not in self.down_since:
            self.down_since[origin] = self.now
        self.state, _ = record_failure(self.state, choice, COOLDOWN, self.now)

    @rule(choice=consumes(requests))
    def answer(self, choice: Choice) -> None:
        self.end(choice)
        if choice.down:
            self.down_since.pop(choice.origin, None)
            self.leases_in_flight[choice.origin].clear()
            self.latest_lease.pop(choice.origin, None)
        self.state, _ = record_answer(self.state, choice)

    @rule(choice=consumes(requests))
    def cancel(self, choice: Choice) -> None:
        self.end(choice)
        self.state, _ = release(self.state, choice, self.now)

    @rule(seconds=st.floats(0.001, 2 * LEASE))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def end(self, choice: Choice) -> bool:
        """End a request. Return whether it is the current probe of its origin."""
        if choice.lease is None:
            return False
        leases = self.leases_in_flight[choice.origin]
        if choice.lease in leases:
            leases.remove(choice.lease)
        return self.latest_lease.get(choice.origin) == choice.lease

    @invariant()
    def the_state_names_the_origins_that_are_down(self) -> None:
        down = {n for n, due in enumerate(self.state.due) if due is not None}
        assert down == set(self.down_since)

    @invariant()
    def each_origin_has_at_most_one_probe_whose_lease_is_valid(self) -> None:
        for leases in self.leases_in_flight.values():
            assert sum(lease > self.now for lease in leases) <= 1


TestGroup = GroupModel.TestCase
TestGroup.settings = settings(max_examples=60, deadline=None)


class TestOrigins:
    def test_are_normalized_as_urls_are(self) -> None:
        group = Failover(
            ["HTTPS://A.example:443/", "http://b.example:8080", "http://[::1]:80"]
        )
        assert group.origins == (
            "https://a.example", "http://b.example:8080", "http://[::1]",
        )  # fmt: skip

    def test_may_be_a_single_one(self) -> None:
        assert Failover(["https://a.example"]).origins == ("https://a.example",)

    @pytest.mark.parametrize(
        ("origins", "mistake"),
        [
            ((), "origins is empty"),
            (["https://a", "https://A:443/"], r"\[1\] and origins\[0\] are both"),
            (["a.example"], "without http:// or https://"),
            (["ftp://a"], "without http:// or https://"),
            (["https://"], "without a host"),
            (["https://a/v1"], "with a path"),
            (["https://a?key=hidden"], "with a query"),
            (["https://a#hidden"], "with a query or fragment"),
            (["https://me:hidden@a"], "with a user or password"),
            (["https://a b"], "with a space"),
            (["https://a\n"], "with a space or control"),
            (["https://a:port"], "invalid host or port"),
            (["https://a:99999"], "invalid host or port"),
            (["https://[::1"], "invalid host or port"),
            (["https://256.1.1.1"], "with an invalid host"),
            (["https://xn--99999999.example"], "with an invalid host"),
        ],
    )
    def test_that_are_invalid_are_rejected_without_showing_secrets(
        self, origins: Any, mistake: str
    ) -> None:
        with pytest.raises(ValueError, match=mistake) as caught:
            Failover(origins)
        assert "hidden" not in str(caught.value)

    @pytest.mark.parametrize("origins", ["https://a", None, 5, {"https://a"}, [b"a"]])
    def test_that_are_not_a_list_of_strings_are_rejected(self, origins: Any) -> None:
        with pytest.raises(TypeError, match=r"origins(\[0\])? must be a"):
            Failover(origins)

    @pytest.mark.parametrize("cooldown", [0, -1])
    def test_a_cooldown_that_is_not_above_zero_is_rejected(self, cooldown: Any) -> None:
        with pytest.raises(ValueError, match="cooldown is a number of seconds"):
            Failover(["https://a"], cooldown=cooldown)

    def test_that_are_down_are_listed_in_order(self) -> None:
        group = Failover(["https://a", "https://b"])
        assert group.store.apply(GROUP, record_failure, Choice(B), 10, 0)
        assert group.down == ("https://b",)
        assert repr(group) == "Failover(['https://a', 'https://b'])"
