"""The transitions of a circuit: no IO, and a number for a clock."""

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
from httpx_resilient._layers.circuit_breaker.circuit import (
    admit,
    fold,
    force,
    reset,
    settle,
)
from httpx_resilient._layers.circuit_breaker.circuit_state import describe
from httpx_resilient._layers.circuit_breaker.half_open import answered
from httpx_resilient._layers.circuit_breaker.state import (
    Busy,
    Circuit,
    Forced,
    HalfOpen,
    Open,
    Refused,
    Rules,
)

RULES = Rules()


class Traffic:
    """Sends requests and ends them, one after the other."""

    def __init__(self, rules: Rules = RULES, circuit: Circuit | None = None) -> None:
        self.rules = rules
        self.circuit: Circuit = circuit or Window()
        self.now = 1000.0

    def send(self) -> float | None:
        """Return when the request was sent; `None` if it was refused."""
        self.now += 0.001  # the time identifies a request
        self.circuit, decision = admit(self.circuit, self.now)
        return None if isinstance(decision, Refused) else self.now

    def answer(self, sent: float | None) -> None:
        """Get good headers."""
        assert sent is not None
        self.circuit, _ = answered(self.circuit, sent)

    def end(
        self,
        sent: float | None,
        *,
        failed: bool | None = False,
        slow: bool = False,
        jitter: float = 0.5,
    ) -> None:
        assert sent is not None
        self.circuit, _ = settle(
            self.circuit, self.rules, sent, self.now, jitter, failed=failed, slow=slow
        )

    def request(self, times: int = 1, **how: Any) -> None:
        for _ in range(times):
            self.end(self.send(), **how)

    def open(self, **how: Any) -> Open:
        self.request(self.rules.minimum_calls, failed=True, **how)
        assert isinstance(self.circuit, Open)
        return self.circuit

    def half_open(self) -> None:
        self.now = self.open().until

    def stream(self) -> float | None:
        """Send a request whose body does not end."""
        sent = self.send()
        self.answer(sent)
        return sent

    @property
    def phase(self) -> str:
        return describe(self.circuit, self.rules, self.now).phase


class TestAClosedCircuit:
    def test_opens_when_half_of_twenty_requests_failed(self) -> None:
        traffic = Traffic()
        traffic.request(10)
        traffic.request(9, failed=True)
        assert traffic.phase == "closed"
        traffic.request(failed=True)
        assert traffic.phase == "open"

    def test_stays_closed_while_fewer_than_twenty_requests_ended(self) -> None:
        traffic = Traffic()
        traffic.request(19, failed=True)
        assert traffic.phase == "closed"

    def test_stays_closed_while_less_than_half_of_the_requests_failed(self) -> None:
        traffic = Traffic()
        traffic.request(11)
        traffic.request(10, failed=True)
        assert traffic.phase == "closed"

    def test_stays_closed_when_the_twentieth_request_succeeds(self) -> None:
        traffic = Traffic()
        traffic.request(19, failed=True)
        traffic.request()
        assert traffic.phase == "closed"

    def test_does_not_count_failures_from_before_the_window(self) -> None:
        traffic = Traffic()
        traffic.request(19, failed=True)
        traffic.now += 10
        traffic.request(19, failed=True)
        assert traffic.phase == "closed"

    def test_does_not_count_outcomes_that_say_nothing_about_the_server(self) -> None:
        traffic = Traffic()
        traffic.request(100, failed=None)
        assert traffic.circuit == Window()

    def test_opens_when_the_rate_of_slow_requests_is_reached(self) -> None:
        traffic = Traffic(Rules(slow_rate=0.8))
        traffic.request(4)
        traffic.request(15, slow=True)
        assert traffic.phase == "closed"
        traffic.request(slow=True)
        assert traffic.phase == "open"

    def test_does_not_count_late_failures_of_requests_sent_before_a_reset(self) -> None:
        traffic = Traffic()
        early = [traffic.send() for _ in range(20)]
        traffic.circuit, _ = reset(traffic.circuit, traffic.now + 1)
        traffic.now += 2
        for sent in early:
            traffic.end(sent, failed=True)
        assert tally(traffic.circuit, traffic.now, 1.0)[0] == 0
        traffic.end(early[0])
        assert tally(traffic.circuit, traffic.now, 1.0) == (1, 0, 0)

    @given(st.lists(st.floats(1000, 1040), min_size=1, max_size=50).map(sorted))
    def test_folds_successes_as_if_they_were_counted_one_by_one(
        self, times: list[float]
    ) -> None:
        traffic = Traffic()
        for traffic.now in times:
            traffic.end(traffic.now)
        assert fold(Window(), RULES, times) == traffic.circuit


