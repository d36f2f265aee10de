"""What an adaptive throttle knows of an origin. No IO, no clock, no chance."""

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
    Load,
    Rules,
    Sending,
    Strained,
    admit,
    hear,
    settle,
)

RULES = Rules()


class Desk:
    """Sends requests and ends them, one after the other."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.load: Load = Window()
        self.now = 1000.0

    def send(self, chance: float = 0.999) -> Sending:
        self.load, decision = admit(self.load, self.rules, self.now, chance)
        return decision

    def end(self, sending: Sending, *, accepted: bool | None) -> None:
        assert sending.share is None
        self.load, _ = settle(
            self.load,
            self.rules,
            self.now,
            accepted=accepted,
            counted_before=sending.counted,
        )

    def request(
        self, times: int = 1, *, accepted: bool | None, every: float = 0.0
    ) -> None:
        for _ in range(times):
            self.end(self.send(), accepted=accepted)
            self.now += every

    @property
    def share(self) -> float:
        """The share of requests that is not sent."""
        _, decision = admit(self.load, self.rules, self.now, 0.0)
        return decision.share or 0.0


class TestFormula:
    def test_while_all_is_accepted_all_is_sent(self) -> None:
        desk = Desk()
        desk.request(100, accepted=True)
        assert desk.send(0.0) == Sending(None, counted=False)

    def test_as_long_as_half_is_accepted_too(self) -> None:
        desk = Desk()
        for _ in range(50):
            desk.request(accepted=True)
            desk.request(accepted=False)
        assert desk.share == 0

    def test_beyond_that_the_excess_is_not_sent(self) -> None:
        desk = Desk()
        desk.request(8, accepted=True)
        desk.request(32, accepted=False)
        assert desk.share == (40 - 2 * 8) / (40 + 8)

    def test_with_another_k_it_is_less_or_more(self) -> None:
        desk = Desk(Rules(k=1.25))
        desk.request(8, accepted=True)
        desk.request(32, accepted=False)
        assert desk.share == (40 - 1.25 * 8) / (40 + 8)

    def test_a_single_failure_costs_next_to_nothing(self) -> None:
        desk = Desk()
        desk.request(accepted=False)
        assert desk.share == 1 / 9

    def test_a_tenth_is_always_sent(self) -> None:
        desk = Desk()
        desk.request(1000, accepted=False)
        assert desk.share == 0.9

    def test_what_is_not_sent_counts_as_well(self) -> None:
        desk = Desk()
        desk.request(8, accepted=False)
        before = desk.share
        assert desk.send(0.0).share == before
        assert desk.share > before

    def test_requests_count_before_they_are_answered(self) -> None:
        """Else those that a server does not answer would be no sign of overload."""
        desk = Desk()
        desk.request(8, accepted=False)
        before = desk.share
        desk.send()
        assert desk.share > before

    def test_but_a_burst_that_awaits_its_answers_is_no_overload(self) -> None:
        desk = Desk()
        desk.request(10, accepted=True)
        desk.request(accepted=False)
        for _ in range(1000):
            assert desk.send(0.0).share is None

    def test_what_ends_on_this_side_does_not_count(self) -> None:
        desk = Desk()
        desk.request(8, accepted=False)
        before = desk.load
        assert isinstance(before, Strained)
        desk.request(10, accepted=None)
        assert isinstance(desk.load, Strained)
        assert tally(desk.load.window, desk.now, 1.0) == tally(
            before.window, desk.now, 1.0
        )

    def test_nor_does_it_while_all_is_well(self) -> None:
        desk = Desk()
        desk.request(accepted=None)
        assert desk.load == Window()

    def test_after_the_window_all_is_well_again(self) -> None:
        desk = Desk()
        desk.request(10, accepted=True)
        desk.request(8, accepted=False)
        desk.now += 10
        assert desk.share == 0
        desk.request(accepted=True)
        assert isinstance(desk.load, Window)

    def test_one_that_was_counted_before_is_not_counted_twice(self) -> None:
        desk = Desk()
        desk.request(10, accepted=True)
        desk.request(accepted=False)
        late = desk.send()
        desk.now += 10
        desk.request(accepted=True)
        desk.end(late, accepted=True)
        assert isinstance(desk.load, Window)
        assert tally(desk.load, desk.now, 1.0) == (1, 2, 0)

    def test_one_that_was_sent_while_all_was_well_is_counted_at_its_end(self) -> None:
        desk = Desk()
        early = [desk.send() for _ in range(3)]
        desk.end(early[0], accepted=False)
        desk.end(early[1], accepted=False)
        assert desk.share == 2 / 10
        desk.end(early[2], accepted=True)
        assert isinstance(desk.load, Strained)
        assert desk.load.back == desk.now

    @pytest.mark.parametrize("strained", [False, True])
    def test_those_that_were_accepted_can_be_told_together(
        self, strained: bool
    ) -> None:
        desk = Desk()
        desk.request(5, accepted=True)
        if strained:
            desk.request(accepted=False)
        counts = tally(getattr(desk.load, "window", desk.load), desk.now, 1.0)
        load = hear(desk.load, RULES, [desk.now] * 7)
        assert type(load) is type(desk.load)
        requests, accepted, rejected = tally(
            getattr(load, "window", load), desk.now, 1.0
        )
        assert (requests - 7, accepted - 7, rejected) == counts

    def test_ten_that_are_cancelled_long_after_they_were_sent_are_no_overload(
        self,
    ) -> None:
        desk = Desk()
        desk.request(accepted=False)
        late = [desk.send() for _ in range(20)]
        desk.now += 20
        for sending in late:
            desk.end(sending, accepted=None)
        desk.request(accepted=False)
        assert desk.share == 1 / 9


class TestOutage:
    def test_it_forgets_how_well_it_did_before(self) -> None:
        desk = Desk()
        desk.request(100, accepted=True)
        desk.request(21, accepted=False, every=0.1)
        assert desk.share > 0.5

    def test_but_not_before_two_seconds(self) -> None:
        desk = Desk()
        desk.request(100, accepted=True)
        desk.request(90, accepted=False, every=0.02)
        assert desk.share == 0

    def test_nor_after_a_few_failures(self) -> None:
        desk = Desk()
        desk.request(100, accepted=True)
        desk.request(19, accepted=False, every=0.2)
        assert desk.share == 0

    def test_nor_if_some_go_well(self) -> None:
        desk = Desk()
        desk.request(100, accepted=True)
        for _ in range(6):
            desk.request(15, accepted=False, every=0.05)
            desk.request(accepted=True)
        assert desk.share == 0

    def test_with_the_first_success_the_share_falls_to_nothing_in_five_seconds(
        self,
    ) -> None:
        desk = Desk()
        desk.request(1000, accepted=False)
        desk.request(accepted=True)
        shares = []
        for _ in range(6):
            shares.append(desk.share)
            desk.now += 1
        assert shares == pytest.approx([0.9, 0.72, 0.54, 0.36, 0.18, 0])

    def test_what_is_not_sent_meanwhile_does_not_count(self) -> None:
        desk = Desk()
        desk.request(1000, accepted=False)
        desk.request(accepted=True)
        for _ in range(100):
            assert desk.send(0.0) == Sending(0.9, counted=False)
        desk.now += 5
        assert desk.share == 0

    def test_and_then_all_is_well_again(self) -> None:
        desk = Desk()
        desk.request(100, accepted=False)
        desk.request(6, accepted=True, every=1.0)
        assert isinstance(desk.load, Window)

    def test_if_it_rejects_again_less_is_sent_again(self) -> None:
        desk = Desk()
        desk.request(1000, accepted=False)
        desk.request(accepted=True)
        desk.now += 4.9
        desk.request(100, accepted=False)
        assert desk.share > 0.8


def sent_and_answered(
    accepts: Callable[[float], bool], seconds: int, *, rps: int = 100
) -> list[tuple[int, int]]:
    """Send so many requests a second. Returns what was sent and accepted in each."""
    desk, chance = Desk(), random.Random(7)
    desk.now = 0.0
    seen = []
    for second in range(seconds):
        sent = answered = 0
        for _ in range(rps):
            desk.now += 1 / rps
            sending = desk.send(chance.random())
            if sending.share is None:
                sent += 1
                well = accepts(second)
                answered += well
                desk.end(sending, accepted=well)
        seen.append((sent, answered))
    return seen


@pytest.mark.parametrize("rps", [10, 100, 1000])
def test_it_spares_a_server_that_is_down_and_recovers_with_it(rps: int) -> None:
    """To beat: 15 to 19 s to recover, 21 % sent, with the formula alone."""
    seen = sent_and_answered(lambda second: not 20 <= second < 80, 90, rps=rps)
    assert sum(sent for sent, _ in seen[:20]) == 20 * rps
    allowed = 0.15 if rps >= 100 else 0.18
    assert sum(sent for sent, _ in seen[20:80]) < allowed * 60 * rps
    assert all(answered == rps for _, answered in seen[80 + 7 :])


def test_a_server_that_can_take_a_fifth_gets_two_fifths() -> None:
    """The share that is sent is K times the share that is accepted."""
    taken: dict[float, int] = {}

    def accepts(second: float) -> bool:
        taken[second] = taken.get(second, 0) + 1
        return taken[second] <= 20

    seen = sent_and_answered(accepts, 130)[30:]
    assert sum(answered for _, answered in seen) == 2000
    assert sum(sent for sent, _ in seen) == pytest.approx(4000, rel=0.1)


@pytest.mark.parametrize(
    "wrong",
    [{"k": 0.9}, {"k": "2"}, {"window": 0}, {"max_rejection": 1}],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{next(iter(wrong))} is a "):
        AdaptiveThrottle(**wrong)


class Model:
    """The same in plain words: all that happened, and when."""

    def __init__(self) -> None:
        self.calm = True
        self.asked: list[float] = []
        self.cancelled: list[float] = []
        self.accepted: list[float] = []
        self.rejected: list[float] = []
        self.in_a_row: list[float] = []
        self.back, self.ramp = -100.0, 0.0

    def shares(self, now: float) -> tuple[float, float]:
        asked, cancelled, accepted, rejected = (
            sum(at // 1 > now // 1 - 10 for at in each)
            for each in (self.asked, self.cancelled, self.accepted, self.rejected)
        )
        asked = max(asked - cancelled, accepted + rejected)
        excess = min((asked - 2 * accepted) / (asked + 8), 0.9)
        ramp = self.ramp * max(0, 1 - (now - self.back) / 5)
        return (excess if rejected > accepted else 0.0), ramp

    def keep(self, now: float, seconds: int) -> None:
        for each in (self.asked, self.cancelled, self.accepted, self.rejected):
            each[:] = [at for at in each if at // 1 > now // 1 - seconds]

    def ends(self, now: float, counted: bool, accepted: bool | None) -> None:
        if accepted is None:
            if counted and not self.calm:
                self.cancelled.append(now)
            return
        self.keep(now, 10)
        if accepted and not self.calm and self.rejected and not self.accepted:
            self.back, self.ramp = now, max(self.shares(now))
            self.keep(now, 0)
            counted = False
        (self.accepted if accepted else self.rejected).append(now)
        self.asked += [] if counted else [now]
        self.in_a_row = [] if accepted else [*self.in_a_row, now]
        if accepted:
            self.calm = not self.rejected and now - self.back >= 5
        else:
            self.calm = False
            row = self.in_a_row
            if len(row) >= 20 and now - row[0] >= 2 and self.accepted:
                self.keep(now, 2)


@settings(max_examples=50, stateful_step_count=30, deadline=None)
class Requests(RuleBasedStateMachine):
    """Whatever requests do, in whatever order."""

    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.desk = Desk()

    @rule(target=sent, chance=st.sampled_from([0.0, 0.2, 0.5, 0.95, 0.95]))
    def request(self, chance: float) -> Sending:
        sending = self.desk.send(chance)
        throttled, ramp = self.model.shares(self.desk.now)
        if self.model.calm:
            throttled = ramp = 0.0
        assert (sending.share is not None) == (chance < max(throttled, ramp))
        assert sending.counted == (
            not self.model.calm and (chance < throttled or chance >= ramp)
        )
        self.model.asked += [self.desk.now] * sending.counted
        return sending

    @rule(sending=consumes(sent), accepted=st.sampled_from([True, False, None]))
    def ends(self, sending: Sending, accepted: bool | None) -> None:
        if sending.share is None:
            self.desk.end(sending, accepted=accepted)
            self.model.ends(self.desk.now, sending.counted, accepted)

    @rule(accepted=st.booleans(), every=st.sampled_from([0.0, 0.05, 0.2]))
    def some_are_sent_and_end(self, accepted: bool, every: float) -> None:
        for _ in range(15):
            self.ends(self.request(0.95), accepted)
            self.desk.now += every

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 6.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.desk.now += seconds

    @invariant()
    def both_agree(self) -> None:
        assert isinstance(self.desk.load, Window) == self.model.calm
        if isinstance(self.desk.load, Strained):
            assert self.desk.share == pytest.approx(
                max(self.model.shares(self.desk.now))
            )
            assert 0 <= self.desk.share <= 0.9


TestRequests = Requests.TestCase
