"""A group of origins: which of them is asked, and what is not accepted as one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from httpx_resilient import Failover
from httpx_resilient._layers.failover.group import (
    FIRST,
    Choice,
    State,
    answered,
    choose,
    failed,
    released,
)

A, B, C = 0, 1, 2
ALL_UP = State((None, None, None))
LEASE = 10.0


def chosen(state: State, *tried: int, at: float = 0, patience: float = 0) -> Choice:
    return choose(state, tried, patience, LEASE, at)[1]


class TestChoice:
    def test_the_first_that_is_up(self) -> None:
        assert chosen(ALL_UP) == FIRST
        assert chosen(State((9, None, None))) == Choice(B)
        assert chosen(ALL_UP, A) == Choice(B)

    def test_one_that_is_due_is_probed_by_one_request(self) -> None:
        state, probe = choose(State((9, None, None)), (), 0, LEASE, 9)
        assert probe == Choice(A, down=True, lease=9 + LEASE)
        assert chosen(state, at=9) == Choice(B)

    def test_a_probe_that_hangs_is_not_waited_for_without_end(self) -> None:
        state, _ = choose(State((9, None, None)), (), 0, LEASE, 9)
        assert chosen(state, at=9 + LEASE).origin == A

    def test_one_after_an_origin_that_is_up_is_not_probed(self) -> None:
        assert chosen(State((None, 0, None)), at=5) == FIRST

    def test_a_request_that_risks_more_leaves_probes_to_others(self) -> None:
        assert chosen(State((9, None, None)), at=18, patience=10) == Choice(B)
        assert chosen(State((9, None, None)), at=19, patience=10).origin == A

    def test_where_all_are_down_it_is_the_one_that_is_due_first(self) -> None:
        state = State((7, 5, 6))
        assert chosen(state) == Choice(B, down=True)
        assert chosen(state, B) == Choice(C, down=True)
        assert chosen(state, B, C) == Choice(A, down=True)


class TestNews:
    def test_the_first_failure_is_news(self) -> None:
        state, news = failed(ALL_UP, FIRST, 10, 100)
        assert news
        assert state.due == (110, None, None)

    def test_of_those_sent_before_it_the_others_say_nothing_new(self) -> None:
        state = State((110, None, None))
        assert failed(state, FIRST, 10, 105) == (state, False)

    def test_that_of_a_probe_counts_from_now(self) -> None:
        state, probe = choose(State((9, None, None)), (), 0, LEASE, 9)
        assert failed(state, probe, 10, 12)[0].due[A] == 22

    def test_that_of_a_last_resort_does_not(self) -> None:
        state = State((7, 5, 6))
        assert failed(state, chosen(state), 10, 4) == (state, False)

    def test_an_answer_brings_an_origin_back(self) -> None:
        state = State((7, 5, 6))
        assert answered(state, chosen(state)) == (State((7, None, 6)), True)

    def test_once(self) -> None:
        assert answered(ALL_UP, Choice(A, down=True)) == (ALL_UP, False)

    def test_but_none_to_what_was_sent_before_it_failed(self) -> None:
        state = State((7, None, None))
        assert answered(state, FIRST) == (state, False)

    def test_a_probe_that_is_cancelled_lets_another_one_be_it(self) -> None:
        state, probe = choose(State((9, None, None)), (), 0, LEASE, 9)
        state, _ = released(state, probe, 11)
        assert chosen(state, at=11).lease is not None

    def test_but_not_two_if_it_was_taken_for_lost(self) -> None:
        state, late = choose(State((9, None, None)), (), 0, LEASE, 9)
        state, _ = choose(state, (), 0, LEASE, 9 + LEASE)
        assert released(state, late, 9 + LEASE) == (state, None)


class Group(RuleBasedStateMachine):
    """Against a model that knows since when each origin is down, and who probes it."""

    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state = ALL_UP
        self.down: dict[int, float] = {}
        self.probes: dict[int, list[float]] = {A: [], B: [], C: []}

    @rule(target=requests, tried=st.sets(st.sampled_from([A, B]), max_size=2))
    def is_sent(self, tried: set[int]) -> Choice:
        self.state, choice = choose(self.state, sorted(tried), 0, LEASE, self.now)
        assert choice.origin not in tried
        up = [each for each in (A, B, C) if each not in {*self.down, *tried}]
        assert choice.down == (choice.origin in self.down)
        if choice.lease is not None:
            assert up[:1] == [] or choice.origin < up[0]
            assert self.now >= self.down[choice.origin] + 1
            self.probes[choice.origin].append(choice.lease)
        elif up:
            assert choice.origin == up[0]
        return choice

    @rule(choice=consumes(requests))
    def fails(self, choice: Choice) -> None:
        origin = choice.origin
        if self.is_over(choice) or origin not in self.down:
            self.down[origin] = self.now
        self.state, _ = failed(self.state, choice, 1, self.now)

    @rule(choice=consumes(requests))
    def is_answered(self, choice: Choice) -> None:
        self.is_over(choice)
        if choice.down:
            self.down.pop(choice.origin, None)
            self.probes[choice.origin].clear()
        self.state, _ = answered(self.state, choice)

    @rule(choice=consumes(requests))
    def is_cancelled(self, choice: Choice) -> None:
        self.is_over(choice)
        self.state, _ = released(self.state, choice, self.now)

    @rule(seconds=st.floats(0.001, 2 * LEASE))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    def is_over(self, choice: Choice) -> bool:
        probes = self.probes[choice.origin]
        current = probes[-1:] == [choice.lease]
        if choice.lease in probes:
            probes.remove(choice.lease)
        return current

    @invariant()
    def it_is_known_who_is_down(self) -> None:
        assert {n for n, due in enumerate(self.state.due) if due is not None} == set(
            self.down
        )

    @invariant()
    def one_at_a_time_is_a_probe(self) -> None:
        for leases in self.probes.values():
            assert sum(lease > self.now for lease in leases) <= 1


TestGroup = Group.TestCase
TestGroup.settings = settings(max_examples=60, deadline=None)


class TestOrigins:
    def test_they_are_named_as_a_url_names_them(self) -> None:
        group = Failover(
            ["HTTPS://A.example:443/", "http://b.example:8080", "http://[::1]:80"]
        )
        assert group.origins == (
            "https://a.example", "http://b.example:8080", "http://[::1]",
        )  # fmt: skip

    def test_one_alone_is_a_group(self) -> None:
        assert Failover(["https://a.example"]).origins == ("https://a.example",)

    @pytest.mark.parametrize(
        ("origins", "mistake"),
        [
            ((), "origins is empty"),
            (["https://a", "https://A:443/"], r"\[1\] and origins\[0\] are both"),
            (["a.example"], "no http:// or https://"),
            (["ftp://a"], "no http:// or https://"),
            (["https://"], "no host"),
            (["https://a/v1"], "a path"),
            (["https://a?key=hidden"], "a query"),
            (["https://a#hidden"], "a query or fragment"),
            (["https://me:hidden@a"], "a user or password"),
            (["https://a b"], "a space"),
            (["https://a\n"], "a space or control"),
            (["https://a:port"], "a host or port"),
            (["https://a:99999"], "a host or port"),
            (["https://[::1"], "a host or port"),
        ],
    )
    def test_what_is_no_origin_is_refused(self, origins: Any, mistake: str) -> None:
        with pytest.raises(ValueError, match=mistake) as caught:
            Failover(origins)
        assert "hidden" not in str(caught.value)

    @pytest.mark.parametrize("origins", ["https://a", None, 5, {"https://a"}, [b"a"]])
    def test_what_is_no_list_of_strings_is_refused(self, origins: Any) -> None:
        with pytest.raises(TypeError, match=r"origins(\[0\])? is a"):
            Failover(origins)

    @pytest.mark.parametrize("cooldown", [0, -1])
    def test_a_cooldown_of_nothing_is_refused(self, cooldown: Any) -> None:
        with pytest.raises(ValueError, match="cooldown is a number of seconds"):
            Failover(["https://a"], cooldown=cooldown)

    def test_it_tells_which_are_down(self) -> None:
        group = Failover(["https://a", "https://b"])
        assert group.change(failed, Choice(B), 10, 0)
        assert group.down == ("https://b",)
        assert repr(group) == "<Failover https://a, https://b>"
