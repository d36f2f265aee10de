"""How fast requests may go: the decisions, and the queue of those that wait."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from httpx_resilient._layers.rate_limit.gcra import (
    Pace,
    Rate,
    at_best,
    due,
    end,
    learn,
    left_of,
    pause,
    take,
)
from httpx_resilient._layers.rate_limit.headers import Told
from httpx_resilient._layers.rate_limit.limit import Place, RateLimit

NONE = Pace()
EVEN = Pace(interval=1.0)
ALMOST = 1e-6
KEY = ("https", b"example.org", None)

gaps = st.lists(st.floats(0, 3), min_size=1, max_size=40)


def paced(requests: float, per: float, burst: int) -> Pace:
    return Pace(per / requests, (burst - 1) * per / requests)


def passed(rate: Rate, pace: Pace = NONE, now: float = 0.0) -> Rate:
    rate, number = take(rate, pace, now)
    assert number is not None
    return rate


def paused(rate: Rate, seconds: float, now: float = 0.0, dice: float = 0.0) -> Rate:
    return pause(rate, now, 0, seconds, dice)[0]


def told(
    rate: Rate,
    left: int,
    seconds: float = 10.0,
    *,
    by: int = 0,
    now: float = 0.0,
    took: float = 0.0,
    dice: float = 0.0,
) -> Rate:
    """What the answer to request number `by` has told."""
    return learn(rate, now, by, left, seconds, took, dice)[0]


def left(rate: Rate) -> int:
    assert rate.word is not None
    assert rate.word.quota is not None
    return left_of(rate.word.quota, rate)


# An own limit.


def test_without_a_limit_nobody_waits() -> None:
    rate = Rate()
    for _ in range(100):
        rate = passed(rate)


def test_requests_are_spaced_evenly() -> None:
    rate = passed(Rate(), EVEN, 5.0)
    assert take(rate, EVEN, 5.4) == (rate, None)
    assert due(rate, EVEN, 5.4) == pytest.approx(0.6)
    assert due(passed(rate, EVEN, 6.0), EVEN, 6.0) == 1


def test_a_burst_may_go_at_once_after_a_while() -> None:
    pace, rate = paced(1, 1, burst=3), Rate()
    for _ in range(3):
        rate = passed(rate, pace, 5.0)
    assert due(rate, pace, 5.0) == 1
    rate = passed(rate, pace, 6.0)
    assert due(rate, pace, 6.0) == 1


def test_what_was_not_used_is_not_saved_beyond_the_burst() -> None:
    pace = paced(1, 1, burst=2)
    rate = passed(passed(Rate(), pace, 0.0), pace, 1000.0)
    assert due(passed(rate, pace, 1000.0), pace, 1000.0) == 1


def test_those_behind_others_wait_longer() -> None:
    pace = paced(1, 1, burst=2)
    assert [due(Rate(), pace, 5.0, ahead) for ahead in range(5)] == [0, 0, 1, 2, 3]


@given(
    gaps,
    st.floats(0.1, 20),
    st.floats(0.5, 5),
    st.integers(1, 5),
)
def test_it_is_the_leaky_bucket_of_the_same_standard(
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
def test_no_time_sees_more_requests_than_the_limit_is(
    gaps: list[float], requests: int, per: float
) -> None:
    pace, rate, now = paced(requests, per, burst=1), Rate(), 0.0
    times: list[float] = []
    for gap in gaps:
        now += gap
        now += due(rate, pace, now)
        rate = passed(rate, pace, now)
        times.append(now)
    for first, last in zip(times, times[requests:], strict=False):
        assert last - first > per - ALMOST


@given(gaps, st.integers(0, 10))
def test_nobody_waits_for_less_than_was_foretold(gaps: list[float], n: int) -> None:
    pace, rate, now = paced(2, 1, burst=3), Rate(), 0.0
    for gap in gaps:
        now += gap
        rate = take(rate, pace, now)[0]
    foretold = now + due(rate, pace, now, ahead=n)
    for _ in range(n + 1):
        now += due(rate, pace, now)
        rate = passed(rate, pace, now)
    assert now == pytest.approx(foretold)


# A pause.


def test_a_pause_is_for_all_and_never_shorter_than_the_server_said() -> None:
    for dice in (0.0, 0.5, 1.0):
        rate = paused(Rate(), 20.0, 100.0, dice)
        assert due(rate, NONE, 100.0) == 20 + 2 * dice


def test_a_long_pause_is_prolonged_by_5_s_at_most() -> None:
    assert due(paused(Rate(), 1000.0, dice=1.0), NONE, 0.0) == 1005


def test_the_longer_of_two_pauses_counts() -> None:
    rate = paused(Rate(), 20.0)
    assert due(paused(rate, 5.0, dice=1.0), NONE, 0.0) == 20
    assert due(paused(rate, 30.0), NONE, 0.0) == 30


def test_many_refusals_at_once_are_one_throw_of_the_dice() -> None:
    """The latest of many throws would be nearly the same for all clients."""
    rate = paused(Rate(), 20.0, dice=0.3)
    for _ in range(20):
        rate = paused(rate, 20.0, now=0.1, dice=1.0)
    assert due(rate, NONE, 0.0) == 20.6


def test_after_it_the_first_go_one_by_one_and_the_others_ever_faster() -> None:
    rate, now, times = paused(Rate(), 20.0), 0.0, list[float]()
    for _ in range(1000):
        now += due(rate, NONE, now)
        rate = passed(rate, NONE, now)
        times.append(now)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] == 20
    assert times[1] == 20.25
    assert times[-1] == pytest.approx(22)
    assert all(second <= first for first, second in pairwise(gaps))


def test_when_all_is_over_nothing_is_left_of_it() -> None:
    rate = paused(Rate(), 20.0)
    assert passed(passed(rate, NONE, 20.0), NONE, 22.0).word is None


def test_an_own_limit_goes_on_counting() -> None:
    rate = paused(Rate(), 0.1)
    assert due(passed(rate, EVEN, 0.1), EVEN, 0.1) == 1


# A quota.


def test_what_the_server_allows_may_go_at_once() -> None:
    rate = told(Rate(), 3)
    for _ in range(3):
        rate = passed(rate)
    assert due(rate, NONE, 0.0) == 10


def test_when_nothing_is_left_the_window_is_waited_for() -> None:
    rate = told(Rate(), 0, 20.0, now=5.0, dice=1.0)
    assert due(rate, NONE, 6.0) == 21


def test_and_those_that_waited_are_spread() -> None:
    rate = passed(told(Rate(), 0), NONE, 10.0)
    assert due(rate, NONE, 10.0) == 1 / 8


def test_a_window_that_ends_with_something_left_spreads_nobody() -> None:
    rate = passed(told(Rate(), 1), NONE, 10.0)
    assert due(rate, NONE, 10.0) == 0


def test_requests_on_their_way_may_not_be_counted_by_the_server_yet() -> None:
    rate = told(Rate(), 9)
    for _ in range(5):
        rate = passed(rate)
    assert left(rate) == 4
    assert left(told(rate, 8, by=2)) == 4
    assert left(told(rate, 4, by=2)) == 0


def test_but_at_best_they_are() -> None:
    rate = passed(told(Rate(), 1))
    assert due(rate, NONE, 0.0) == 10
    assert due(at_best(rate), NONE, 0.0) == 0


def test_an_answer_that_was_overtaken_changes_nothing() -> None:
    rate = told(Rate(), 9)
    for _ in range(3):
        rate = passed(rate)
    rate = told(rate, 6, by=3)
    assert left(rate) == 4
    rate = told(told(rate, 8, by=1), 7, by=2)
    assert left(rate) == 6


def test_one_that_is_newer_may_tell_of_more() -> None:
    """A bucket that fills up again all the time. It is believed a round later."""
    rate = told(Rate(), 2)
    rate = told(passed(rate), 6, by=1)
    assert left(rate) == 2
    rate = told(passed(rate), 5, by=2)
    assert left(rate) == 5


def test_one_that_tells_of_nothing_was_not_counted() -> None:
    """Else a hundred pictures would use up what is for a hundred searches."""
    rate = told(Rate(), 1)
    rate = end(passed(rate), 1)[0]
    assert left(rate) == 1


def test_the_next_window_begins_anew() -> None:
    rate = passed(passed(told(Rate(), 9)))
    rate = told(rate, 0, now=1.0, seconds=9.0, by=2)
    rate = told(rate, 99, now=9.0, seconds=10.0, by=1)
    assert left(rate) == 99


def test_an_answer_that_took_long_is_not_taken_for_it() -> None:
    rate = passed(passed(told(Rate(), 9)))
    rate = told(rate, 0, now=1.0, seconds=9.0, by=2)
    rate = told(rate, 8, now=9.0, seconds=10.0, by=1, took=9.0)
    assert left(rate) == 0
    assert due(rate, NONE, 9.0) == 10  # which is never too early


def test_an_answer_out_of_the_last_window_is_old() -> None:
    rate = passed(passed(told(Rate(), 9, 10.0)))
    rate = told(rate, 99, 60.0, by=2, now=11.0)
    rate = told(rate, 0, 1.0, by=1, now=11.0)
    assert left(rate) == 99


def test_a_newer_answer_may_tell_of_an_earlier_end() -> None:
    rate = told(Rate(), 0, 60.0)
    rate = told(passed(rate, NONE, 60.0), 0, 60.0, by=1, now=60.0)
    rate = rate._replace(counted=2)
    assert due(told(rate, 0, 5.0, by=2, now=60.0), NONE, 60.0) == 5


def test_servers_round_and_the_window_ends_the_later_the_better() -> None:
    rate = told(told(Rate(), 0, 10.0, dice=0.5), 0, 10.0, now=0.9, dice=1.0)
    rate = told(rate, 0, 9.0, now=1.0)
    assert due(rate, NONE, 0.0) == 10.9 + 0.5


def test_what_was_sent_before_it_was_forgotten_harms_nobody() -> None:
    rate = told(Rate(), 3, by=5000)
    assert left(rate) == 3
    assert left(end(rate, 1)[0]) == 3
    assert due(rate, NONE, 0.0, ahead=2) == 0
    assert due(rate, NONE, 0.0, ahead=3) == 10


def test_what_ends_twice_has_ended() -> None:
    rate = passed(told(Rate(), 3))
    assert left(end(end(rate, 1)[0], 1)[0]) == 3


def test_retry_after_goes_before_what_was_known_of_a_quota() -> None:
    rate = paused(told(Rate(), 0, seconds=100), 1.0)
    assert due(rate, NONE, 0.0) == 1


def test_and_a_quota_does_not_end_a_pause() -> None:
    rate = told(paused(Rate(), 20.0), 5)
    assert due(rate, NONE, 0.0) == 20


@given(st.integers(1, 8), st.integers(0, 6), st.integers())
@settings(max_examples=200)
def test_a_server_that_is_asked_by_us_alone_has_nothing_to_refuse(
    workers: int, more: int, seed: int
) -> None:
    """Though requests and answers overtake each other, and it is used up."""
    dice, quota = random.Random(seed), workers + more
    counted, now, ends = 0, 0.0, 10.0
    going: list[tuple[int, float]] = []
    coming: list[tuple[int, float, int, float]] = []
    rate = told(Rate(), quota, 10.0)
    while now < 50:
        wait = due(rate, NONE, now)
        passes = wait <= 0 and len(going) + len(coming) < workers
        act = dice.choice("g" * bool(going) + "c" * bool(coming) + "p" * passes or "w")
        if act == "p":
            rate, number = take(rate, NONE, now)
            assert number
            going.append((number, now))
        elif act == "g":
            number, sent = going.pop(dice.randrange(len(going)))
            if now >= ends:
                assert counted == quota, "it was asked for all of it"
                counted, ends = 0, now + 10
            if dice.random() < 0.05:  # a picture: it does not count
                rate = end(rate, number)[0]
            else:
                counted += 1
                assert counted <= quota
                coming.append((number, sent, quota - counted, ends))
        elif act == "c":
            number, sent, said, until = coming.pop(dice.randrange(len(coming)))
            if until > now:
                said_for, took = until - now, now - sent
                rate = told(rate, said, said_for, by=number, now=now, took=took)
            else:
                rate = end(rate, number)[0]
        else:
            now += wait if wait > 0 else 0.01
        now += dice.choice([0.0, 0.0, 0.001])


def test_nothing_that_the_server_says_loosens_an_own_limit() -> None:
    rate = passed(Rate(), EVEN)
    for heard in (told(rate, 1000), told(rate, 0, 0.1), paused(rate, 0.1)):
        assert due(heard, EVEN, 0.5) == 0.5


# The queue.


class Waiter:
    def __init__(self) -> None:
        self.woken = False
        self.at = math.inf

    def wake(self) -> None:
        self.woken = True


def queued(limit: RateLimit, size: int = 1) -> list[Waiter]:
    waiters = [Waiter() for _ in range(size)]
    for waiter in waiters:
        place: Any = limit.join(KEY)
        place.waiter = waiter
    return waiters


def test_nobody_overtakes() -> None:
    limit = RateLimit(1)
    limit.take(KEY, 0.0)
    queued(limit)
    assert limit.take(KEY, 5.0) is None


def test_an_answer_that_makes_room_wakes_the_first() -> None:
    limit = RateLimit()
    limit.hear(KEY, 0, Told(None, 1, 100.0), 0.0, 0.0)
    number = limit.take(KEY, 0.0)
    assert number
    assert limit.take(KEY, 0.0) is None
    waiters = queued(limit, 2)
    limit.hear(KEY, number, None, 0.0, 0.0)
    assert [waiter.woken for waiter in waiters] == [True, False]


def test_a_pause_wakes_all_of_them() -> None:
    """Those whose deadline it outlasts need not wait for it."""
    limit = RateLimit()
    waiters = queued(limit, 2)
    limit.hear(KEY, 0, Told(100.0), 0.0, 0.0)
    assert all(waiter.woken for waiter in waiters)


@settings(max_examples=60, stateful_step_count=30, deadline=None)
class Queue(RuleBasedStateMachine):
    """Whatever happens: in order, conforming, and nobody is forgotten."""

    @initialize(
        limit=st.sampled_from([None, 1, 10]),
        burst=st.integers(1, 3),
    )
    def begin(self, limit: float | None, burst: int) -> None:
        self.limit = RateLimit(limit, burst=burst)
        self.pace = self.limit._pace
        self.now = self.opens = self.level = self.seen = 0.0
        self.left: float = math.inf
        self.resets = 0.0
        self.waiting: list[tuple[Place, Waiter]] = []
        self.going: list[int] = []

    def passes(self, number: int) -> None:
        """The model: a leaky bucket, a pause, and a quota."""
        self.level = max(0.0, self.level - (self.now - self.seen))
        self.seen = self.now
        assert self.level <= self.pace.tolerance + ALMOST
        self.level += self.pace.interval
        assert self.now >= self.opens - ALMOST
        if self.now < self.resets - ALMOST:
            assert self.left > len(self.going)
        self.going.append(number)

    @rule()
    def request(self) -> None:
        number = self.limit.take(KEY, self.now)
        if number is not None:
            assert not self.waiting, "it overtakes"
            self.passes(number)
        else:
            self.waiting.append((self.limit.join(KEY), Waiter()))
            self.ask(len(self.waiting) - 1)

    def ask(self, index: int) -> None:
        place, _ = self.waiting[index]
        waiter: Any = Waiter()
        turn = self.limit.turn(KEY, place, waiter, self.now)
        if turn.number is not None:
            assert index == 0, "it overtakes"
            self.passes(turn.number)
            del self.waiting[index]
            self.limit.leave(KEY, place)
            self.run()
        else:
            waiter.at = self.now + turn.timer
            self.waiting[index] = (place, waiter)

    def run(self) -> None:
        """Each that was woken, or whose time has come, asks again."""
        while ready := [
            index
            for index, (_, waiter) in enumerate(self.waiting)
            if waiter.woken or waiter.at <= self.now
        ]:
            self.ask(ready[-1])  # the last first: order is not for them to keep

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 7.0]))
    def time_passes(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := min([w.at for _, w in self.waiting], default=math.inf)) <= end:
            self.now = max(self.now, at)
            self.run()
        self.now = end

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def is_cancelled(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.waiting) - 1))
        place, _ = self.waiting.pop(index)
        self.limit.leave(KEY, place)
        self.run()

    def answers(self, told: Told | None) -> None:
        self.limit.hear(KEY, self.going.pop(), told, self.now, 0.0)

    @precondition(lambda self: self.going)
    @rule()
    def is_answered(self) -> None:
        self.answers(None)
        self.run()

    @precondition(lambda self: self.going)
    @rule(seconds=st.sampled_from([0.5, 3.0]))
    def is_refused(self, seconds: float) -> None:
        self.answers(Told(seconds))
        self.opens = max(self.opens, self.now + seconds)
        self.resets = 0.0
        self.run()

    @precondition(lambda self: self.going)
    @rule(left=st.integers(0, 3), seconds=st.sampled_from([0.5, 3.0]))
    def is_told(self, left: int, seconds: float) -> None:
        self.answers(Told(None, left, seconds))
        while self.going:
            self.answers(None)
        self.left, self.resets = left, self.now + seconds
        self.run()

    @invariant()
    def whoever_is_first_will_ask_again_when_it_is_time(self) -> None:
        if self.waiting:
            rate = self.limit._kept.peek(KEY)
            _, first = self.waiting[0]
            assert first.at <= self.now + due(rate, self.pace, self.now) + ALMOST

    @invariant()
    def those_that_wait_are_counted(self) -> None:
        for state in self.limit.states().values():
            assert state.waiting == len(self.waiting)


TestQueue = Queue.TestCase
