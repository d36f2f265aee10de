"""The rate limit: the states of all keys, and the queues of their requests."""

from __future__ import annotations

from collections.abc import Hashable
from random import random

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.keys import KeyFunction, check_key, key_shown
from httpx_resilient._core.lock import tell_when_forked
from httpx_resilient._core.public import Uncopyable, public
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._layers.rate_limit.answers import Answer, record
from httpx_resilient._layers.rate_limit.asking import asker_of
from httpx_resilient._layers.rate_limit.gcra import assume_counted, take, wait_of
from httpx_resilient._layers.rate_limit.lanes import queue_of
from httpx_resilient._layers.rate_limit.limit_state import RateLimitState
from httpx_resilient._layers.rate_limit.queue import (
    NO_LANES,
    PATIENCE,
    RatePlace,
    RateQueues,
)
from httpx_resilient._layers.rate_limit.shown import shown
from httpx_resilient._layers.rate_limit.state import ANYBODY, Asker, Lane, Pace, Rate
from httpx_resilient._layers.rate_limit.turn import CountedTurn, Turn, Visit


@public()
class RateLimit(Uncopyable):
    """
    A limit on the requests in a period of time, for each origin or other key.

    It is the state of a `RateLimitingTransport`. Clients of both libraries can share it
    across threads, and across tasks of asyncio and trio. In a forked child, no request
    waits or is in flight, and what the server has said still holds.

    Args:
        requests: The number of requests in `per` seconds. Without a number, only the
            limits of the server apply.
        per: Seconds.
        burst: Requests that may be sent at once after a pause without requests. With 1,
            requests are spaced evenly, and every period of `per` seconds has at most
            `requests`. With more, a period can have that number more.
        key: A function of the request that returns the key of its limit, if that is not
            the origin, such as `key_by_path()`. The limits of the server then apply to
            the same key. At most 1000 keys are stored.
        max_wait: The longest wait of a request in seconds. A request that would wait
            longer is refused, or sent if only a success has told of the limit.
        learn: Whether to respect the limits of the server too.

    Raises:
        TypeError: An argument is not a number, or `key` is not a plain function.
        ValueError: A number is out of range, or the arguments set no limit at all.

    Example:
        >>> limit = RateLimit(5, per=1, burst=2)
        >>> transport = RateLimitingTransport(limit=limit)
        >>> limit.states()
        {}
    """

    def __init__(
        self,
        requests: float | None = None,
        per: float = 1.0,
        *,
        burst: int = 1,
        key: KeyFunction | None = None,
        max_wait: float = 60.0,
        learn: bool = True,
    ) -> None:
        if requests is not None:
            number("requests", requests, above=0)
        number("per", per, above=0, unit="seconds")
        number("burst", burst, least=1, whole=True, unit="requests")
        number("max_wait", max_wait, least=0, unit="seconds")
        check_key(key)
        if requests is None and not learn:
            msg = (
                "a RateLimit without requests= and with learn=False limits nothing: "
                "set requests=, or learn=True"
            )
            raise ValueError(msg)
        self.max_wait = max_wait
        self.learns = learn
        interval = 0.0 if requests is None else per / requests
        self._pace = Pace(interval, (burst - 1) * interval)
        self._only_learns = requests is None
        self.key = key
        self._rates = StateStore(Rate())
        self._queues = RateQueues()
        self._counts = False
        """Whether a server has reported a limit, so that requests may be counted."""
        tell_when_forked(self)

    def states(self) -> dict[Hashable, RateLimitState]:
        """
        Return the state of each key, least recently used first.

        The default keys are origins such as `https://example.org`.
        """
        now, states = Clock.now(), dict[Hashable, RateLimitState]()
        for key, rate in self._rates.states().items():
            lanes = self._queues.get(key, NO_LANES)
            lanes.drop_dead()
            state = shown(rate, self._pace, now, lanes, now + self.max_wait)
            states[key_shown(self.key, key)] = state
        return states

    def take(self, key: Hashable, context: RequestContext) -> Visit | None:
        """Admit a request that need not wait, and return its visit, else `None`."""
        now = context.now
        if self._queues and key in self._queues and self._is_behind(key, context):
            return None
        if self._counts:
            slot = self._rates.known(key)
            if slot is not None and slot.state.server is not None:
                return self._admit(key, now, asker_of(context.request))
            return (key, 0, now) if self._only_learns else self._admit(key, now)
        if self._only_learns:
            return key, 0, now
        # Written out from `_admit`, as a call would cost another 300 instructions.
        ticket = self._rates.apply(key, take, self._pace, now)
        return None if ticket is None else (key, ticket, now)

    def _is_behind(self, key: Hashable, context: RequestContext) -> bool:
        """Whether others wait already for what this request has to wait for."""
        lane = self.lane(key, asker_of(context.request), context.now)
        queue = self._queues.get(key, NO_LANES).get(lane)
        return queue is not None and queue.wait_for()

    def _admit(
        self, key: Hashable, now: float, asker: Asker = ANYBODY
    ) -> CountedTurn | None:
        visit = CountedTurn(self, key, now)
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
        if queue is not None:
            queue.drop_dead(now)
        return self._expected(key, asker, now, 0 if queue is None else len(queue))

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
            jitter = random()  # noqa: S311 - jitter needs no secure randomness
        if isinstance(visit, CountedTurn):
            about = now, ticket, answer, elapsed, jitter
            self._rates.apply_for(visit, key, record, *about)
            visit.ended()
        else:
            self._rates.apply(key, record, now, ticket, answer, elapsed, jitter)
        lanes = self._queues.get(key)
        if lanes is not None:
            is_pause = quota is not None and quota.pause is not None
            lanes.wake(answer.asker.path, is_all=is_pause)

    def forked(self) -> None:
        """Forget the requests of the parent process. What servers said still holds."""
        self._queues = RateQueues()
        for key in self._rates.states():
            self._rates.apply(key, lambda rate: (assume_counted(rate), None))

    def _expected(self, key: Hashable, asker: Asker, now: float, ahead: int) -> Turn:
        rate, pace = self._rates.peek(key), self._pace
        wait = wait_of(rate, pace, now, ahead, asker)
        return Turn(None, wait, wait_of(assume_counted(rate), pace, now, ahead, asker))
