"""Faults by chance, by time and together; and that a seed repeats them."""

from __future__ import annotations

from collections import Counter

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_io import FakeIO
from support.faults import outcome_of, outcomes_of, plan_of

from httpx_resilient.testing import (
    Answer,
    Chance,
    FaultInjectingTransport,
    Latency,
    Outage,
    Reset,
    Together,
    Truncated,
)


def test_an_outage_is_timed_from_the_first_request() -> None:
    io = FakeIO(*[200] * 5)
    io.time = 1000.0
    faulty = FaultInjectingTransport(None, Outage(10, 40, httpx.ConnectError))
    seen = []
    for at in (0, 9.9, 10, 39.9, 40, 100):
        io.time = 1000.0 + at
        seen.append(outcome_of(faulty, io))
    assert [isinstance(each, httpx.ConnectError) for each in seen] == [
        False, False, True, True, False, False,
    ]  # fmt: skip


def test_an_outage_by_default_answers_503_and_does_not_end() -> None:
    assert plan_of(Outage(10), 1e9).ended_by == "503"
    assert plan_of(Outage(10), 9).ended_by == ""


def test_a_chance_fails_the_given_share_of_requests() -> None:
    counts = Counter(
        outcomes_of(FaultInjectingTransport(None, Chance(0.2, 500, 503), seed=1), 5000)
    )
    assert 400 < counts[500] < 600
    assert 400 < counts[503] < 600


def test_a_chance_of_0_fails_no_request_and_one_of_1_fails_each() -> None:
    never = FaultInjectingTransport(None, Chance(0, 503))
    always = FaultInjectingTransport(None, Chance(1, 503))
    assert outcomes_of(never, 50) == [200] * 50
    assert outcomes_of(always, 50) == [503] * 50


def test_together_latencies_add_up_until_the_first_fault_that_ends_the_request() -> (
    None
):
    plan = plan_of(
        Together(
            Latency(1),
            Latency(2),
            httpx.ReadError,
            503,
            Reset(),
            Latency(4),
            Truncated(3),
        )
    )
    assert plan.delay == 3
    assert plan.error is httpx.ReadError
    assert plan.response is None
    assert not plan.loses_response
    assert [fault.name for fault in plan.body_faults] == ["Truncated"]


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1), st.text(max_size=5), st.integers(1, 12))
def test_the_same_seed_gives_the_same_faults(p: float, seed: str, times: int) -> None:
    fault = Together(Chance(p, 503, Latency.normal(1, 0.5)), Chance(p, 500))
    first, second = (FakeIO(*[200] * times) for _ in range(2))
    ended = []
    for io in (first, second):
        faulty = FaultInjectingTransport(None, fault, seed=seed)
        ended.append([outcome_of(faulty, io) for _ in range(times)])
    assert ended[0] == ended[1]
    assert first.slept == second.slept


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 20))
def test_the_faults_of_one_request_do_not_change_those_of_another(down: int) -> None:
    """An outage draws random numbers only for the requests within it."""
    chance = Chance(0.5, 500)
    without = FaultInjectingTransport(None, chance, seed=3)
    with_outage = FaultInjectingTransport(
        None, Together(chance, Outage(0, down + 0.5, Chance(0.5, 502))), seed=3
    )
    io = FakeIO(*[200] * 60)
    for at in range(30):
        io.time = float(at)
        expected, ended = outcome_of(without, io), outcome_of(with_outage, io)
        assert ended == expected or (ended == 502 and at <= down)


def test_each_transport_chooses_a_seed_which_another_one_can_repeat() -> None:
    first = FaultInjectingTransport(None, Chance(0.5, 503))
    repeated = FaultInjectingTransport(None, Chance(0.5, 503), seed=first.seed)
    assert outcomes_of(first, 50) == outcomes_of(repeated, 50)
    assert FaultInjectingTransport(None, []).seed != first.seed


def test_the_repr_of_a_fault_is_the_call_that_makes_it() -> None:
    shown = [Answer(503), Reset(), Latency(1), Together(503)]
    assert list(map(repr, shown)) == [
        "Answer(503)",
        "Reset()",
        "Latency(1)",
        "Together(503)",
    ]
