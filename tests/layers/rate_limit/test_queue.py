"""The queue of a rate limit: its order, and the requests that it wakes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from support.rates import asking, told

from httpx_resilient._core.state.fair_queue import SCAN_PAUSE
from httpx_resilient._layers.rate_limit.gcra import wait_of
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.rate_limit.queue import PATIENCE, RatePlace, RateQueue
from httpx_resilient._layers.rate_limit.state import Asker, Pace
from httpx_resilient._layers.rate_limit.turn import Turn, Visit

ALMOST = 1e-6
KEY = ("https", "example.org", None)


def pace_of(limit: RateLimit) -> Pace:
    return limit._pace


def wait_in(limit: RateLimit, now: float, ahead: int = 0) -> float:
    """Return the seconds that a request in the queue has to wait."""
    return wait_of(limit._rates.peek(KEY), pace_of(limit), now, ahead, ASKER)


def queues_of(limit: RateLimit) -> Any:
    return limit._queues


def joined(limit: RateLimit, waiter: Any = None) -> RatePlace:
    """Queue a request, and return its place."""
    place = RatePlace()
    place.waiter = waiter
    limit.join(KEY, place)
    return place


ASKER = Asker("/")


def took(limit: RateLimit, now: float, path: str = "/") -> Any:
    return limit.take(KEY, asking(now, path))


def asked(limit: RateLimit, place: RatePlace, waiter: Any, now: float) -> Turn:
    return limit.turn(KEY, place, ASKER, waiter, now)


VISIT: Visit = KEY, 0, -1.0
"""A request that was not counted."""


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
        joined(limit, waiter)
        waiter.woken = False  # the first one is told that it is the first
    return waiters


def test_an_empty_queue_has_nobody_to_wake() -> None:
    queue = RateQueue()
    queue.wake_first()
    assert not queue.wait_for()


def test_a_new_request_does_not_overtake_the_queue() -> None:
    limit = RateLimit(1)
    took(limit, 0.0)
    queued(limit)
    assert took(limit, 5.0) is None


def test_the_end_of_a_request_wakes_the_first_in_the_queue() -> None:
    limit = RateLimit()
    told(limit, VISIT, ServerQuota(None, 1, 100.0), 0.0)
    visit = took(limit, 0.0)
    assert visit is not None
    assert took(limit, 0.0) is None
    waiters = queued(limit, 2)
    told(limit, visit, None, 0.0)
    assert [waiter.woken for waiter in waiters] == [True, False]


def test_a_pause_wakes_all_waiting_requests() -> None:
    """A request whose deadline is earlier than the end of the pause gives up."""
    limit = RateLimit()
    waiters = queued(limit, 2)
    told(limit, VISIT, ServerQuota(100.0), 0.0)
    assert all(waiter.woken for waiter in waiters)


def test_a_request_that_does_not_wait_yet_needs_no_waking() -> None:
    limit = RateLimit(1)
    first, second = joined(limit), joined(limit)
    limit.leave(KEY, first)
    assert second.waiter is None
    assert second.is_first


def test_a_request_that_has_not_joined_may_leave() -> None:
    RateLimit(1).leave(KEY, RatePlace())


def test_a_queue_is_dropped_when_its_last_request_leaves() -> None:
    limit = RateLimit(1)
    first, second = joined(limit), joined(limit)
    limit.leave(KEY, first)
    assert queues_of(limit)
    limit.leave(KEY, second)
    assert not queues_of(limit)


class TestARequestWhoseEventLoopHasEnded:
    def test_is_passed_over_when_it_becomes_the_first(self) -> None:
        limit, dead = RateLimit(1), Waiter()
        first, _, third = joined(limit, Waiter()), joined(limit, dead), joined(limit)
        dead.is_dead = True
        limit.leave(KEY, first)
        assert third.is_first

    def test_is_passed_over_by_the_next_that_looks_who_is_ahead(self) -> None:
        limit, dead = RateLimit(1), Waiter()
        visit = took(limit, 0.0)
        assert visit is not None
        joined(limit, dead)
        second = joined(limit)
        waiter: Any = Waiter()
        turn = asked(limit, second, waiter, 0.5)
        assert turn.timer == math.inf
        assert turn.wait == 1.5
        assert turn.recheck == 1.5 + PATIENCE
        dead.is_dead = True
        at = 0.5 + turn.recheck
        visit = asked(limit, second, waiter, at).visit
        assert visit is not None
        assert tuple(visit) == (KEY, 0, at)

    def test_is_passed_over_by_a_request_that_need_not_wait(self) -> None:
        limit, dead = RateLimit(1), Waiter()
        gone = joined(limit, dead)
        dead.is_dead = True
        assert took(limit, 5.0) == (KEY, 0, 5.0)
        limit.leave(KEY, gone)
        assert not queues_of(limit)

    def test_is_passed_over_when_another_request_ends(self) -> None:
        limit, dead = RateLimit(1), Waiter()
        joined(limit, dead)
        waiter: Any = Waiter()
        second = joined(limit, waiter)
        dead.is_dead = True
        told(limit, VISIT, ServerQuota(None, 1, 100.0), 0.0)
        assert second.is_first
        assert waiter.woken

    def test_need_not_be_known_to_have_ended(self) -> None:
        """A loop that is only stopped, as that of a notebook, may go on."""
        limit, waiter = RateLimit(1), Waiter()
        took(limit, 0.0)
        first, second = joined(limit, waiter), joined(limit)
        mine: Any = Waiter()
        assert asked(limit, first, mine, 0.5).timer == 0.5
        on_time = 1.0 + PATIENCE
        assert asked(limit, second, mine, on_time).visit is None
        visit = asked(limit, second, mine, on_time + ALMOST).visit
        assert visit is not None
        limit.leave(KEY, second)
        assert asked(limit, first, mine, on_time + ALMOST).visit is None
        assert asked(limit, first, mine, on_time + 2).visit is not None

    def test_does_not_count_as_waiting(self) -> None:
        limit, waiters = RateLimit(1), [Waiter() for _ in range(3)]
        took(limit, 0.0)
        for waiter in waiters:
            joined(limit, waiter)
        waiters[1].is_dead = True
        (state,) = limit.states().values()
        assert state.waiting == 2
        waiters[0].is_dead = True
        assert limit.forecast(KEY, None, ASKER, 100.0).wait == 1.0

    def test_is_searched_for_by_requests_that_join_now_and_then(self) -> None:
        limit, waiters = RateLimit(1), [Waiter() for _ in range(3)]
        took(limit, 100.0)
        for waiter in waiters:
            joined(limit, waiter)
        assert limit.forecast(KEY, None, ASKER, 100.0).wait == 4.0
        waiters[1].is_dead = True
        assert limit.forecast(KEY, None, ASKER, 100.0).wait == 4.0
        later = 100.0 + 3 * SCAN_PAUSE
        assert limit.forecast(KEY, None, ASKER, later).wait == pytest.approx(
            3.0, abs=0.01
        )


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
        self.waiting: list[tuple[RatePlace, Waiter]] = []
        self.dead_until = -math.inf
        self.going: list[Any] = []

    def is_admitted(self, visit: Any) -> None:
        """The model: a leaky bucket, a pause, and a quota."""
        self.level = max(0.0, self.level - (self.now - self.seen))
        self.seen = self.now
        assert self.level <= self.pace.tolerance + ALMOST
        self.level += self.pace.interval
        assert self.now >= self.opens - ALMOST
        if self.now < self.resets - ALMOST:
            assert self.left > len(self.going)
        self.going.append(visit)

    @rule()
    def request(self) -> None:
        visit = took(self.limit, self.now)
        if visit is not None:
            assert not self.waiting, "the request overtakes the queue"
            self.is_admitted(visit)
        else:
            place = RatePlace()
            place.due = self.now + self.limit.forecast(KEY, None, ASKER, self.now).wait
            self.limit.join(KEY, place)
            self.waiting.append((place, Waiter()))
            self.ask(len(self.waiting) - 1)
            self.run()

    def ask(self, index: int) -> None:
        place, _ = self.waiting[index]
        waiter: Any = Waiter()
        turn = asked(self.limit, place, waiter, self.now)
        if turn.visit is not None:
            assert index == 0, "the request overtakes another"
            self.is_admitted(turn.visit)
            del self.waiting[index]
            self.limit.leave(KEY, place)
            self.run()
        else:
            waiter.at = self.now + min(turn.timer, turn.recheck)
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

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def its_event_loop_ends(self, data: st.DataObject) -> None:
        """Nobody is told. The request will neither ask nor leave."""
        index = data.draw(st.integers(0, len(self.waiting) - 1))
        _, waiter = self.waiting.pop(index)
        waiter.is_dead = True
        # Whoever is next asks when its own turn was expected, or that of the second.
        due = max([place.due for place, _ in self.waiting], default=self.now)
        second = self.now + wait_in(self.limit, self.now, 1)
        self.dead_until = max(self.dead_until, due, second) + PATIENCE

    def ends(self, quota: ServerQuota | None) -> None:
        told(self.limit, self.going.pop(), quota, self.now)

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
            due = self.now + wait_in(self.limit, self.now)
            assert first.at <= max(due, self.dead_until) + ALMOST

    @invariant()
    def the_state_counts_the_waiting_requests(self) -> None:
        for state in self.limit.states().values():
            assert state.waiting == len(self.waiting)


TestQueue = Queue.TestCase


def test_the_requests_of_one_path_can_be_woken_alone() -> None:
    woken: list[str] = []

    class Waiter:
        is_dead = False

        def __init__(self, path: str) -> None:
            self.path = path

        def wake(self) -> bool:
            woken.append(self.path)
            return True

    queue = RateQueue()
    for path in "abc":
        place = RatePlace(path=path)
        queue.join(place)
        waiter: Any = Waiter(path)
        place.waiter = waiter
    woken.clear()
    queue.wake_all("b")
    assert woken == ["b"]
    queue.wake_all()
    assert sorted(woken) == ["a", "b", "b", "c"]
