"""Whose turn it is: the states of keys, and the requests that wait for them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from random import random
from threading import Lock
from typing import Any, NamedTuple

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.origin import origin_name
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._layers.rate_limit.gcra import (
    Pace,
    Rate,
    Word,
    at_best,
    due,
    end,
    learn,
    left_of,
    pause,
    take,
)
from httpx_resilient._layers.rate_limit.headers import Told


class RateLimitState(NamedTuple):
    """
    What a `RateLimit` knows of one key at the moment.

    Args:
        wait: Seconds that one more request would wait, at least.
        waiting: Requests that wait.
        remaining: Requests that the server allows until its window ends, less those
            that are on their way; `None` if it did not say.
        paused: Seconds until the server wants to hear of us again, or 0.

    Example:
        >>> RateLimitState(wait=0.5, waiting=1, remaining=None, paused=0.0).wait
        0.5
    """

    wait: float
    waiting: int
    remaining: int | None
    paused: float


class Turn(NamedTuple):
    """
    Whether a request passes.

    Args:
        number: Its number if it does, else `None`.
        wait: Seconds that it would wait as far as can be told, ...
        at_best: ... and at least.
        timer: Seconds after which it has to ask again, unless it is woken.
    """

    number: int | None
    wait: float = 0.0
    at_best: float = 0.0
    timer: float = math.inf


class Place:
    """A place in the queue, and what its request waits with."""

    __slots__ = ("waiter",)

    def __init__(self) -> None:
        self.waiter: Waiter | None = None


class RateLimit:
    """
    How many requests may go to each origin, in how much time.

    It is what a `RateLimitingTransport` remembers. It may be shared: by clients, httpx
    and httpx2, threads, tasks of asyncio and of trio.

    Args:
        requests: So many in `per` seconds. Without a number there is no limit but what
            the server tells.
        per: Seconds.
        burst: Requests that may go at once when there were none for a while. With 1,
            requests are spaced evenly, so that no `per` seconds see more than
            `requests`. With more, some `per` seconds see so many more.
        key: What a limit is for, other than for each origin: called with the request,
            returns what it has in common with those that share its limit. What the
            server tells is for the same key then. At most 1000 keys are remembered.
        max_wait: Seconds that a request waits for its turn at most.
        learn: Whether to listen to the server as well.

    Raises:
        TypeError: A number is none; `key` cannot be called.
        ValueError: A number is out of range; there is nothing to keep to.

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
            msg = f"key is a function of the request; got {key!r}"
            raise TypeError(msg)
        if requests is None and not learn:
            msg = "there is nothing to keep to: give a number of requests, or learn"
            raise ValueError(msg)
        self.max_wait = max_wait
        self.learns = learn
        interval = 0.0 if requests is None else per / requests
        self._pace = Pace(interval, (burst - 1) * interval)
        self._only_learns = requests is None
        self.key = key
        self._kept = StateStore(Rate())
        self._queues: dict[Hashable, OrderedDict[Place, None]] = {}
        self._lock = Lock()

    def states(self) -> dict[Hashable, RateLimitState]:
        """
        Tell what is known now.

        By key, or by origin such as `https://example.org`; the one used least recently
        comes first.
        """
        now, told = Clock.now(), dict[Hashable, RateLimitState]()
        for key, rate in self._kept.states().items():
            name: Any = key
            waiting = len(self._queues.get(key, ()))
            opens, _, quota, _ = rate.word or Word()
            if quota is not None and now >= quota.resets:
                quota = None
            told[origin_name(name) if self.key is None else name] = RateLimitState(
                wait=due(at_best(rate), self._pace, now, waiting),
                waiting=waiting,
                remaining=None if quota is None else max(left_of(quota, rate), 0),
                paused=max(opens - now, 0.0),
            )
        return told

    def take(self, key: Hashable, now: float) -> int | None:
        """Let a request pass that need not wait, and tell its number."""
        if self._queues and key in self._queues:
            return None
        if self._only_learns and self._kept.peek(key).word is None:
            return 0
        return self._kept.apply(key, take, self._pace, now)

    def ask(self, key: Hashable, now: float) -> Turn:
        """Tell how long a request would wait that comes now."""
        return self._wait(key, now, len(self._queues.get(key, ())))

    def _wait(self, key: Hashable, now: float, ahead: int) -> Turn:
        rate, pace = self._kept.peek(key), self._pace
        wait = due(rate, pace, now, ahead)
        return Turn(None, wait, due(at_best(rate), pace, now, ahead))

    def join(self, key: Hashable) -> Place:
        """Take a place in the queue."""
        place = Place()
        with self._lock:
            self._queues.setdefault(key, OrderedDict())[place] = None
        return place

    def turn(self, key: Hashable, place: Place, waiter: Waiter, now: float) -> Turn:
        """
        Let the first in the queue pass, if it is time.

        Whoever has to wait is woken when something has changed.
        """
        with self._lock:
            place.waiter = waiter
            first = next(iter(self._queues[key])) is place
            if first:
                number = self._kept.apply(key, take, self._pace, now)
                if number is not None:
                    return Turn(number)
            turn = self._wait(key, now, 0 if first else 1)
            return turn._replace(timer=turn.wait) if first else turn

    def leave(self, key: Hashable, place: Place) -> None:
        """Give the place up. Whoever is first now is told."""
        with self._lock:
            queue = self._queues[key]
            was_first = next(iter(queue)) is place
            del queue[place]
            if not queue:
                del self._queues[key]
            elif was_first:
                _wake(next(iter(queue)))

    def hear(
        self, key: Hashable, number: int, told: Told | None, now: float, took: float
    ) -> None:
        """Note that a request has ended after so long, and what its answer told."""
        seconds = None
        if told is None:
            self._kept.apply(key, end, number)
        else:
            dice, (seconds, left, resets) = random(), told  # noqa: S311 - jitter
            if seconds is None:
                self._kept.apply(key, learn, now, number, left, resets, took, dice)
            else:
                self._kept.apply(key, pause, now, number, seconds, dice)
        if key in self._queues:
            with self._lock:
                # After a pause all of them look if they will wait so long.
                for place in self._queues.get(key, ()):
                    _wake(place)
                    if seconds is None:
                        break


def _wake(place: Place) -> None:
    with suppress(RuntimeError):  # its event loop has ended, and it will leave
        if place.waiter is not None:
            place.waiter.wake()
