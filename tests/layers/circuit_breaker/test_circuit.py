"""What a circuit breaker knows of an origin. No IO, and no clock but a number."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
)

from httpx_resilient import CircuitBreaker
from httpx_resilient._core.state.sliding_window import Window, tally
from httpx_resilient._layers.circuit_breaker.breaker import state_of
from httpx_resilient._layers.circuit_breaker.circuit import (
    Circuit,
    Forced,
    HalfOpen,
    Open,
    Refused,
    Rules,
    admit,
    force,
    hear,
    reset,
    settle,
)

RULES = Rules()


class Desk:
    """Sends requests and ends them, one after the other."""

    def __init__(self, rules: Rules = RULES, circuit: Circuit | None = None) -> None:
        self.rules = rules
        self.circuit: Circuit = circuit or Window()
        self.now = 1000.0

    def send(self) -> float | None:
        """When it was sent; `None` if it was refused."""
        self.now += 0.001  # no two at the same time
        self.circuit, admitted = admit(self.circuit, self.now)
        return None if isinstance(admitted, Refused) else self.now

    def end(
        self,
        sent: float | None,
        *,
        failed: bool | None = False,
        slow: bool = False,
        chance: float = 0.5,
    ) -> None:
        assert sent is not None
        self.circuit, _ = settle(
            self.circuit, self.rules, sent, self.now, chance, failed=failed, slow=slow
        )

    def request(self, times: int = 1, **how: Any) -> None:
        for _ in range(times):
            self.end(self.send(), **how)

    def opens(self, **how: Any) -> Open:
        self.request(self.rules.minimum_calls, failed=True, **how)
        assert isinstance(self.circuit, Open)
        return self.circuit

    def half_opens(self) -> None:
        self.now = self.opens().until

    @property
    def phase(self) -> str:
        return state_of(self.circuit, self.rules, self.now).phase


class TestClosed:
    def test_it_opens_when_half_of_twenty_failed(self) -> None:
        desk = Desk()
        desk.request(10)
        desk.request(9, failed=True)
        assert desk.phase == "closed"
        desk.request(failed=True)
        assert desk.phase == "open"

    def test_but_not_of_fewer(self) -> None:
        desk = Desk()
        desk.request(19, failed=True)
        assert desk.phase == "closed"

    def test_nor_if_fewer_failed(self) -> None:
        desk = Desk()
        desk.request(11)
        desk.request(10, failed=True)
        assert desk.phase == "closed"

    def test_nor_when_one_goes_well(self) -> None:
        desk = Desk()
        desk.request(19, failed=True)
        desk.request()
        assert desk.phase == "closed"

    def test_what_is_past_does_not_count(self) -> None:
        desk = Desk()
        desk.request(19, failed=True)
        desk.now += 10
        desk.request(19, failed=True)
        assert desk.phase == "closed"

    def test_what_tells_nothing_of_the_server_does_not_count(self) -> None:
        desk = Desk()
        desk.request(100, failed=None)
        assert desk.circuit == Window()

    def test_slow_ones_have_a_rate_of_their_own(self) -> None:
        desk = Desk(Rules(slow_rate=0.8))
        desk.request(4)
        desk.request(15, slow=True)
        assert desk.phase == "closed"
        desk.request(slow=True)
        assert desk.phase == "open"

    def test_a_late_failure_of_a_request_from_before_does_not_count(self) -> None:
        desk = Desk()
        early = [desk.send() for _ in range(20)]
        desk.circuit, _ = reset(desk.circuit, desk.now + 1)
        desk.now += 2
        for sent in early:
            desk.end(sent, failed=True)
        assert tally(desk.circuit, desk.now, 1.0)[0] == 0
        desk.end(early[0])
        assert tally(desk.circuit, desk.now, 1.0) == (1, 0, 0)

    @given(st.lists(st.floats(1000, 1040), min_size=1, max_size=50).map(sorted))
    def test_those_that_went_well_can_be_told_together(
        self, times: list[float]
    ) -> None:
        desk = Desk()
        for desk.now in times:
            desk.end(desk.now)
        assert hear(Window(), RULES, times) == desk.circuit


class TestOpen:
    def test_all_are_refused_until_its_time_is_over(self) -> None:
        desk = Desk()
        opened = desk.opens()
        desk.now = opened.until - 0.1
        assert desk.send() is None
        desk.now = opened.until
        assert desk.send() is not None

    def test_it_says_why_and_how_long(self) -> None:
        desk = Desk()
        until = desk.opens().until
        _, refused = admit(desk.circuit, until - 1.5)
        assert isinstance(refused, Refused)
        assert refused.why == (
            "is open: 20 of 20 requests failed; it is tried again in 1.5 s"
        )
        assert refused.retry_after == 1.5

    def test_so_it_does_if_they_were_slow(self) -> None:
        desk = Desk()
        desk.request(20, slow=True)
        _, refused = admit(desk.circuit, desk.now)
        assert isinstance(refused, Refused)
        assert "20 of 20 requests were slow" in refused.why

    @pytest.mark.parametrize(("chance", "seconds"), [(0, 4), (0.5, 5), (1, 6)])
    def test_it_is_open_for_about_five_seconds(
        self, chance: float, seconds: float
    ) -> None:
        desk = Desk()
        until = desk.opens(chance=chance).until
        assert until - desk.now == pytest.approx(seconds)

    def test_each_time_it_is_twice_as_long_but_never_above_a_minute(self) -> None:
        desk = Desk()
        lasted = []
        opened = desk.opens()
        for _ in range(2000):
            lasted.append(opened.until - desk.now)
            desk.now = opened.until
            desk.request(failed=True)
            assert isinstance(desk.circuit, Open)
            opened = desk.circuit
        assert lasted[:6] == pytest.approx([5, 10, 20, 40, 60, 60])
        assert lasted[-1] == pytest.approx(60)

    def test_late_ends_change_nothing(self) -> None:
        desk = Desk()
        late = desk.send()
        opened = desk.opens()
        desk.end(late)
        assert desk.circuit == hear(opened, RULES, [desk.now]) == opened

    def test_it_counts_what_it_refused(self) -> None:
        desk = Desk()
        desk.opens()
        for _ in range(3):
            desk.send()
        assert state_of(desk.circuit, RULES, desk.now).refused == 3


class TestHalfOpen:
    def test_one_is_sent_at_a_time(self) -> None:
        desk = Desk()
        desk.half_opens()
        assert [desk.send() is None for _ in range(5)] == [False, *[True] * 4]

    def test_with_each_that_goes_well_one_more(self) -> None:
        desk = Desk()
        desk.half_opens()
        widths = []
        for _ in range(5):
            sent = [desk.send() for _ in range(20)]
            probes = [each for each in sent if each is not None]
            widths.append(len(probes))
            desk.end(probes.pop())
            for probe in probes:
                desk.end(probe, failed=None)
        assert widths == [1, 2, 3, 4, 5]

    def test_it_closes_after_twenty(self) -> None:
        desk = Desk()
        desk.half_opens()
        desk.request(19)
        assert desk.phase == "half-open"
        desk.request()
        assert desk.phase == "closed"

    def test_and_then_opens_for_five_seconds_again(self) -> None:
        desk = Desk()
        desk.half_opens()
        desk.request(failed=True)
        assert isinstance(desk.circuit, Open)
        desk.now = desk.circuit.until
        desk.request(20)
        assert desk.opens().until - desk.now == pytest.approx(5)

    def test_a_first_probe_that_fails_opens_it(self) -> None:
        desk = Desk()
        desk.half_opens()
        desk.request(failed=True)
        assert desk.phase == "open"

    def test_as_does_one_that_is_slow(self) -> None:
        desk = Desk()
        desk.half_opens()
        desk.request(slow=True)
        assert desk.phase == "open"

    def test_one_of_many_does_not(self) -> None:
        desk = Desk()
        desk.half_opens()
        desk.request(3)
        desk.request(failed=True)
        assert desk.phase == "half-open"

    def test_a_cancelled_probe_makes_room_for_another(self) -> None:
        desk = Desk()
        desk.half_opens()
        for _ in range(5):
            desk.request(failed=None)
        assert desk.circuit == HalfOpen(1)

    def test_one_without_end_does_so_after_a_while(self) -> None:
        desk = Desk()
        desk.half_opens()
        hangs = desk.send()
        desk.now += 9
        assert desk.send() is None
        desk.now += 1
        assert desk.send() is not None
        desk.end(hangs, failed=True)
        assert desk.phase == "open"

    def test_they_are_not_remembered_without_end(self) -> None:
        desk = Desk()
        desk.half_opens()
        for _ in range(1000):
            assert desk.send() is not None
            desk.now += 10
        assert isinstance(desk.circuit, HalfOpen)
        assert len(desk.circuit.probes) <= 101

    def test_what_was_sent_before_changes_nothing(self) -> None:
        desk = Desk()
        early = desk.send()
        desk.half_opens()
        probe = desk.send()
        desk.end(early, failed=True)
        assert desk.phase == "half-open"
        desk.end(probe)

    def test_it_says_when_to_come_back(self) -> None:
        desk = Desk()
        desk.half_opens()
        desk.send()
        _, refused = admit(desk.circuit, desk.now)
        assert isinstance(refused, Refused)
        assert refused.why.startswith("is half-open: ")
        assert refused.retry_after == 1

    def test_it_keeps_counting_what_was_refused(self) -> None:
        desk = Desk()
        until = desk.opens().until
        desk.send()
        desk.now = until
        probe = desk.send()
        desk.send()
        desk.end(probe, failed=True)
        desk.send()
        assert state_of(desk.circuit, RULES, desk.now).refused == 3


class TestByHand:
    def test_held_open_it_refuses_whatever_happens(self) -> None:
        desk = Desk()
        probe = desk.send()
        desk.circuit, _ = force(desk.circuit, is_open=True)
        desk.end(probe)
        desk.now += 1000
        assert desk.send() is None
        assert desk.circuit == Forced(open=True, refused=1)

    def test_held_closed_it_refuses_nothing(self) -> None:
        desk = Desk()
        desk.circuit, _ = force(desk.circuit, is_open=False)
        desk.request(100, failed=True)
        assert desk.phase == "forced closed"

    def test_reset_it_begins_anew(self) -> None:
        desk = Desk()
        desk.opens()
        desk.circuit, _ = reset(desk.circuit, desk.now)
        desk.request(19, failed=True)
        assert desk.phase == "closed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_rate": 0},
        {"failure_rate": 1.1},
        {"minimum_calls": 0},
        {"minimum_calls": 1.5},
        {"window": 0},
        {"open_for": 0},
        {"open_for": math.nan},
        {"open_for": 61},
        {"max_open_for": 4},
        {"slow_after": 0},
        {"slow_rate": 2},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    name = "max_open_for" if wrong == {"open_for": 61} else next(iter(wrong))
    with pytest.raises((TypeError, ValueError), match=f"^{name} is a "):
        CircuitBreaker(**wrong)


class Model:
    """The same in plain words: lists of all that happened, and nothing forgotten."""

    def __init__(self) -> None:
        self.phase, self.since, self.until, self.times = "closed", 0.0, 0.0, 0
        self.calls: list[tuple[float, bool]] = []
        self.probes: list[float] = []

    def may_send(self, now: float) -> bool:
        if self.phase == "open" and now >= self.until:
            self.phase, self.calls, self.probes = "half-open", [], []
        if self.phase == "half-open":
            well = sum(not failed for _, failed in self.calls)
            if sum(now - sent < 10 for sent in self.probes) > well:
                return False
            self.probes.append(now)
        return self.phase != "open"

    def ends(self, sent: float, now: float, failed: bool | None) -> None:
        is_probe = self.phase == "half-open" and sent in self.probes
        if is_probe:
            self.probes.remove(sent)
        late = self.phase == "closed" and bool(failed) and sent < self.since
        if failed is None or late or not (is_probe or self.phase == "closed"):
            return
        self.calls.append((now, failed))
        seen = [f for at, f in self.calls if is_probe or at // 1 > now // 1 - 10]
        if failed and (is_probe or len(seen) >= 4) and sum(seen) * 2 >= len(seen):
            self.times = self.times + 1 if is_probe else 1
            self.phase = "open"
            self.until = now + min(5 * 2 ** (self.times - 1), 60)
        elif is_probe and len(seen) >= 4:
            self.phase, self.since, self.calls = "closed", now, []


@settings(max_examples=60, stateful_step_count=40, deadline=None)
class Requests(RuleBasedStateMachine):
    """Whatever requests do, in whatever order."""

    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.desk = Desk(Rules(minimum_calls=4))

    @rule(target=sent)
    def request(self) -> Any:
        sent = self.desk.send()
        assert (sent is not None) == self.model.may_send(self.desk.now)
        return sent

    @rule(sent=consumes(sent), failed=st.sampled_from([True, True, False, None]))
    def ends(self, sent: float | None, failed: bool | None) -> None:
        if sent is not None:
            self.desk.end(sent, failed=failed)
            self.model.ends(sent, self.desk.now, failed)

    @rule(failed=st.sampled_from([True, True, False]))
    def some_are_sent_and_end(self, failed: bool) -> None:
        for _ in range(4):
            self.ends(self.request(), failed)

    @rule(seconds=st.sampled_from([0.5, 4.0, 6.0, 11.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.desk.now += seconds

    @invariant()
    def both_agree(self) -> None:
        assert self.desk.phase == self.model.phase

    @invariant()
    def a_probe_is_awaited_only_as_long_as_it_is_on_its_way(self) -> None:
        if isinstance(self.desk.circuit, HalfOpen):
            assert list(self.desk.circuit.probes) == self.model.probes


TestRequests = Requests.TestCase
