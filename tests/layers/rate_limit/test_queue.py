"""The queue of a rate limit: its order, and the requests that it wakes."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from httpx_resilient._layers.rate_limit.gcra import wait_of
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.rate_limit.state import Pace
from httpx_resilient._layers.rate_limit.turn import Place

ALMOST = 1e-6
KEY = ("https", "example.org", None)


def pace_of(limit: RateLimit) -> Pace:
    return limit._pace


def wait_in(limit: RateLimit, now: float) -> float:
    """Return the seconds that the first request in the queue has to wait."""
    return wait_of(limit._rates.peek(KEY), pace_of(limit), now)


def queue_of(limit: RateLimit, key: str) -> list[Place]:
    return list(limit._queues[key])


class Waiter:
    def __init__(self) -> None:
        self.woken = False
        self.at = math.inf
        self.is_dead = False

    def wake(self) -> bool:
        self.woken = not self.is_dead
        return self.woken


def queued(limit: RateLimit, size: int = 1) -> list[Waiter]:
    """Queue requests, and return their waiters."""
    waiters = [Waiter() for _ in range(size)]
    for waiter in waiters:
        place: Any = limit.join(KEY)
        place.waiter = waiter
    return waiters


def test_a_new_request_does_not_overtake_the_queue() -> None:
    limit = RateLimit(1)
    limit.take(KEY, 0.0)
    queued(limit)
    assert limit.take(KEY, 5.0) is None


def test_the_end_of_a_request_wakes_the_first_in_the_queue() -> None:
    limit = RateLimit()
    limit.record(KEY, 0, ServerQuota(None, 1, 100.0), 0.0, 0.0)
    number = limit.take(KEY, 0.0)
    assert number
    assert limit.take(KEY, 0.0) is None
    waiters = queued(limit, 2)
    limit.record(KEY, number, None, 0.0, 0.0)
    assert [waiter.woken for waiter in waiters] == [True, False]


def test_a_pause_wakes_all_waiting_requests() -> None:
    """A request whose deadline is earlier than the end of the pause gives up."""
    limit = RateLimit()
    waiters = queued(limit, 2)
    limit.record(KEY, 0, ServerQuota(100.0), 0.0, 0.0)
    assert all(waiter.woken for waiter in waiters)


def test_a_waiter_of_a_closed_event_loop_stays_until_its_request_leaves() -> None:
    limit, waiter = RateLimit(1), Waiter()
    waiter.is_dead = True
    first, second = limit.join("key"), limit.join("key")
    second.waiter = waiter  # type: ignore[assignment]  # a fake that is only woken
    limit.leave("key", first)
    assert queue_of(limit, "key") == [second]


def test_a_request_that_does_not_wait_yet_needs_no_waking() -> None:
    limit = RateLimit(1)
    first, second = limit.join("key"), limit.join("key")
    limit.leave("key", first)
    assert second.waiter is None


@settings(max_examples=60, stateful_step_count=30, deadline=None)
class Queue(RuleBasedStateMachine):
    """Any sequence of events: requests go in order, within the limits, and all go."""

    @initialize(
        limit=st.sampled_from([None, 1, 10]),
        burst=st.integers(1, 3),
    )
    def begin(self, limit: float | None, burst: int) -> None:
        self.limit = RateLimit(limit, burst=burst)
        self.pace = pace_of(self.limit)
        self.now = self.opens = self.level = self.seen = 0.0
        self.left: float = math.inf
        self.resets = 0.0
        self.waiting: list[tuple[Place, Waiter]] = []
        self.going: list[int] = []

    def is_admitted(self, number: int) -> None:
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
            assert not self.waiting, "the request overtakes the queue"
            self.is_admitted(number)
        else:
            self.waiting.append((self.limit.join(KEY), Waiter()))
            self.ask(len(self.waiting) - 1)

    def ask(self, index: int) -> None:
        place, _ = self.waiting[index]
        waiter: Any = Waiter()
        turn = self.limit.turn(KEY, place, waiter, self.now)
        if turn.number is not None:
            assert index == 0, "the request overtakes another"
            self.is_admitted(turn.number)
            del self.waiting[index]
            self.limit.leave(KEY, place)
            self.run()
        else:
            waiter.at = self.now + turn.timer
            self.waiting[index] = (place, waiter)

    def run(self) -> None:
        """Let each request that was woken, or whose timer ran out, ask again."""
        while ready := [
            index
            for index, (_, waiter) in enumerate(self.waiting)
            if waiter.woken or waiter.at <= self.now
        ]:
            self.ask(ready[-1])  # the last one first: the limit has to keep the order

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

    def ends(self, quota: ServerQuota | None) -> None:
        self.limit.record(KEY, self.going.pop(), quota, self.now, 0.0)

    @precondition(lambda self: self.going)
    @rule()
    def is_answered(self) -> None:
        self.ends(None)
        self.run()

    @precondition(lambda self: self.going)
    @rule(seconds=st.sampled_from([0.5, 3.0]))
    def is_refused(self, seconds: float) -> None:
        self.ends(ServerQuota(seconds))
        self.opens = max(self.opens, self.now + seconds)
        self.resets = 0.0
        self.run()

    @precondition(lambda self: self.going)
    @rule(left=st.integers(0, 3), seconds=st.sampled_from([0.5, 3.0]))
    def reports_a_quota(self, left: int, seconds: float) -> None:
        self.ends(ServerQuota(None, left, seconds))
        while self.going:
            self.ends(None)
        self.left, self.resets = left, self.now + seconds
        self.run()

    @invariant()
    def the_first_request_asks_again_when_its_time_has_come(self) -> None:
        if self.waiting:
            _, first = self.waiting[0]
            assert first.at <= self.now + wait_in(self.limit, self.now) + ALMOST

    @invariant()
    def the_state_counts_the_waiting_requests(self) -> None:
        for state in self.limit.states().values():
            assert state.waiting == len(self.waiting)


TestQueue = Queue.TestCase
