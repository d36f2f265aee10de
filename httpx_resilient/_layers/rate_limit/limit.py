"""The rate limit: the states of all keys, and the queues of their requests."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from random import random
from typing import Any

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.keys import KeyFunction, check_key, key_shown
from httpx_resilient._core.lock import tell_when_forked
from httpx_resilient._core.public import Uncopyable, public
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._layers.rate_limit.gcra import assume_counted, take, wait_of
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.limit_state import RateLimitState
from httpx_resilient._layers.rate_limit.queue import PATIENCE, RatePlace, RateQueues
from httpx_resilient._layers.rate_limit.quota import record_pause, record_quota, settle
from httpx_resilient._layers.rate_limit.state import SILENT, Pace, Rate, remaining
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
        max_wait: The longest wait of a request in seconds.
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
            queue = self._queues.get(key)
            if queue is not None:
                queue.drop_dead()
            waiting = 0 if queue is None else len(queue)
            opens, _, quota, _ = rate.server or SILENT
            if quota is not None and now >= quota.resets:
                quota = None
            states[key_shown(self.key, key)] = RateLimitState(
                wait=wait_of(assume_counted(rate), self._pace, now, waiting),
                waiting=waiting,
                remaining=None if quota is None else max(remaining(quota, rate), 0),
                paused=max(opens - now, 0.0),
            )
        return states

    def take(self, key: Hashable, now: float) -> Visit | None:
        """Admit a request that need not wait, and return its visit, else `None`."""
        if self._queues:
            queue = self._queues.get(key)
            if queue is not None and queue.wait_for():
                return None
        if self._counts:
            return self._admit(key, now)
        if self._only_learns:
            return key, 0, now
        # Written out from `_admit`, as a call would cost another 300 instructions.
        number = self._rates.apply(key, take, self._pace, now)
        return None if number is None else (key, number, now)

    def _admit(self, key: Hashable, now: float) -> Visit | None:
        slot = self._rates.known(key) if self._only_learns else None
        if self._only_learns and (slot is None or slot.state.server is None):
            return key, 0, now
        visit = CountedTurn(self, key, now)
        number = self._rates.apply_for(visit, key, take, self._pace, now)
        return None if number is None else visit

    def forecast(self, key: Hashable, now: float) -> Turn:
        """Return the expected turn of a request that would join the queue now."""
        queue = self._queues.get(key)
        if queue is not None:
            queue.drop_dead(now)
        return self._expected(key, now, 0 if queue is None else len(queue))

    def join(self, key: Hashable, place: RatePlace) -> None:
        """Join the queue."""
        self._queues.join(key, place)

    def turn(self, key: Hashable, place: RatePlace, waiter: Waiter, now: float) -> Turn:
        """
        Admit the first request of the queue if its time has come.

        A request that has to wait is woken when its turn may have changed.
        """
        place.waiter = waiter  # before a look: whoever changes the turn wakes it then
        if place.may_go(now):
            visit = self._admit(key, now)
            if visit is not None:
                return Turn(visit)
        if place.is_first:
            turn = self._expected(key, now, 0)
            place.due = now + turn.wait
            return turn._replace(timer=turn.wait)
        turn = self._expected(key, now, 1)
        return turn._replace(recheck=max(place.due - now, turn.wait) + PATIENCE)

    def leave(self, key: Hashable, place: RatePlace) -> None:
        """Leave the queue, and wake the request that becomes the first."""
        self._queues.leave(key, place)

    def record(
        self,
        visit: Visit,
        quota: ServerQuota | None,
        now: float,
        elapsed: float,
    ) -> None:
        """Record the end of a request, which took `elapsed` seconds, and its quota."""
        key, number, _ = visit
        pause: float | None = None
        change: Callable[..., tuple[Rate, None]] = settle
        about: tuple[Any, ...] = (number,)
        if quota is not None:
            self._counts = True
            jitter = random()  # noqa: S311 - jitter needs no secure randomness
            pause, left, resets, _ = quota
            if pause is None:
                change = record_quota
                about = now, number, left, resets, elapsed, jitter
            else:
                change, about = record_pause, (now, number, pause, jitter)
        if isinstance(visit, CountedTurn):
            self._rates.apply_for(visit, key, change, *about)
            visit.ended()
        else:
            self._rates.apply(key, change, *about)
        queue = self._queues.get(key)
        if queue is not None:
            # After a pause, each request checks if it may wait that long.
            queue.wake_first() if pause is None else queue.wake_all()

    def forked(self) -> None:
        """Forget the requests of the parent process. What servers said still holds."""
        self._queues = RateQueues()
        for key in self._rates.states():
            self._rates.apply(key, lambda rate: (assume_counted(rate), None))

    def _expected(self, key: Hashable, now: float, ahead: int) -> Turn:
        rate, pace = self._rates.peek(key), self._pace
        wait = wait_of(rate, pace, now, ahead)
        return Turn(None, wait, wait_of(assume_counted(rate), pace, now, ahead))