class TestAnOpenCircuit:
    def test_refuses_all_requests_until_its_time_is_over(self) -> None:
        traffic = Traffic()
        until = traffic.open().until
        traffic.now = until - 0.1
        assert traffic.send() is None
        traffic.now = until
        assert traffic.send() is not None

    def test_says_in_its_refusal_why_it_opened_and_when_to_retry(self) -> None:
        traffic = Traffic()
        until = traffic.open().until
        _, refused = admit(traffic.circuit, until - 1.5)
        assert isinstance(refused, Refused)
        assert refused.reason == "is open: 20 of 20 requests failed; retry in 1.5 s"
        assert refused.retry_after == 1.5

    def test_says_in_its_refusal_that_requests_were_slow(self) -> None:
        traffic = Traffic()
        traffic.request(20, slow=True)
        _, refused = admit(traffic.circuit, traffic.now)
        assert isinstance(refused, Refused)
        assert "20 of 20 requests were slow" in refused.reason

    @pytest.mark.parametrize(("jitter", "seconds"), [(0, 4), (0.5, 5), (1, 6)])
    def test_stays_open_for_five_seconds_plus_or_minus_a_fifth(
        self, jitter: float, seconds: float
    ) -> None:
        traffic = Traffic()
        until = traffic.open(jitter=jitter).until
        assert until - traffic.now == pytest.approx(seconds)

    def test_doubles_its_time_with_each_opening_up_to_a_minute(self) -> None:
        traffic = Traffic()
        lasted = []
        opened = traffic.open()
        for _ in range(2000):
            lasted.append(opened.until - traffic.now)
            traffic.now = opened.until
            traffic.request(failed=True)
            assert isinstance(traffic.circuit, Open)
            opened = traffic.circuit
        assert lasted[:6] == pytest.approx([5, 10, 20, 40, 60, 60])
        assert lasted[-1] == pytest.approx(60)

    def test_ignores_the_ends_of_requests_that_were_sent_before_it_opened(self) -> None:
        traffic = Traffic()
        late = traffic.send()
        opened = traffic.open()
        traffic.end(late)
        assert traffic.circuit == fold(opened, RULES, [traffic.now]) == opened

    def test_counts_the_requests_that_it_refuses(self) -> None:
        traffic = Traffic()
        traffic.open()
        for _ in range(3):
            traffic.send()
        assert describe(traffic.circuit, RULES, traffic.now).refused == 3


