"""The transitions of a load: no IO, and numbers for the clock and for chance."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
)

from httpx_resilient import AdaptiveThrottle
from httpx_resilient._core.state.sliding_window import Window, tally
from httpx_resilient._layers.throttle.load import (
    Decision,
    Load,
    Rules,
    Strained,
    admit,
    fold,
    settle,
)

RULES = Rules()

AT_ONCE = Rules(minimum_calls=1)
"""The formula alone."""


class Traffic:
    """Sends requests and ends them, one after the other."""

    def __init__(self, rules: Rules = AT_ONCE) -> None:
        self.rules = rules
        self.load: Load = Window()
        self.now = 1000.0

    def send(self, draw: float = 0.999) -> Decision:
        self.load, decision = admit(self.load, self.rules, self.now, draw)
        return decision

    def end(self, decision: Decision, *, accepted: bool | None) -> None:
        assert decision.share is None
        self.load, _ = settle(
            self.load,
            self.rules,
            self.now,
            accepted=accepted,
            counted_at=decision.counted_at,
        )

    def request(
        self, times: int = 1, *, accepted: bool | None, every: float = 0.0
    ) -> None:
        for _ in range(times):
            self.end(self.send(), accepted=accepted)
            self.now += every

    @property
    def share(self) -> float:
        """The share of requests that is rejected locally."""
        _, decision = admit(self.load, self.rules, self.now, 0.0)
        return decision.share or 0.0

    @property
    def counts(self) -> tuple[int, int, int]:
        """Requests, accepted and rejected ones within the window."""
        load = self.load
        window = load.window if isinstance(load, Strained) else load
        return tally(window, self.now, self.rules.slice)


class TestTheRejectedShare:
    def test_is_none_while_all_requests_are_accepted(self) -> None:
        traffic = Traffic()
        traffic.request(100, accepted=True)
        assert traffic.send(0.0) == Decision(None, None)

    def test_is_0_while_half_of_the_requests_are_accepted(self) -> None:
        traffic = Traffic()
        for _ in range(50):
            traffic.request(accepted=True)
            traffic.request(accepted=False)
        assert traffic.share == 0

    def test_is_the_excess_over_twice_the_accepted_requests(self) -> None:
        traffic = Traffic()
        traffic.request(8, accepted=True)
        traffic.request(32, accepted=False)
        assert traffic.share == (40 - 2 * 8) / (40 + 8)

    def test_is_the_excess_over_k_times_the_accepted_requests(self) -> None:
        traffic = Traffic(Rules(k=1.25, minimum_calls=1))
        traffic.request(8, accepted=True)
        traffic.request(32, accepted=False)
        assert traffic.share == (40 - 1.25 * 8) / (40 + 8)

    def test_is_a_ninth_after_a_single_rejection(self) -> None:
        traffic = Traffic()
        traffic.request(accepted=False)
        assert traffic.share == 1 / 9

    def test_is_at_most_nine_tenths(self) -> None:
        traffic = Traffic()
        traffic.request(1000, accepted=False)
        assert traffic.share == 0.9

    def test_grows_with_requests_that_are_rejected_locally(self) -> None:
        traffic = Traffic()
        traffic.request(8, accepted=False)
        before = traffic.share
        assert traffic.send(0.0).share == before
        assert traffic.share > before

    def test_grows_with_requests_that_have_no_answer_yet(self) -> None:
        """A server that does not answer may be overloaded."""
        traffic = Traffic()
        traffic.request(8, accepted=False)
        before = traffic.share
        traffic.send()
        assert traffic.share > before

    def test_is_0_during_a_burst_that_waits_for_its_answers(self) -> None:
        traffic = Traffic()
        traffic.request(10, accepted=True)
        traffic.request(accepted=False)
        for _ in range(1000):
            assert traffic.send(0.0).share is None

    def test_ignores_unknown_outcomes_after_rejections(self) -> None:
        traffic = Traffic()
        traffic.request(8, accepted=False)
        before = traffic.counts
        traffic.request(10, accepted=None)
        assert isinstance(traffic.load, Strained)
        assert traffic.counts == before

    def test_ignores_unknown_outcomes_before_any_rejection(self) -> None:
        traffic = Traffic()
        traffic.request(accepted=None)
        assert traffic.load == Window()

    def test_is_0_when_the_rejections_have_left_the_window(self) -> None:
        traffic = Traffic()
        traffic.request(10, accepted=True)
        traffic.request(8, accepted=False)
        traffic.now += 10
        assert traffic.share == 0
        traffic.request(accepted=True)
        assert isinstance(traffic.load, Window)

    def test_counts_a_request_once_if_it_was_counted_when_it_was_sent(self) -> None:
        traffic = Traffic()
        traffic.request(10, accepted=True)
        traffic.request(accepted=False)
        late = traffic.send()
        traffic.now += 10
        traffic.request(accepted=True)
        traffic.end(late, accepted=True)
        assert isinstance(traffic.load, Window)
        assert traffic.counts == (1, 2, 0)

    def test_counts_a_request_that_was_sent_before_any_rejection_when_it_ends(
        self,
    ) -> None:
        traffic = Traffic()
        early = [traffic.send() for _ in range(3)]
        traffic.end(early[0], accepted=False)
        traffic.end(early[1], accepted=False)
        assert traffic.share == 2 / 10
        traffic.end(early[2], accepted=True)
        assert isinstance(traffic.load, Strained)
        assert traffic.load.recovered == traffic.now

    @pytest.mark.parametrize("strained", [False, True])
    def test_counts_folded_successes_as_requests_and_accepted(
        self, strained: bool
    ) -> None:
        traffic = Traffic()
        traffic.request(5, accepted=True)
        if strained:
            traffic.request(accepted=False)
        before, kind = traffic.counts, type(traffic.load)
        traffic.load = fold(traffic.load, RULES, [traffic.now] * 7)
        assert type(traffic.load) is kind
        requests, accepted, rejected = traffic.counts
        assert (requests - 7, accepted - 7, rejected) == before


class TestCancelledRequests:
    @staticmethod
    def strained() -> Traffic:
        traffic = Traffic()
        traffic.request(10, accepted=True)
        traffic.request(30, accepted=False)
        return traffic

    def test_are_taken_back_in_the_slice_in_which_they_were_counted(self) -> None:
        traffic, alike = self.strained(), self.strained()
        cancelled = [traffic.send() for _ in range(20)]
        traffic.now += 3
        for decision in cancelled:
            traffic.end(decision, accepted=None)
        for each in (traffic, alike):
            each.now = 1003.0
            each.request(20, accepted=False)
        for passed in range(12):
            traffic.now = alike.now = 1003.0 + passed
            assert traffic.counts == alike.counts
            assert traffic.share == alike.share

    def test_change_nothing_after_they_left_the_window(self) -> None:
        traffic = self.strained()
        cancelled = [traffic.send() for _ in range(20)]
        traffic.now += 10
        traffic.request(20, accepted=False)
        before = traffic.counts, traffic.share
        for decision in cancelled:
            traffic.end(decision, accepted=None)
        assert (traffic.counts, traffic.share) == before

    def test_change_nothing_after_the_outage_in_which_they_were_sent(self) -> None:
        traffic = Traffic()
        traffic.request(30, accepted=False)
        cancelled = [traffic.send() for _ in range(20)]
        traffic.now += 0.1
        traffic.request(accepted=True)
        assert traffic.counts == (1, 1, 0)
        for decision in cancelled:
            traffic.end(decision, accepted=None)
        assert traffic.counts == (1, 1, 0)

    def test_are_taken_back_when_the_origin_rejects_nothing_any_more(self) -> None:
        traffic = Traffic()
        traffic.request(accepted=False)
        traffic.now += 9
        cancelled = [traffic.send() for _ in range(20)]
        traffic.now += 1
        traffic.request(accepted=True)
        assert isinstance(traffic.load, Window)
        for decision in cancelled:
            traffic.end(decision, accepted=None)
        assert traffic.counts == (1, 1, 0)

    def test_change_nothing_in_a_load_that_was_evicted(self) -> None:
        traffic = self.strained()
        cancelled = traffic.send()
        traffic.load = Window()
        traffic.end(cancelled, accepted=None)
        assert traffic.load == Window()


class TestTheMinimumOfCalls:
    def test_lets_no_request_be_rejected_after_a_single_rejection(self) -> None:
        traffic = Traffic(RULES)
        traffic.request(accepted=False)
        in_flight = [traffic.send(0.0) for _ in range(1000)]
        assert {decision.share for decision in in_flight} == {None}
        for decision in in_flight:
            traffic.end(decision, accepted=True)
            assert traffic.share == 0

    def test_counts_requests_that_have_ended_not_those_in_flight(self) -> None:
        traffic = Traffic(RULES)
        traffic.request(18, accepted=False)
        early = [traffic.send() for _ in range(1000)]
        traffic.request(accepted=False)
        assert traffic.share == 0
        traffic.end(early[0], accepted=False)
        assert traffic.share == 0.9

    def test_counts_accepted_requests_too(self) -> None:
        traffic = Traffic(RULES)
        traffic.request(5, accepted=True)
        traffic.request(14, accepted=False)
        assert traffic.share == 0
        traffic.request(accepted=False)
        assert traffic.share > 0

    def test_is_of_no_matter_once_it_is_reached(self) -> None:
        """The few probes in an outage would not reach it in each window."""
        traffic = Traffic(RULES)
        traffic.request(20, accepted=False)
        traffic.now += 9.9
        traffic.request(accepted=False)
        traffic.now += 1
        assert traffic.counts == (1, 0, 1)
        assert traffic.share > 0

    def test_must_be_reached_again_after_enough_requests_were_accepted(self) -> None:
        traffic = Traffic(RULES)
        traffic.request(5, accepted=True)
        traffic.request(15, accepted=False)
        traffic.now += 5
        traffic.request(20, accepted=True)
        traffic.now += 9
        traffic.request(accepted=False)
        traffic.now += 1
        assert traffic.counts == (1, 0, 1)
        assert traffic.share == 0

    def test_is_not_reached_by_rejections_that_are_few_enough(self) -> None:
        traffic = Traffic(RULES)
        traffic.request(100, accepted=True)
        traffic.now += 9
        traffic.request(2, accepted=False)
        traffic.now += 1
        assert traffic.counts == (2, 0, 2)
        assert traffic.share == 0


class TestAnOutage:
    def test_drops_the_successes_from_before_the_outage(self) -> None:
        traffic = Traffic()
        traffic.request(100, accepted=True)
        traffic.request(21, accepted=False, every=0.1)
        assert traffic.share > 0.5

    def test_begins_after_two_seconds_of_rejections(self) -> None:
        traffic = Traffic()
        traffic.request(100, accepted=True)
        traffic.request(90, accepted=False, every=0.02)
        assert traffic.share == 0

    def test_begins_after_twenty_rejections_in_a_row(self) -> None:
        traffic = Traffic()
        traffic.request(100, accepted=True)
        traffic.request(19, accepted=False, every=0.2)
        assert traffic.share == 0

    def test_does_not_begin_while_some_requests_are_accepted(self) -> None:
        traffic = Traffic()
        traffic.request(100, accepted=True)
        for _ in range(6):
            traffic.request(15, accepted=False, every=0.05)
            traffic.request(accepted=True)
        assert traffic.share == 0

    def test_ends_with_a_rejected_share_that_falls_to_0_in_five_seconds(
        self,
    ) -> None:
        traffic = Traffic()
        traffic.request(1000, accepted=False)
        traffic.request(accepted=True)
        shares = []
        for _ in range(6):
            shares.append(traffic.share)
            traffic.now += 1
        assert shares == pytest.approx([0.9, 0.72, 0.54, 0.36, 0.18, 0])

    def test_ends_with_a_ramp_whose_local_rejections_do_not_count(self) -> None:
        traffic = Traffic()
        traffic.request(1000, accepted=False)
        traffic.request(accepted=True)
        for _ in range(100):
            assert traffic.send(0.0) == Decision(0.9, None)
        traffic.now += 5
        assert traffic.share == 0

    def test_is_over_after_five_seconds_of_accepted_requests(self) -> None:
        traffic = Traffic()
        traffic.request(100, accepted=False)
        traffic.request(6, accepted=True, every=1.0)
        assert isinstance(traffic.load, Window)

    def test_returns_when_the_origin_rejects_again_during_the_ramp(self) -> None:
        traffic = Traffic()
        traffic.request(1000, accepted=False)
        traffic.request(accepted=True)
        traffic.now += 4.9
        traffic.request(100, accepted=False)
        assert traffic.share > 0.8


def sent_and_answered(
    accepts: Callable[[float], bool], seconds: int, *, rps: int = 100
) -> list[tuple[int, int]]:
    """Send requests at a rate. Return the numbers sent and accepted in each second."""
    traffic, chance = Traffic(RULES), random.Random(7)
    traffic.now = 0.0
    seen = []
    for second in range(seconds):
        sent = answered = 0
        for _ in range(rps):
            traffic.now += 1 / rps
            decision = traffic.send(chance.random())
            if decision.share is None:
                sent += 1
                accepted = accepts(second)
                answered += accepted
                traffic.end(decision, accepted=accepted)
        seen.append((sent, answered))
    return seen


@pytest.mark.parametrize("rps", [10, 100, 1000])
def test_a_server_that_is_down_gets_a_sixth_and_recovers_within_7_s(rps: int) -> None:
    """With the formula alone: 21 % are sent, and recovery takes 15 to 19 s."""
    seen = sent_and_answered(lambda second: not 20 <= second < 80, 90, rps=rps)
    assert sum(sent for sent, _ in seen[:20]) == 20 * rps
    allowed = 0.15 if rps >= 100 else 0.18
    assert sum(sent for sent, _ in seen[20:80]) < allowed * 60 * rps
    assert all(answered == rps for _, answered in seen[80 + 7 :])


def test_a_server_that_can_accept_a_fifth_gets_two_fifths() -> None:
    """The share that is sent is `k` times the share that is accepted."""
    taken: dict[float, int] = {}

    def accepts(second: float) -> bool:
        taken[second] = taken.get(second, 0) + 1
        return taken[second] <= 20

    seen = sent_and_answered(accepts, 130)[30:]
    assert sum(answered for _, answered in seen) == 2000
    assert sum(sent for sent, _ in seen) == pytest.approx(4000, rel=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"k": 0.9},
        {"k": "2"},
        {"minimum_calls": 0},
        {"minimum_calls": 1.5},
        {"window": 0},
        {"max_rejection": 1},
    ],
    ids=str,
)
def test_an_argument_out_of_its_range_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{next(iter(wrong))} is a "):
        AdaptiveThrottle(**wrong)


class Model:
    """The model: lists of the times at which anything happened."""

    def __init__(self) -> None:
        self.calm, self.proven = True, False
        self.requests: list[float] = []
        self.accepted: list[float] = []
        self.rejected: list[float] = []
        self.streak: list[float] = []
        self.recovered, self.ramp = -100.0, 0.0

    def shares(self, now: float) -> tuple[float, float]:
        requests, accepted, rejected = self.counts(now)
        requests = max(requests, accepted + rejected)
        excess = min((requests - 2 * accepted) / (requests + 8), 0.9)
        ramp = self.ramp * max(0, 1 - (now - self.recovered) / 5)
        return (excess if self.proven and rejected > accepted else 0.0), ramp

    def counts(self, now: float) -> list[int]:
        lists = self.requests, self.accepted, self.rejected
        return [sum(at // 1 > now // 1 - 10 for at in each) for each in lists]

    def drop_before(self, now: float, seconds: int) -> None:
        for each in (self.requests, self.accepted, self.rejected):
            each[:] = [at for at in each if at // 1 > now // 1 - seconds]

    def ends(self, now: float, counted: float | None, accepted: bool | None) -> None:
        if accepted is None:
            if counted in self.requests:
                self.requests.remove(counted)
            return
        self.drop_before(now, 10)
        if accepted and not self.calm and self.rejected and not self.accepted:
            self.recovered, self.ramp = now, max(self.shares(now))
            self.drop_before(now, 0)
            counted, self.proven = None, False
        (self.accepted if accepted else self.rejected).append(now)
        self.requests += [now] if counted is None else []
        self.streak = [] if accepted else [*self.streak, now]
        if accepted:
            self.calm = not self.rejected and now - self.recovered >= 5
        else:
            self.calm = False
            streak = self.streak
            if len(streak) >= 20 and now - streak[0] >= 2 and self.accepted:
                self.drop_before(now, 2)
        _, taken, refused = self.counts(now)
        self.proven = refused > taken and (self.proven or taken + refused >= 5)


@settings(max_examples=50, stateful_step_count=30, deadline=None)
class Requests(RuleBasedStateMachine):
    """Requests that are sent and end in any order."""

    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.traffic = Traffic(Rules(minimum_calls=5))

    @rule(target=sent, draw=st.sampled_from([0.0, 0.2, 0.5, 0.95, 0.95]))
    def request(self, draw: float) -> Decision:
        decision = self.traffic.send(draw)
        excess, ramp = self.model.shares(self.traffic.now)
        if self.model.calm:
            excess = ramp = 0.0
        assert (decision.share is not None) == (draw < max(excess, ramp))
        is_counted = not self.model.calm and (draw < excess or draw >= ramp)
        assert decision.counted_at == (self.traffic.now if is_counted else None)
        self.model.requests += [self.traffic.now] * is_counted
        return decision

    @rule(decision=consumes(sent), accepted=st.sampled_from([True, False, None]))
    def ends(self, decision: Decision, accepted: bool | None) -> None:
        if decision.share is None:
            self.traffic.end(decision, accepted=accepted)
            self.model.ends(self.traffic.now, decision.counted_at, accepted)

    @rule(accepted=st.booleans(), every=st.sampled_from([0.0, 0.05, 0.2]))
    def some_are_sent_and_end(self, accepted: bool, every: float) -> None:
        for _ in range(15):
            self.ends(self.request(0.95), accepted)
            self.traffic.now += every

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 6.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.traffic.now += seconds

    @invariant()
    def both_agree(self) -> None:
        assert isinstance(self.traffic.load, Window) == self.model.calm
        if isinstance(self.traffic.load, Strained):
            assert self.traffic.share == pytest.approx(
                max(self.model.shares(self.traffic.now))
            )
            assert 0 <= self.traffic.share <= 0.9


TestRequests = Requests.TestCase
