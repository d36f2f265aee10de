"""
How many requests a server takes at a time, learned from how it answers.

The limit grows while few requests queue at the server, and shrinks when many do, as in
TCP Vegas (Brakmo and Peterson, "TCP Vegas: End to End Congestion Avoidance on a Global
Internet", 1995). By Little's law their number is the throughput times what a request
takes more than usual. What is usual follows slowly, so a queue that lasts would pass
for it. The guard against that is the one of Uber's Cinnamon and of failsafe-go: where
more requests in flight do not mean more done, there are too many. Of the share that was
dropped, half is taken from the limit, as in DCTCP (RFC 8257 section 3.3): one request
that fails by chance does little, and if all of them fail the limit is halved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import StatisticsError, correlation, fmean
from typing import NamedTuple

from httpx_resilient._layers.concurrency.semaphore import Gate

QUEUE = 3, 6
"""Fewer requests than the first that queue at the server are too few, more than the
second too many, both times the logarithm of the limit: Netflix's for Vegas."""

CUT = 0.1
"""The part of the limit that is taken when it is too high."""

TIMED_OUT = 504
"""What a gateway says when no answer came in time. Here it is said of any timeout."""

DROPS = frozenset({429, 503, TIMED_OUT})
"""How a server, or what is in front of it, says that it has too much to do."""

HEADROOM = 5
"""The limit is at most so many times what was in flight (failsafe-go). Beyond, nothing
is known, and a burst would find no limit at all."""

SAMPLES = 20
"""So many requests tell something, or two for each of the limit. Of fewer, chance makes
more than a queue does (simulated)."""

LEAST_SECONDS, SECONDS = 0.1, 1.0
"""A window is no shorter than the first, and after the second it waits for no more
samples than two for each of the limit."""

RECENT, USUAL = 0.3, 0.05
"""The weight of one window in what requests take now, and in what they usually take."""

WINDOWS, AFTER_CUT = 20, 5
"""Windows that the guard looks at, and those of them that still count after a cut."""

Sample = tuple[float | None, int]
"""Seconds to the headers, or `None` for a drop, and how many were in flight with it."""


class Window(NamedTuple):
    """What was measured in a window."""

    in_flight: int
    throughput: float
    seconds: float


class Vegas(NamedTuple):
    """
    What is known of a server.

    Args:
        limit: Requests at a time. A fraction counts when it has become one.
        least: It is never less than this ...
        most: ... or more than this.
        since: When the window began that is measured now, in monotonic seconds.
        recent: Seconds that requests take now, until their headers are there.
        usual: Seconds that they usually take.
        past: The last windows.
    """

    limit: float
    least: int
    most: int
    since: float = -math.inf
    recent: float = 0.0
    usual: float = 0.0
    past: tuple[Window, ...] = ()


def is_over(state: Vegas, started: float, samples: int, now: float) -> bool:
    """Tell whether a window is over, with a request that started then and ends now."""
    seconds, two_each = now - state.since, 2 * state.limit
    if started < state.since or seconds < LEAST_SECONDS:
        return False  # it tells of what was before
    choose = max if seconds < SECONDS else min
    return samples >= choose(SAMPLES, two_each)


def update(state: Vegas, samples: Sequence[Sample], now: float) -> Vegas:
    """Learn from the samples of a window that is over, and begin the next one."""
    limit, least, most, since, recent, usual, past = state
    if since == -math.inf:
        return state._replace(since=now)
    times = [seconds for seconds, _ in samples if seconds is not None]
    in_flight = max(number for _, number in samples)
    if times:
        recent = _follow(recent, fmean(times), RECENT)
        usual = _follow(usual, recent, USUAL)
        window = Window(in_flight, len(times) / (now - since), recent)
        past = (*past, window)[-WINDOWS:]
    step = max(1.0, math.log10(limit))
    if len(times) < len(samples):
        limit *= 1 - (1 - len(times) / len(samples)) / 2
    else:
        few, many = (step * number for number in QUEUE)
        queue = past[-1].throughput * (recent - usual)
        if queue > many or are_too_many(past):
            limit -= max(step, CUT * limit)
            past = past[-AFTER_CUT:]
        elif queue < few and in_flight >= limit / 2:
            limit += step
    limit = max(least, min(limit, most, HEADROOM * in_flight))
    return Vegas(limit, least, most, now, recent, usual, past)


def are_too_many(past: Sequence[Window]) -> bool:
    """
    Tell whether more in flight do not mean more done.

    Either less is done, or no more and each takes longer.
    """
    if len(past) < AFTER_CUT:
        return False
    in_flight, throughput, seconds = zip(*past, strict=True)
    done = _correlation(in_flight, throughput)
    return done < -0.3 or (done < 0.3 and _correlation(in_flight, seconds) > 0.5)


def _correlation(first: Sequence[float], second: Sequence[float]) -> float:
    try:
        return correlation(first, second)
    except StatisticsError:  # one of them is always the same
        return 0.0


def _follow(average: float, value: float, weight: float) -> float:
    return average + weight * (value - average) if average else value


class AdaptiveGate(Gate):
    """A gate whose number of permits follows what the server can take."""

    def __init__(self, name: str, initial: Vegas, queue: int) -> None:
        super().__init__(name, int(initial.limit), queue)
        self._vegas = initial
        self._samples: list[Sample] = []
        self._soonest = -math.inf
        """No window is over before."""

    def note(self, status: int, started: float, now: float) -> None:
        """Hear what was answered, or `TIMED_OUT`. Its permit is still out."""
        if status in DROPS:
            seconds = None
        elif status < 500:
            seconds = now - started
        else:
            return  # an error that comes fast tells of no fast server
        in_flight = self._limit + self._surplus - len(self._free)
        self._samples.append((seconds, in_flight))
        if now >= self._soonest and self._is_over(started, now):
            self._learn(started, now)

    def _is_over(self, started: float, now: float) -> bool:
        return is_over(self._vegas, started, len(self._samples), now)

    def _learn(self, started: float, now: float) -> None:
        with self._lock:
            if self._is_over(started, now):  # and no other thread was faster
                samples, self._samples = tuple(self._samples), []
                self._vegas = update(self._vegas, samples, now)
                self._soonest = now + LEAST_SECONDS
                self._resize(int(self._vegas.limit))
        self._serve()
