"""The load of an origin: pure transitions."""

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
"""As in gRPC's route lookup: a few rejections are no reason to hold back a client that
sends little."""


_OUTAGE = 20
"""Rejections in a row ..."""


_OUTAGE_SLICES = 2
"""... and slices of the window without an answer: then it is down, and how well it did
before does not count."""


_RAMP_SLICES = 5
"""When it is back, the share that is not sent falls to nothing over half a window."""


class Rules(NamedTuple):
    """What an `AdaptiveThrottle` was given; see there."""

    k: float = 2.0
    slice: float = 1.0
    max_rejection: float = 0.9


class Strained(NamedTuple):
    """
    Some requests are rejected.

    Args:
        window: Requests, those that were accepted, and those that were rejected.
        rejected: Rejections since the last one that was accepted ...
        rejecting: ... and when the first of them came.
        ramp: The share that was not sent when the origin came back ...
        back: ... and when that was.
    """

    window: Window
    rejected: int = 0
    rejecting: float = 0.0
    ramp: float = 0.0
    back: float = -math.inf


Load = Window | Strained
"""If nothing is rejected it is a window alone, of requests and those accepted."""


class Sending(NamedTuple):
    """
    What is decided about a request.

    Args:
        share: The share of requests that is not sent, of which this is one; or `None`.
        counted: Whether it is counted already.
    """

    share: float | None
    counted: bool


UNCOUNTED = Sending(None, counted=False)


_COUNTED = Sending(None, counted=True)


def admit(load: Load, rules: Rules, now: float, chance: float) -> tuple[Load, Sending]:
    """
    Decide whether a request is sent.

    Args:
        load: What is known so far.
        rules: What the throttle was given.
        now: When that is.
        chance: A random number from 0 to 1, below 1.
    """
    if isinstance(load, Window):
        return load, UNCOUNTED
    throttled, ramping = _shares(load, rules, now)
    share = max(throttled, ramping)
    if chance < share and chance >= throttled:
        # How many of them there are says nothing of how many would be accepted.
        return load, Sending(share, counted=False)
    window = counted(load.window, now, rules.slice, 1)
    decision = Sending(share, counted=True) if chance < share else _COUNTED
    return load._replace(window=window), decision


def _shares(load: Strained, rules: Rules, now: float) -> tuple[float, float]:
    """Say what share is not sent: for what is rejected, and for it being back."""
    requests, accepted, rejected = tally(load.window, now, rules.slice)
    throttled = 0.0
    # A burst that waits for its answers is not a server that rejects.
    if rejected > (rules.k - 1) * accepted:
        # One that was cancelled long after it was sent is not there to be taken off.
        requests = max(requests, accepted + rejected)
        excess = (requests - rules.k * accepted) / (requests + _PADDING)
        throttled = min(excess, rules.max_rejection)
    passed = (now - load.back) / (_RAMP_SLICES * rules.slice)
    return throttled, load.ramp * (1 - passed) if passed < 1 else 0.0


def settle(
    load: Load, rules: Rules, now: float, *, accepted: bool | None, counted_before: bool
) -> tuple[Load, None]:
    """
    Hear how a request has ended.

    Args:
        load: What is known so far.
        rules: What the throttle was given.
        now: When it ended.
        accepted: Whether it was accepted; `None` if that is not known.
        counted_before: Whether it was counted when it was sent.
    """
    if accepted is None:
        if counted_before and isinstance(load, Strained):
            window = counted(load.window, now, rules.slice, -1)
            load = load._replace(window=window)
        return load, None
    more = not counted_before
    if isinstance(load, Window):
        window = counted(load, now, rules.slice, more, accepted, not accepted)
        return window if accepted else Strained(window, 1, now), None
    if accepted:
        return _accepted(load, rules, now, more), None
    return _rejected(load, rules, now, more), None


def _accepted(load: Strained, rules: Rules, now: float, more: int) -> Load:
    _, accepted, rejected = tally(load.window, now, rules.slice)
    if rejected and not accepted:
        # Not all at once: what has just come back is easily knocked over.
        window = counted(Window(), now, rules.slice, 1, 1)
        return Strained(window, ramp=max(_shares(load, rules, now)), back=now)
    window = counted(load.window, now, rules.slice, more, 1)
    if rejected or now - load.back < _RAMP_SLICES * rules.slice:
        return load._replace(window=window, rejected=0)
    return window


def _rejected(load: Strained, rules: Rules, now: float, more: int) -> Load:
    window = counted(load.window, now, rules.slice, more, 0, 1)
    in_a_row = load.rejected + 1
    rejecting = load.rejecting if load.rejected else now
    silent = now - rejecting >= _OUTAGE_SLICES * rules.slice
    if in_a_row >= _OUTAGE and silent and tally(window, now, rules.slice)[1]:
        window = latest(window, now, rules.slice, _OUTAGE_SLICES)
    return load._replace(window=window, rejected=in_a_row, rejecting=rejecting)


def hear(load: Load, rules: Rules, times: Sequence[float]) -> Load:
    """Hear of requests that were accepted while nothing was rejected."""
    if isinstance(load, Window):
        return counted_all(load, times, rules.slice, 1, 1)
    window = counted_all(load.window, times, rules.slice, 1, 1)
    return load._replace(window=window)
