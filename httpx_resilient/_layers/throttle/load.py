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
)

_PADDING = 8
"""
Requests that are added to those sent, as in gRPC's route lookup.

So a few rejections do not throttle a client that sends little.
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


class Strained(NamedTuple):
    """
    The load of an origin that rejects requests.

    Args:
        window: Counts of requests, accepted requests and rejected requests.
        streak: Rejections since the latest accepted request.
        streak_began: When the first of them ended, in monotonic seconds.
        ramp: The share that was rejected locally when the latest outage ended.
        recovered: When the latest outage ended, in monotonic seconds.
    """

    window: Window
    streak: int = 0
    streak_began: float = 0.0
    ramp: float = 0.0
    recovered: float = -math.inf


Load = Window | Strained
"""An origin that rejects nothing has a plain window of requests and accepted ones."""


class Decision(NamedTuple):
    """
    The decision about a request.

    Args:
        share: `None` if the request is sent. Otherwise the share of requests that is
            rejected locally for now, of which this is one.
        counted: Whether the request is in the window already.
    """

    share: float | None
    counted: bool


UNCOUNTED = Decision(None, counted=False)

_COUNTED = Decision(None, counted=True)


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
        return load, Decision(share, counted=False)
    window = counted(load.window, now, rules.slice, 1)
    decision = Decision(share, counted=True) if draw < share else _COUNTED
    return load._replace(window=window), decision


def settle(
    load: Load, rules: Rules, now: float, *, accepted: bool | None, counted_before: bool
) -> tuple[Load, None]:
    """
    Record how a request ended.

    Args:
        load: The load before.
        rules: The settings of the throttle.
        now: When the request ended, in monotonic seconds.
        accepted: Whether the origin accepted it; `None` if that is unknown.
        counted_before: Whether it was counted when it was sent.
    """
    if accepted is None:
        if counted_before and isinstance(load, Strained):
            window = counted(load.window, now, rules.slice, -1)
            load = load._replace(window=window)
        return load, None
    requests = not counted_before
    if isinstance(load, Window):
        window = counted(load, now, rules.slice, requests, accepted, not accepted)
        return window if accepted else Strained(window, 1, now), None
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
    if rejected > (rules.k - 1) * accepted:
        # A request that was cancelled after it left the window was subtracted there.
        requests = max(requests, accepted + rejected)
        excess = (requests - rules.k * accepted) / (requests + _PADDING)
        excess = min(excess, rules.max_rejection)
    passed = (now - load.recovered) / (_RAMP_SLICES * rules.slice)
    return excess, load.ramp * (1 - passed) if passed < 1 else 0.0


def _after_acceptance(load: Strained, rules: Rules, now: float, requests: int) -> Load:
    _, accepted, rejected = tally(load.window, now, rules.slice)
    if rejected and not accepted:
        # The outage is over. A sudden return of all requests could overload the origin.
        window = counted(Window(), now, rules.slice, 1, 1)
        ramp = max(_rejected_shares(load, rules, now))
        return Strained(window, ramp=ramp, recovered=now)
    window = counted(load.window, now, rules.slice, requests, 1)
    if rejected or now - load.recovered < _RAMP_SLICES * rules.slice:
        return load._replace(window=window, streak=0)
    return window


def _after_rejection(load: Strained, rules: Rules, now: float, requests: int) -> Load:
    window = counted(load.window, now, rules.slice, requests, 0, 1)
    streak = load.streak + 1
    began = load.streak_began if load.streak else now
    lasts = now - began >= _OUTAGE_SLICES * rules.slice
    if streak >= _OUTAGE_REJECTIONS and lasts and tally(window, now, rules.slice)[1]:
        window = latest(window, now, rules.slice, _OUTAGE_SLICES)
    return load._replace(window=window, streak=streak, streak_began=began)
