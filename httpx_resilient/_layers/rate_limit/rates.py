"""The states of all keys of a rate limit, and the queues of their requests."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from random import random
from typing import Any, NamedTuple

from httpx_resilient._core.public import Uncopyable
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._layers.rate_limit.answer import Answer
from httpx_resilient._layers.rate_limit.lanes import queue_of
from httpx_resilient._layers.rate_limit.queue import (
    NO_LANES,
    PATIENCE,
    RatePlace,
    RateQueues,
)
from httpx_resilient._layers.rate_limit.state import ANYBODY, Asker, Lane
from httpx_resilient._layers.rate_limit.turn import CountedTurn, Turn, Visit


class Rules(NamedTuple):
    """
    What a rate limit counts by: pure functions.

    Args:
        initial: The state of a new key.
        pace: The own limit.
        take: As `gcra.take`.
        wait_of: As `gcra.wait_of`.
        record: As `answers.record`.
        assume_counted: As `gcra.assume_counted`.
        shown: As `shown.shown`.
        has_costs: Whether requests have costs.
    """

    initial: Any
    pace: Any
    take: Callable[..., tuple[Any, Any]]
    wait_of: Callable[..., float]
    record: Callable[..., tuple[Any, None]]
    assume_counted: Callable[[Any], Any]
    shown: Callable[..., Any]
    has_costs: bool


class Rates(Uncopyable):
    """
    The states by key, and the queues.

    Args:
        rules: What is counted by.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._pace = rules.pace
        self._rates: StateStore[Any] = StateStore(rules.initial)
        self._queues = RateQueues()
        self._counts = False
        """Whether a server has reported a limit, so that requests may be counted."""

    def _is_behind(self, key: Hashable, asker: Asker, now: float) -> bool:
        """Whether others wait already for what this request has to wait for."""
        lane = self.lane(key, asker, now)
        queue = self._queues.get(key, NO_LANES).get(lane)
        return queue is not None and queue.wait_for()

    def _admit(
        self, key: Hashable, now: float, asker: Asker = ANYBODY
    ) -> CountedTurn | None:
        visit, take = CountedTurn(self, key, now), self._rules.take
        ticket = self._rates.apply_for(visit, key, take, self._pace, now, asker)
        return None if ticket is None else visit

    def lane(self, key: Hashable, asker: Asker, now: float) -> Lane | None:
        """Return the queue of a request: that of a quota, or `None` for the common."""
        return queue_of(self._rates.peek(key).server, asker, now)

    def forecast(
        self, key: Hashable, lane: Lane | None, asker: Asker, now: float
    ) -> Turn:
        """Return the expected turn of a request that would join a queue now."""
        queue = self._queues.get(key, NO_LANES).get(lane)
        if queue is None:
            return self._expected(key, asker, now, 0)
        queue.drop_dead(now)
        if self._rules.has_costs:
            asker = asker._replace(ahead=queue.cost())
        return self._expected(key, asker, now, len(queue))

    def join(self, key: Hashable, place: RatePlace) -> None:
        """Join the queue."""
        self._queues.join(key, place)

    def turn(
        self, key: Hashable, place: RatePlace, asker: Asker, waiter: Waiter, now: float
    ) -> Turn:
        """
        Admit the first request of a queue if its time has come.

        A request that has to wait is woken when its turn may have changed.
        """
        place.waiter = waiter  # before a look: whoever changes the turn wakes it then
        # No request is refused because others wait for the same quota.
        is_forced = place.lane is not None and now >= asker.forced
        if place.may_go(now) or is_forced:
            visit = self._admit(key, now, asker)
            if visit is not None:
                return Turn(visit)
        if place.is_first:
            turn = self._expected(key, asker, now, 0)
            place.due = now + turn.wait
            return turn._replace(timer=turn.wait)
        turn = self._expected(key, asker, now, 1)
        recheck = max(place.due - now, turn.wait) + PATIENCE
        if place.lane is not None and now < asker.forced:
            recheck = min(recheck, asker.forced - now)
        return turn._replace(recheck=recheck)

    def leave(self, key: Hashable, place: RatePlace) -> None:
        """Leave the queue, and wake the request that becomes the first."""
        self._queues.leave(key, place)

    def record(self, visit: Visit, answer: Answer, now: float) -> None:
        """Record the end of a request, and what its answer says about quotas."""
        key, ticket, sent = visit
        quota, elapsed, jitter = answer.quota, now - sent, 0.0
        if quota is not None:
            self._counts = True
        if quota is not None or answer.costs is not None:
            jitter = random()  # noqa: S311 - jitter needs no secure randomness
        about, record = (now, ticket, answer, elapsed, jitter), self._rules.record
        if isinstance(visit, CountedTurn):
            self._rates.apply_for(visit, key, record, *about)
            visit.ended()
        else:
            self._rates.apply(key, record, *about)
        lanes = self._queues.get(key)
        if lanes is not None:
            is_pause = quota is not None and quota.pause is not None
            lanes.wake(answer.asker.path, is_all=is_pause)

    def forked(self) -> None:
        """Forget the requests of the parent process. What servers said still holds."""
        self._queues, assume_counted = RateQueues(), self._rules.assume_counted
        for key in self._rates.states():
            self._rates.apply(key, lambda rate: (assume_counted(rate), None))

    def _expected(self, key: Hashable, asker: Asker, now: float, ahead: int) -> Turn:
        rules, pace, rate = self._rules, self._pace, self._rates.peek(key)
        wait_of, best = rules.wait_of, rules.assume_counted(rate)
        wait = wait_of(rate, pace, now, ahead, asker)
        return Turn(None, wait, wait_of(best, pace, now, ahead, asker))