class TestAHalfOpenCircuit:
    def test_sends_one_probe_at_a_time(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        assert [traffic.send() is None for _ in range(5)] == [False, *[True] * 4]

    def test_sends_one_more_probe_at_a_time_after_each_success(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        widths = []
        for _ in range(5):
            sent = [traffic.send() for _ in range(20)]
            probes = [each for each in sent if each is not None]
            widths.append(len(probes))
            traffic.end(probes.pop())
            for probe in probes:
                traffic.end(probe, failed=None)
        assert widths == [1, 2, 3, 4, 5]

    def test_sends_twice_as_many_at_a_time_after_each_round_of_good_headers(
        self,
    ) -> None:
        traffic = Traffic()
        traffic.half_open()
        widths = []
        for _ in range(5):
            sent = [traffic.send() for _ in range(50)]
            probes = [each for each in sent if each is not None]
            widths.append(len(probes))
            for probe in probes:
                traffic.answer(probe)
        assert widths == [1, 2, 4, 8, 16]
        assert traffic.phase == "half-open"

    def test_sends_all_requests_during_a_long_stream(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        traffic.stream()
        traffic.request(20)
        assert traffic.phase == "closed"

    def test_opens_when_the_only_body_breaks_after_good_headers(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        traffic.end(traffic.stream(), failed=True)
        assert traffic.phase == "open"

    def test_opens_when_half_of_the_bodies_break_after_good_headers(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        streams = [traffic.stream() for _ in range(10)]
        for sent in streams[:4]:
            traffic.end(sent, failed=True)
        assert traffic.phase == "half-open"
        traffic.end(streams[4], failed=True)
        _, refused = admit(traffic.circuit, traffic.now)
        assert isinstance(refused, Refused)
        assert "5 of 10 requests failed" in refused.reason
        assert describe(traffic.circuit, RULES, traffic.now)[:3] == ("open", 10, 5)

    def test_counts_bodies_that_break_after_other_probes_have_closed_it(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        streams = [traffic.stream() for _ in range(20)]
        traffic.request(20)
        assert traffic.phase == "closed"
        for sent in streams:
            traffic.end(sent, failed=True)
        assert traffic.phase == "open"

    def test_does_not_close_while_half_of_the_probes_that_ended_failed(self) -> None:
        """Bodies that were cancelled after good headers count no more."""
        traffic = Traffic(Rules(minimum_calls=4))
        traffic.half_open()
        streams = [traffic.stream() for _ in range(6)]
        traffic.request(2, failed=True)
        traffic.request()
        for sent in streams:
            traffic.end(sent, failed=None)
        traffic.request()
        assert traffic.phase == "open"

    def test_ignores_the_headers_of_requests_that_are_no_probes(self) -> None:
        traffic = Traffic()
        early = traffic.send()
        traffic.answer(early)
        assert traffic.circuit == Window()
        traffic.half_open()
        traffic.send()
        before = traffic.circuit
        traffic.answer(early)
        assert traffic.circuit == before

    def test_lets_requests_wait_for_the_latest_probe(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        first = traffic.send()
        traffic.now += 0.8
        assert admit(traffic.circuit, traffic.now, 1.0)[1] == (pytest.approx(0.2),)
        traffic.answer(first)
        for _ in range(2):
            traffic.send()
        _, decision = admit(traffic.circuit, traffic.now, 1.0)
        assert decision == Busy(1.0)
        assert describe(traffic.circuit, RULES, traffic.now).refused == 0

    def test_refuses_requests_while_the_latest_probe_hangs(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        traffic.send()
        traffic.now += 1
        traffic.circuit, decision = admit(traffic.circuit, traffic.now, 1.0)
        assert isinstance(decision, Refused)
        assert describe(traffic.circuit, RULES, traffic.now).refused == 1

    def test_lets_requests_wait_no_longer_than_until_a_probe_counts_as_hanging(
        self,
    ) -> None:
        traffic = Traffic()
        traffic.half_open()
        sent = traffic.send()
        _, decision = admit(traffic.circuit, traffic.now + 4, 60.0)
        assert decision == (pytest.approx(6),)
        traffic.now += 10
        assert admit(traffic.circuit, traffic.now, 60.0)[1] is None
        traffic.end(sent)

    def test_closes_after_twenty_successful_probes(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        traffic.request(19)
        assert traffic.phase == "half-open"
        traffic.request()
        assert traffic.phase == "closed"

    def test_opens_for_five_seconds_again_once_it_has_closed(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        traffic.request(failed=True)
        assert isinstance(traffic.circuit, Open)
        traffic.now = traffic.circuit.until
        traffic.request(20)
        assert traffic.open().until - traffic.now == pytest.approx(5)

    def test_opens_when_its_first_probe_fails(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        traffic.request(failed=True)
        assert traffic.phase == "open"

    def test_opens_when_its_first_probe_is_slow(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        traffic.request(slow=True)
        assert traffic.phase == "open"

    def test_stays_half_open_when_one_of_four_probes_fails(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        traffic.request(3)
        traffic.request(failed=True)
        assert traffic.phase == "half-open"

    def test_sends_another_probe_after_one_is_cancelled(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        for _ in range(5):
            traffic.request(failed=None)
        assert traffic.circuit == HalfOpen(1)

    def test_sends_another_probe_when_one_hangs_for_ten_seconds(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        hangs = traffic.send()
        traffic.now += 9
        assert traffic.send() is None
        traffic.now += 1
        assert traffic.send() is not None
        traffic.end(hangs, failed=True)
        assert traffic.phase == "open"

    def test_stores_a_bounded_number_of_hanging_probes(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        for _ in range(1100):
            assert traffic.send() is not None
            traffic.now += 10
        assert isinstance(traffic.circuit, HalfOpen)
        assert len(traffic.circuit.probes) == 1001

    def test_stores_a_bounded_number_of_probes_whose_bodies_last(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        for _ in range(1100):
            traffic.stream()
        assert isinstance(traffic.circuit, HalfOpen)
        assert len(traffic.circuit.bodies) == 1001

    def test_ignores_requests_that_were_sent_before_it_half_opened(self) -> None:
        traffic = Traffic()
        early = traffic.send()
        traffic.half_open()
        probe = traffic.send()
        traffic.end(early, failed=True)
        assert traffic.phase == "half-open"
        traffic.end(probe)

    def test_says_in_its_refusal_that_a_probe_is_in_flight(self) -> None:
        traffic = Traffic()
        traffic.half_open()
        traffic.send()
        _, refused = admit(traffic.circuit, traffic.now)
        assert isinstance(refused, Refused)
        assert refused.reason == "is half-open: a probe is in flight, retry in 1 s"
        assert refused.retry_after == 1

    def test_adds_its_refusals_to_those_of_the_open_circuit(self) -> None:
        traffic = Traffic()
        until = traffic.open().until
        traffic.send()
        traffic.now = until
        probe = traffic.send()
        traffic.send()
        traffic.end(probe, failed=True)
        traffic.send()
        assert describe(traffic.circuit, RULES, traffic.now).refused == 3


class TestACircuitThatIs:
    def test_forced_open_refuses_all_requests(self) -> None:
        traffic = Traffic()
        probe = traffic.send()
        traffic.circuit, _ = force(traffic.circuit, is_open=True)
        traffic.end(probe)
        traffic.now += 1000
        assert traffic.send() is None
        assert traffic.circuit == Forced(open=True, refused=1)

    def test_forced_closed_sends_all_requests(self) -> None:
        traffic = Traffic()
        traffic.circuit, _ = force(traffic.circuit, is_open=False)
        traffic.request(100, failed=True)
        assert traffic.phase == "forced closed"

    def test_reset_is_closed_and_restarts_its_counts(self) -> None:
        traffic = Traffic()
        traffic.open()
        traffic.circuit, _ = reset(traffic.circuit, traffic.now)
        traffic.request(19, failed=True)
        assert traffic.phase == "closed"


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
def test_an_argument_out_of_its_range_is_rejected(wrong: dict[str, Any]) -> None:
    name = "max_open_for" if wrong == {"open_for": 61} else next(iter(wrong))
    with pytest.raises((TypeError, ValueError), match=f"^{name} is a "):
        CircuitBreaker(**wrong)


class Model:
    """The model: lists of all that happened, of which nothing is evicted."""

    def __init__(self) -> None:
        self.phase, self.since, self.until, self.times = "closed", 0.0, 0.0, 0
        self.calls: list[tuple[float, bool]] = []
        self.probes: list[float] = []
        self.bodies: list[float] = []

    def ramp(self) -> int:
        return 1 + sum(not failed for _, failed in self.calls) + len(self.bodies)

    def in_flight(self, now: float) -> list[float]:
        return [sent for sent in self.probes if now - sent < 10]

    def may_send(self, now: float) -> bool:
        if self.phase == "open" and now >= self.until:
            self.phase, self.calls, self.probes, self.bodies = "half-open", [], [], []
        if self.phase == "half-open":
            if len(self.in_flight(now)) >= self.ramp():
                return False
            self.probes.append(now)
        return self.phase != "open"

    def may_wait(self, now: float) -> bool:
        return self.phase == "half-open" and now - self.probes[-1] < 1

    def is_answered(self, sent: float) -> None:
        if self.phase == "half-open" and sent in self.probes:
            self.probes.remove(sent)
            self.bodies.append(sent)

    def ends(self, sent: float, now: float, failed: bool | None) -> None:
        is_probe = self.phase == "half-open" and sent in [*self.probes, *self.bodies]
        if is_probe:
            (self.probes if sent in self.probes else self.bodies).remove(sent)
        late = self.phase == "closed" and bool(failed) and sent < self.since
        if failed is None or late or not (is_probe or self.phase == "closed"):
            return
        self.calls.append((now, failed))
        if is_probe:
            self.probe_ends(now)
            return
        seen = [f for at, f in self.calls if at // 1 > now // 1 - 10]
        if failed and len(seen) >= 4 and sum(seen) * 2 >= len(seen):
            self.opens(1, now)

    def probe_ends(self, now: float) -> None:
        failures = sum(failed for _, failed in self.calls)
        if failures * 2 >= len(self.calls) + len(self.bodies):
            self.opens(self.times + 1, now)
        elif len(self.calls) >= 4:
            self.phase, self.calls = "closed", []
            self.since = min([*self.probes, *self.bodies, now])

    def opens(self, times: int, now: float) -> None:
        self.phase, self.times = "open", times
        self.until = now + min(5 * 2 ** (times - 1), 60)


@settings(max_examples=60, stateful_step_count=40, deadline=None)
class Requests(RuleBasedStateMachine):
    """Requests that are sent and end in any order."""

    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.traffic = Traffic(Rules(minimum_calls=4))

    @rule(target=sent)
    def request(self) -> Any:
        before = self.traffic.circuit
        sent = self.traffic.send()
        now = self.traffic.now
        assert (sent is not None) == self.model.may_send(now)
        _, patient = admit(before, now, 1.0)
        assert isinstance(patient, Busy) == (sent is None and self.model.may_wait(now))
        if sent is not None and isinstance(self.traffic.circuit, HalfOpen):
            assert len(self.model.in_flight(now)) <= self.model.ramp()
        return sent

    @rule(sent=sent)
    def is_answered(self, sent: float | None) -> None:
        if sent is not None:
            self.traffic.answer(sent)
            self.model.is_answered(sent)

    @rule(sent=consumes(sent), failed=st.sampled_from([True, True, False, None]))
    def ends(self, sent: float | None, failed: bool | None) -> None:
        if sent is not None:
            self.traffic.end(sent, failed=failed)
            self.model.ends(sent, self.traffic.now, failed)

    @rule(failed=st.sampled_from([True, False, False, None]))
    def some_are_sent_answered_and_end(self, failed: bool | None) -> None:
        sent = [self.request() for _ in range(3)]
        for each in sent:
            self.is_answered(each)
        for each in sent:
            self.ends(each, failed)

    @rule(failed=st.sampled_from([True, True, False]))
    def some_are_sent_and_end(self, failed: bool) -> None:
        for _ in range(4):
            self.ends(self.request(), failed)

    @rule(seconds=st.sampled_from([0.5, 4.0, 6.0, 11.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.traffic.now += seconds

    @invariant()
    def both_agree(self) -> None:
        assert self.traffic.phase == self.model.phase

    @invariant()
    def the_stored_probes_are_those_in_flight(self) -> None:
        if isinstance(self.traffic.circuit, HalfOpen):
            assert list(self.traffic.circuit.probes) == self.model.probes
            assert list(self.traffic.circuit.bodies) == self.model.bodies

    @invariant()
    def a_request_is_sent_later_on_whatever_happens(self) -> None:
        _, decision = admit(self.traffic.circuit, self.traffic.now + 100, 1.0)
        assert not isinstance(decision, Refused | Busy)


TestRequests = Requests.TestCase
