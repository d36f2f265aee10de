"""
The load of one origin: immutable states and pure transitions.

While the origin rejects nothing, requests are only counted when they end. From the
first rejection on, requests are counted before they are sent, because requests without
an answer are not a sign of health.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from httpx_resilient._core.state.sliding_window import (
    Window,
    counted,
    counted_all,
    latest,
    tally,
    uncounted,
)

_PADDING = 8
"""
Requests that are added to those sent, as in gRPC's route lookup.

So few rejections throttle little.
"""

_OUTAGE_REJECTIONS = 20
"""Rejections in a row after which the origin may be down ..."""

_OUTAGE_SLICES = 2
"""
... and slices of the window that they must last.

Then the origin is down, and its earlier successes are dropped.
"""

_RAMP_SLICES = 5
"""Slices in which the rejected share falls to 0 after an outage: half a window."""


class Rules(NamedTuple):
    """The settings of an `AdaptiveThrottle`, which documents them."""

    k: float = 2.0
    slice: float = 1.0
    max_rejection: float = 0.9
    minimum_calls: int = 20


class Strained(NamedTuple):
    """
    The load of an origin that rejects requests.

    Args:
        window: Counts of requests, accepted requests and rejected requests.
        streak: Rejections since the latest accepted request.
        streak_began: When the first of them ended, in monotonic seconds.
        ramp: The share that was rejected locally when the latest outage ended.
        recovered: When the latest outage ended, in monotonic seconds.
        is_proven: Whether enough requests ended to show that the origin rejects more
            than it may.
    """

    window: Window
    streak: int = 0
    streak_began: float = 0.0
    ramp: float = 0.0
    recovered: float = -math.inf
    is_proven: bool = False


Load = Window | Strained
"""An origin that rejects nothing has a plain window of requests and accepted ones."""


class Decision(NamedTuple):
    """
    The decision about a request.

    Args:
        share: `None` if the request is sent. Otherwise the share of requests that is
            rejected locally for now, of which this is one.
        counted_at: When the request was counted, in monotonic seconds; `None` if it is
            not in the window yet.
    """

    share: float | None
    counted_at: float | None


UNCOUNTED = Decision(None, None)


def admit(load: Load, rules: Rules, now: float, draw: float) -> tuple[Load, Decision]:
    """
    Decide whether a request is sent.

    Args:
        load: The load before.
        rules: The settings of the throttle.
        now: Monotonic seconds.
        draw: A random number, 0 or more and below 1.
    """
    if isinstance(load, Window):
        return load, UNCOUNTED
    excess, ramp = _rejected_shares(load, rules, now)
    share = max(excess, ramp)
    if excess <= draw < share:
        # A rejection by the ramp says nothing about the share that is accepted.
        return load, Decision(share, None)
    window = counted(load.window, now, rules.slice, 1)
    decision = Decision(share if draw < share else None, now)
    return load._replace(window=window), decision


def settle(
    load: Load,
    rules: Rules,
    now: float,
    *,
    accepted: bool | None,
    counted_at: float | None,
) -> tuple[Load, None]:
    """
    Record how a request ended.

    Args:
        load: The load before.
        rules: The settings of the throttle.
        now: When the request ended, in monotonic seconds.
        accepted: Whether the origin accepted it; `None` if that is unknown.
        counted_at: When it was counted, in monotonic seconds; `None` if it was not.
    """
    if accepted is None:
        if counted_at is None:
            return load, None
        if isinstance(load, Window):
            return uncounted(load, counted_at, rules.slice, 1), None
        window = uncounted(load.window, counted_at, rules.slice, 1)
        return load._replace(window=window), None
    requests = counted_at is None
    if isinstance(load, Window):
        if not accepted:
            return _after_rejection(Strained(load), rules, now, requests), None
        return counted(load, now, rules.slice, requests, 1), None
    if accepted:
        return _after_acceptance(load, rules, now, requests), None
    return _after_rejection(load, rules, now, requests), None


def fold(load: Load, rules: Rules, times: Sequence[float]) -> Load:
    """Count requests that were accepted at these times, while nothing was rejected."""
    if isinstance(load, Window):
        return counted_all(load, times, rules.slice, 1, 1)
    window = counted_all(load.window, times, rules.slice, 1, 1)
    return load._replace(window=window)


def _rejected_shares(load: Strained, rules: Rules, now: float) -> tuple[float, float]:
    """Return the shares to reject by the formula, and by the ramp after an outage."""
    requests, accepted, rejected = tally(load.window, now, rules.slice)
    excess = 0.0
    # A burst that waits for its answers does not show that the server rejects.
    if load.is_proven and rejected > (rules.k - 1) * accepted:
        # A request may have ended after it left the window.
        requests = max(requests, accepted + rejected)
        excess = (requests - rules.k * accepted) / (requests + _PADDING)
        excess = min(excess, rules.max_rejection)
    passed = (now - load.recovered) / (_RAMP_SLICES * rules.slice)
    return excess, load.ramp * (1 - passed) if passed < 1 else 0.0


def _after_acceptance(load: Strained, rules: Rules, now: float, requests: int) -> Load:
    _, accepted, rejected = tally(load.window, now, rules.slice)
    if rejected and not accepted:
        # The outage is over. A sudden return of all requests could overload the origin.
        window = counted(Window(since=now), now, rules.slice, 1, 1)
        ramp = max(_rejected_shares(load, rules, now))
        return Strained(window, ramp=ramp, recovered=now)
    window = counted(load.window, now, rules.slice, requests, 1)
    if rejected or now - load.recovered < _RAMP_SLICES * rules.slice:
        is_proven = _is_proven(load, window, rules, now)
        return load._replace(window=window, streak=0, is_proven=is_proven)
    return window


def _after_rejection(load: Strained, rules: Rules, now: float, requests: int) -> Load:
    window = counted(load.window, now, rules.slice, requests, 0, 1)
    streak = load.streak + 1
    began = load.streak_began if load.streak else now
    lasts = now - began >= _OUTAGE_SLICES * rules.slice
    if streak >= _OUTAGE_REJECTIONS and lasts and tally(window, now, rules.slice)[1]:
        window = latest(window, now, rules.slice, _OUTAGE_SLICES)
    is_proven = _is_proven(load, window, rules, now)
    return load._replace(
        window=window, streak=streak, streak_began=began, is_proven=is_proven
    )


def _is_proven(load: Strained, window: Window, rules: Rules, now: float) -> bool:
    """
    Return whether the origin rejects too many, of enough requests.

    A low rate of probes in an outage must not end it. So the proof holds until as many
    are accepted as should be.
    """
    _, accepted, rejected = tally(window, now, rules.slice)
    is_enough = load.is_proven or accepted + rejected >= rules.minimum_calls
    return is_enough and rejected > (rules.k - 1) * accepted
