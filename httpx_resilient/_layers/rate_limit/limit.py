"""The rate limit: the states of all keys, and the queues of their requests."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from random import random
from threading import Lock
from typing import Any, NamedTuple

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.origin import origin_name
from httpx_resilient._core.public import public
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._layers.rate_limit.gcra import assume_counted, take, wait_of
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.quota import record_pause, record_quota, settle
from httpx_resilient._layers.rate_limit.state import SILENT, Pace, Rate, remaining
from httpx_resilient._layers.rate_limit.turn import Place, Turn


@public()
class RateLimitState(NamedTuple):
    """
    The state of a `RateLimit` for one key.

    Args:
        wait: The least seconds that another request would wait.
        waiting: Requests in the queue.
        remaining: The requests that the server allows until its window ends, less those
            in flight; `None` if it has not reported a quota.
        paused: Seconds until the end of the pause that the server asked for, or 0.

    Example:
        >>> RateLimitState(wait=0.5, waiting=1, remaining=None, paused=0.0).wait
        0.5
    """

    wait: float
    waiting: int
    remaining: int | None
    paused: float


@public()
class RateLimit:
    """
    A limit on the requests in a period of time, for each origin or other key.

    It is the state of a `RateLimitingTransport`. Clients of both libraries can share it
    across threads, and across tasks of asyncio and trio.

    Args:
        requests: The number of requests in `per` seconds. Without a number, only the
            limits of the server apply.
        per: Seconds.
        burst: Requests that may be sent at once after a pause without requests. With 1,
            requests are spaced evenly, and every period of `per` seconds has at most
            `requests`. With more, a period can have that number more.
        key: A function of the request that returns the key of its limit, if that is not
            the origin. The limits of the server then apply to the same key. At most
            1000 keys are stored.
        max_wait: The longest wait of a request in seconds.
        learn: Whether to respect the limits of the server too.

    Raises:
        TypeError: An argument is not a number, or `key` is not callable.
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
        key: Callable[[Any], Hashable] | None = None,
        max_wait: float = 60.0,
        learn: bool = True,
    ) -> None:
        if requests is not None:
            number("requests", requests, above=0)
        number("per", per, above=0, unit="seconds")
        number("burst", burst, least=1, whole=True, unit="requests")
        number("max_wait", max_wait, least=0, unit="seconds")
        if key is not None and not callable(key):
            msg = (
                "key must be a function of the request, such as "
                f"lambda request: request.url.host; got {key!r}"
            )
            raise TypeError(msg)
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
        self._queues: dict[Hashable, OrderedDict[Place, None]] = {}
        self._lock = Lock()

    def states(self) -> dict[Hashable, RateLimitState]:
        """
        Return the state of each key, least recently used first.

        The default keys are origins such as `https://example.org`.
        """
        now, states = Clock.now(), dict[Hashable, RateLimitState]()
        for key, rate in self._rates.states().items():
            origin: Any = key
            waiting = len(self._queues.get(key, ()))
            opens, _, quota, _ = rate.server or SILENT
            if quota is not None and now >= quota.resets:
                quota = None
            name = origin_name(origin) if self.key is None else key
            states[name] = RateLimitState(
                wait=wait_of(assume_counted(rate), self._pace, now, waiting),
                waiting=waiting,
                remaining=None if quota is None else max(remaining(quota, rate), 0),
                paused=max(opens - now, 0.0),
            )
        return states

    def take(self, key: Hashable, now: float) -> int | None:
        """Admit a request that need not wait, and return its number, else `None`."""
        if self._queues and key in self._queues:
            return None
        slot = self._rates.known(key) if self._only_learns else None
        if self._only_learns and (slot is None or slot.state.server is None):
            return 0
        return self._rates.apply(key, take, self._pace, now)

    def forecast(self, key: Hashable, now: float) -> Turn:
        """Return the expected turn of a request that would join the queue now."""
        return self._expected(key, now, len(self._queues.get(key, ())))

    def join(self, key: Hashable) -> Place:
        """Join the queue."""
        place = Place()
        with self._lock:
            self._queues.setdefault(key, OrderedDict())[place] = None
        return place

    def turn(self, key: Hashable, place: Place, waiter: Waiter, now: float) -> Turn:
        """
        Admit the first request of the queue if its time has come.

        A request that has to wait is woken when its turn may have changed.
        """
        with self._lock:
            place.waiter = waiter
            is_first = next(iter(self._queues[key])) is place
            if is_first:
                number = self._rates.apply(key, take, self._pace, now)
                if number is not None:
                    return Turn(number)
            turn = self._expected(key, now, 0 if is_first else 1)
            return turn._replace(timer=turn.wait) if is_first else turn

    def leave(self, key: Hashable, place: Place) -> None:
        """Leave the queue, and wake the request that becomes the first."""
        with self._lock:
            queue = self._queues[key]
            was_first = next(iter(queue)) is place
            del queue[place]
            if not queue:
                del self._queues[key]
            elif was_first:
                next(iter(queue)).wake()

    def record(
        self,
        key: Hashable,
        number: int,
        quota: ServerQuota | None,
        now: float,
        elapsed: float,
    ) -> None:
        """Record the end of a request, which took `elapsed` seconds, and its quota."""
        pause = None
        if quota is None:
            self._rates.apply(key, settle, number)
        else:
            jitter = random()  # noqa: S311 - jitter needs no secure randomness
            pause, left, resets = quota
            if pause is None:
                self._rates.apply(
                    key, record_quota, now, number, left, resets, elapsed, jitter
                )
            else:
                self._rates.apply(key, record_pause, now, number, pause, jitter)
        if key in self._queues:
            self._wake(key, all_waiting=pause is not None)

    def _wake(self, key: Hashable, *, all_waiting: bool) -> None:
        with self._lock:
            # After a pause, each request checks if it may wait that long.
            for place in self._queues.get(key, ()):
                place.wake()
                if not all_waiting:
                    break

    def _expected(self, key: Hashable, now: float, ahead: int) -> Turn:
        rate, pace = self._rates.peek(key), self._pace
        wait = wait_of(rate, pace, now, ahead)
        return Turn(None, wait, wait_of(assume_counted(rate), pace, now, ahead))
