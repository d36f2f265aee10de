"""The decisions of a rate limit: the own limit, pauses and quotas."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpx_resilient._layers.rate_limit import gcra
from httpx_resilient._layers.rate_limit.answer import UNANSWERED, Answer
from httpx_resilient._layers.rate_limit.answers import record
from httpx_resilient._layers.rate_limit.gcra import assume_counted
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.state import (
    Asker,
    Lane,
    Pace,
    Rate,
    Ticket,
    remaining,
)

UNLIMITED = Pace()
EVEN = Pace(interval=1.0)
ALMOST = 1e-6

gaps = st.lists(st.floats(0, 3), min_size=1, max_size=40)


ASKER = Asker("/path")
LANE = Lane(None, "/path")
"""All requests here are of one path, whose quota has no name."""


def wait_of(rate: Rate, pace: Pace, now: float, ahead: int = 0) -> float:
    return gcra.wait_of(rate, pace, now, ahead, ASKER)


def take(rate: Rate, pace: Pace, now: float) -> tuple[Rate, int | None]:
    """Return the state, and the number of the request."""
    rate, ticket = gcra.take(rate, pace, now, ASKER)
    return rate, ticket.number if isinstance(ticket, Ticket) else ticket


def paced(requests: float, per: float, burst: int) -> Pace:
    return Pace(per / requests, (burst - 1) * per / requests)


def admitted(rate: Rate, pace: Pace = UNLIMITED, now: float = 0.0) -> Rate:
    rate, number = take(rate, pace, now)
    assert number is not None
    return rate


def paused(rate: Rate, seconds: float, now: float = 0.0, jitter: float = 0.0) -> Rate:
    answer = Answer(ASKER, quota=ServerQuota(seconds))
    return record(rate, now, 0, answer, now + 1, jitter)[0]


def ended(rate: Rate, number: int) -> Rate:
    return record(rate, 0.0, Ticket(number, LANE), UNANSWERED, 0.0, 0.0)[0]


def reported(
    rate: Rate,
    left: int,
    seconds: float = 10.0,
    *,
    by: int = 0,
    now: float = 0.0,
    took: float = 0.0,
    jitter: float = 0.0,
) -> Rate:
    """Record the quota that the answer to request number `by` reports."""
    answer = Answer(ASKER, is_well=True, quota=ServerQuota(None, left, seconds))
    ticket = Ticket(by, LANE) if by else 0
    return record(rate, now, ticket, answer, took, jitter)[0]


def left(rate: Rate) -> int:
    assert rate.server is not None
    bucket = rate.server.buckets[LANE]
    assert bucket.quota is not None
    return remaining(bucket, bucket.quota)


# The own limit.


def test_without_a_limit_requests_do_not_wait() -> None:
    rate = Rate()
    for _ in range(100):
        rate = admitted(rate)


def test_requests_are_spaced_evenly() -> None:
    rate = admitted(Rate(), EVEN, 5.0)
    assert take(rate, EVEN, 5.4) == (rate, None)
    assert wait_of(rate, EVEN, 5.4) == pytest.approx(0.6)
    assert wait_of(admitted(rate, EVEN, 6.0), EVEN, 6.0) == 1


def test_a_burst_is_admitted_at_once() -> None:
    pace, rate = paced(1, 1, burst=3), Rate()
    for _ in range(3):
        rate = admitted(rate, pace, 5.0)
    assert wait_of(rate, pace, 5.0) == 1
    rate = admitted(rate, pace, 6.0)
    assert wait_of(rate, pace, 6.0) == 1


def test_unused_time_is_saved_up_to_the_burst() -> None:
    pace = paced(1, 1, burst=2)
    rate = admitted(admitted(Rate(), pace, 0.0), pace, 1000.0)
    assert wait_of(admitted(rate, pace, 1000.0), pace, 1000.0) == 1


def test_a_request_behind_others_waits_longer() -> None:
    pace = paced(1, 1, burst=2)
    assert [wait_of(Rate(), pace, 5.0, ahead) for ahead in range(5)] == [0, 0, 1, 2, 3]


@given(
    gaps,
    st.floats(0.1, 20),
    st.floats(0.5, 5),
    st.integers(1, 5),
)
def test_the_decisions_are_those_of_the_leaky_bucket_of_the_same_standard(
    gaps: list[float], requests: float, per: float, burst: int
) -> None:
    """Continuous-state leaky bucket: I.371, annex A, beside virtual scheduling."""
    pace, rate = paced(requests, per, burst), Rate()
    level = now = last = 0.0
    for gap in gaps:
        now += gap
        level, last = max(0.0, level - (now - last)), now
        rate, number = take(rate, pace, now)
        if abs(level - pace.tolerance) > ALMOST:
            assert (number is not None) == (level <= pace.tolerance)
        level += 0.0 if number is None else pace.interval


@given(gaps, st.integers(1, 20), st.floats(0.5, 5))
def test_no_period_has_more_requests_than_the_limit(
    gaps: list[float], requests: int, per: float
) -> None:
    pace, rate, now = paced(requests, per, burst=1), Rate(), 0.0
    times: list[float] = []
    for gap in gaps:
        now += gap
        now += wait_of(rate, pace, now)
        rate = admitted(rate, pace, now)
        times.append(now)
    for first, last in zip(times, times[requests:], strict=False):
        assert last - first > per - ALMOST


@given(gaps, st.integers(0, 10))
def test_the_forecast_of_a_wait_behind_others_is_exact(
    gaps: list[float], n: int
) -> None:
    pace, rate, now = paced(2, 1, burst=3), Rate(), 0.0
    for gap in gaps:
        now += gap
        rate = take(rate, pace, now)[0]
    forecast = now + wait_of(rate, pace, now, ahead=n)
    for _ in range(n + 1):
        now += wait_of(rate, pace, now)
        rate = admitted(rate, pace, now)
    assert now == pytest.approx(forecast)


# Pauses.


def test_a_pause_lasts_for_its_time_plus_up_to_a_tenth() -> None:
    for jitter in (0.0, 0.5, 1.0):
        rate = paused(Rate(), 20.0, 100.0, jitter)
        assert wait_of(rate, UNLIMITED, 100.0) == 20 + 2 * jitter


def test_a_long_pause_is_extended_by_at_most_5_s() -> None:
    server = paused(Rate(), 1000.0, jitter=1.0).server
    assert server is not None
    assert server.whole.pause == 1005


def test_of_two_pauses_the_longer_one_counts() -> None:
    rate = paused(Rate(), 20.0)
    assert wait_of(paused(rate, 5.0, jitter=1.0), UNLIMITED, 0.0) == 20
    assert wait_of(paused(rate, 30.0), UNLIMITED, 0.0) == 30


def test_many_refusals_at_once_have_one_jitter() -> None:
    """The largest of many jitters would be nearly the same for all clients."""
    rate = paused(Rate(), 20.0, jitter=0.3)
    for _ in range(20):
        rate = paused(rate, 20.0, now=0.1, jitter=1.0)
    assert wait_of(rate, UNLIMITED, 0.0) == 20.6


def test_after_a_pause_the_first_requests_go_one_by_one_and_the_others_ever_faster() -> (
    None
):
    rate, now, times = paused(Rate(), 20.0), 0.0, list[float]()
    for _ in range(1000):
        now += wait_of(rate, UNLIMITED, now)
        rate = admitted(rate, UNLIMITED, now)
        times.append(now)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] == 20
    assert times[1] == 20.25
    assert times[-1] == pytest.approx(22)
    assert all(second <= first for first, second in pairwise(gaps))


def test_no_state_remains_of_a_pause_that_is_over() -> None:
    rate = paused(Rate(), 20.0)
    assert admitted(admitted(rate, UNLIMITED, 20.0), UNLIMITED, 22.0).server is None


def test_the_own_limit_applies_during_a_pause() -> None:
    rate = paused(Rate(), 0.1)
    assert wait_of(admitted(rate, EVEN, 0.1), EVEN, 0.1) == 1


# Quotas.


def test_the_remaining_requests_are_admitted_at_once() -> None:
    rate = reported(Rate(), 3)
    for _ in range(3):
        rate = admitted(rate)
    assert wait_of(rate, UNLIMITED, 0.0) == 10


def test_a_request_beyond_the_quota_waits_for_the_next_window() -> None:
    rate = reported(Rate(), 0, 20.0, now=5.0, jitter=1.0)
    assert wait_of(rate, UNLIMITED, 6.0) == 21


def test_requests_that_waited_for_the_next_window_are_spread() -> None:
    rate = admitted(reported(Rate(), 0), UNLIMITED, 10.0)
    assert wait_of(rate, UNLIMITED, 10.0) == 1 / 8


def test_requests_are_not_spread_after_a_window_with_requests_left() -> None:
    rate = admitted(reported(Rate(), 1), UNLIMITED, 10.0)
    assert wait_of(rate, UNLIMITED, 10.0) == 0


def test_requests_in_flight_are_subtracted_from_the_quota() -> None:
    rate = reported(Rate(), 9)
    for _ in range(5):
        rate = admitted(rate)
    assert left(rate) == 4
    assert left(reported(rate, 8, by=2)) == 4
    assert left(reported(rate, 4, by=2)) == 0


def test_at_best_the_server_has_counted_the_requests_in_flight() -> None:
    rate = admitted(reported(Rate(), 1))
    assert wait_of(rate, UNLIMITED, 0.0) == 10
    assert wait_of(assume_counted(rate), UNLIMITED, 0.0) == 0


def test_an_overtaken_answer_is_ignored() -> None:
    rate = reported(Rate(), 9)
    for _ in range(3):
        rate = admitted(rate)
    rate = reported(rate, 6, by=3)
    assert left(rate) == 4
    rate = reported(reported(rate, 8, by=1), 7, by=2)
    assert left(rate) == 6


def test_a_higher_quota_counts_one_round_after_its_report() -> None:
    """A token bucket refills all the time."""
    rate = reported(Rate(), 2)
    rate = reported(admitted(rate), 6, by=1)
    assert left(rate) == 2
    rate = reported(admitted(rate), 5, by=2)
    assert left(rate) == 5


def test_a_request_whose_answer_reports_no_quota_is_not_counted() -> None:
    """Otherwise a hundred pictures would use up the quota of a hundred searches."""
    rate = reported(Rate(), 1)
    rate = ended(admitted(rate), 1)
    assert left(rate) == 1


def test_a_report_of_the_next_window_replaces_the_quota() -> None:
    rate = admitted(admitted(reported(Rate(), 9)))
    rate = reported(rate, 0, now=1.0, seconds=9.0, by=2)
    rate = reported(rate, 99, now=9.0, seconds=10.0, by=1)
    assert left(rate) == 99


def test_a_report_of_a_slow_answer_does_not_begin_the_next_window() -> None:
    rate = admitted(admitted(reported(Rate(), 9)))
    rate = reported(rate, 0, now=1.0, seconds=9.0, by=2)
    rate = reported(rate, 8, now=9.0, seconds=10.0, by=1, took=9.0)
    assert left(rate) == 0
    assert wait_of(rate, UNLIMITED, 9.0) == 10  # never too early


def test_a_report_of_an_earlier_window_is_ignored() -> None:
    rate = admitted(admitted(reported(Rate(), 9, 10.0)))
    rate = reported(rate, 99, 60.0, by=2, now=11.0)
    rate = reported(rate, 0, 1.0, by=1, now=11.0)
    assert left(rate) == 99


def test_a_newer_report_may_bring_the_end_of_the_window_forward() -> None:
    rate = reported(Rate(), 0, 60.0)
    rate = reported(admitted(rate, UNLIMITED, 60.0), 0, 60.0, by=1, now=60.0)
    rate = rate._replace(counted=2)
    assert wait_of(reported(rate, 0, 5.0, by=2, now=60.0), UNLIMITED, 60.0) == 5


def test_of_rounded_ends_of_a_window_the_latest_counts() -> None:
    rate = reported(reported(Rate(), 0, 10.0, jitter=0.5), 0, 10.0, now=0.9, jitter=1.0)
    rate = reported(rate, 0, 9.0, now=1.0)
    assert wait_of(rate, UNLIMITED, 0.0) == 10.9 + 0.5


def test_a_request_from_before_an_eviction_does_not_count() -> None:
    rate = reported(Rate(), 3, by=5000)
    assert left(rate) == 3
    assert left(ended(rate, 1)) == 3
    assert wait_of(rate, UNLIMITED, 0.0, ahead=2) == 0
    assert wait_of(rate, UNLIMITED, 0.0, ahead=3) == 10


def test_a_second_end_of_a_request_is_ignored() -> None:
    rate = admitted(reported(Rate(), 3))
    assert left(ended(ended(rate, 1), 1)) == 3


def test_a_pause_replaces_the_quota() -> None:
    rate = paused(reported(Rate(), 0, seconds=100), 1.0)
    assert wait_of(rate, UNLIMITED, 0.0) == 1


def test_a_quota_does_not_end_a_pause() -> None:
    rate = reported(paused(Rate(), 20.0), 5)
    assert wait_of(rate, UNLIMITED, 0.0) == 20


@given(st.integers(1, 8), st.integers(0, 6), st.integers())
@settings(max_examples=200)
def test_a_quota_is_used_up_without_a_refusal(
    workers: int, more: int, seed: int
) -> None:
    """Requests and answers overtake each other. There is no other client."""
    chance, quota = random.Random(seed), workers + more
    counted, now, ends = 0, 0.0, 10.0
    going: list[tuple[int, float]] = []
    coming: list[tuple[int, float, int, float]] = []
    rate = reported(Rate(), quota, 10.0)
    while now < 50:
        wait = wait_of(rate, UNLIMITED, now)
        passes = wait <= 0 and len(going) + len(coming) < workers
        act = chance.choice(
            "g" * bool(going) + "c" * bool(coming) + "p" * passes or "w"
        )
        if act == "p":
            rate, number = take(rate, UNLIMITED, now)
            assert number
            going.append((number, now))
        elif act == "g":
            number, sent = going.pop(chance.randrange(len(going)))
            if now >= ends:
                assert counted == quota, "the quota was not used up"
                counted, ends = 0, now + 10
            if chance.random() < 0.05:  # a picture, which does not count
                rate = ended(rate, number)
            else:
                counted += 1
                assert counted <= quota
                coming.append((number, sent, quota - counted, ends))
        elif act == "c":
            number, sent, said, until = coming.pop(chance.randrange(len(coming)))
            if until > now:
                said_for, took = until - now, now - sent
                rate = reported(rate, said, said_for, by=number, now=now, took=took)
            else:
                rate = ended(rate, number)
        else:
            now += wait if wait > 0 else 0.01
        now += chance.choice([0.0, 0.0, 0.001])


def test_no_report_of_the_server_loosens_the_own_limit() -> None:
    rate = admitted(Rate(), EVEN)
    for report in (reported(rate, 1000), reported(rate, 0, 0.1), paused(rate, 0.1)):
        assert wait_of(report, EVEN, 0.5) == 0.5
