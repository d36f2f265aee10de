"""
The state of hedging: the delay of a hedge and the credit for hedges, for each origin.

The transitions are pure functions; a `HedgePolicy` stores the states.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any, NamedTuple

from httpx_resilient._core.described import Described
from httpx_resilient._core.keys import KeyFunction, check_key, key_shown
from httpx_resilient._core.methods import SAFE_METHODS, method_names
from httpx_resilient._core.public import Uncopyable, public
from httpx_resilient._core.state.quantile import quantile
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import Strings, number

MAX_LATENCIES = 500
"""Latencies stored: enough to know the share below a quantile of 0.95 within 1 %."""

REFRESH_INTERVAL = 1.0
"""Seconds until the quantile is computed again."""

MIN_DELAY = 0.001
"""The shortest delay in seconds, as in Finagle."""

WINDOW = 10.0
"""The capacity for credit is what the requests of about this many seconds earn, ..."""

MIN_CAPACITY = 2.0
"""... but at least this many hedges, ..."""

MAX_CAPACITY = 10.0
"""... and at most this many."""

Outcome = tuple[float, float, bool]
"""When a request was sent, when its headers arrived or it ended, and its success."""


class Rules(NamedTuple):
    """The settings of a policy, see `HedgePolicy`."""

    observes: bool = True
    quantile: float = 0.95
    samples: int = 50
    extra: float = 0.05


class HedgeState(NamedTuple):
    """
    The state of an origin.

    Args:
        delay: Seconds until a hedge: the quantile as last computed, or the fixed delay
            of the policy; `None` with too few latencies.
        due: When to compute the quantile again, in monotonic seconds.
        latencies: The last latencies in seconds.
        credit: Hedges that may be sent.
        recent: The number of requests in about the last ten seconds. A request counts
            less the longer ago it ended.
        at: The time of `recent`, in monotonic seconds.
    """

    delay: float | None = None
    due: float = -math.inf
    latencies: tuple[float, ...] = ()
    credit: float = MIN_CAPACITY
    recent: float = 0.0
    at: float = -math.inf


def record(state: HedgeState, outcomes: Sequence[Outcome], rules: Rules) -> HedgeState:
    """
    Record requests that have ended: observe their latencies, and earn hedges.

    A request that was overtaken or cancelled, or has failed, would have taken longer.
    If it exceeded the quantile, it counts all the same: without the slow requests each
    quantile would be lower than the last. If it did not, its duration says nothing.
    """
    now = outcomes[-1][1]
    state = _advance(state, now)
    delay, due, latencies = state.delay, state.due, state.latencies
    if rules.observes:
        above = math.inf if delay is None else delay
        more = [
            until - since
            for since, until, success in outcomes
            if success or until - since >= above
        ]
        latencies = (*latencies, *more)[-MAX_LATENCIES:]
        if now >= due and len(latencies) >= rules.samples:
            delay = max(quantile(latencies, rules.quantile), MIN_DELAY)
            due = now + REFRESH_INTERVAL
    recent = state.recent + len(outcomes)
    earned = rules.extra * sum(success for _, _, success in outcomes)
    credit = _capped(state.credit + earned, recent, rules)
    return HedgeState(delay, due, latencies, credit, recent, state.at)


def withdraw(
    state: HedgeState, now: float, rules: Rules, *, refused_before: bool
) -> tuple[HedgeState, bool]:
    """
    Withdraw a hedge, and return whether it may be sent.

    Even a hedge that helps is not refunded. So there are at most `extra` hedges for
    each successful request, even if all requests become slow. A delay alone would then
    send each of them twice.

    A request that is refused tries again later. The last hedge is reserved for these
    requests: they are fewer and slower, so it saves more time at the same cost.
    """
    state = _advance(state, now)
    credit = _capped(state.credit, state.recent, rules)
    granted = credit >= (1.0 if refused_before else MIN_CAPACITY)
    return state._replace(credit=credit - granted), granted


def _advance(state: HedgeState, now: float) -> HedgeState:
    """Let time pass. A time of another thread may be earlier than the state's."""
    seconds = max(now - state.at, 0.0)
    recent = state.recent * math.exp(-seconds / WINDOW)
    return state._replace(recent=recent, at=max(now, state.at))


def _capped(credit: float, recent: float, rules: Rules) -> float:
    # A client that sends little has a small capacity. There may be many such clients,
    # and their hedges together could prevent an overloaded server from recovering.
    capacity = max(MIN_CAPACITY, min(rules.extra * recent, MAX_CAPACITY))
    return min(credit, capacity)


@public()
class HedgePolicy(Uncopyable, Described):
    """
    When to hedge a request, and how many hedges to send, for each origin.

    A hedge is a second request, sent when the first one takes longer than most do. The
    default delay exceeds all but the slowest one in twenty, so hedges add little load.
    A budget limits them when all requests become slow. Transports, clients and threads
    may share a policy.

    Args:
        delay: Seconds until a request is hedged. By default, it is the `quantile` of
            the time until the headers arrive, observed for each origin. Seconds in
            queues of this side do not count.
        quantile: The share of the last 500 requests that end without a hedge.
        samples: The number of requests to observe before the first hedge.
        extra: The number of hedges for each successful request, at most, for each
            origin. Unused hedges accumulate: up to what 10 seconds of requests earn,
            2 to 10. If none is left, a request that still waits is hedged later.
        methods: The methods of requests that may be hedged, because the server may
            process them twice.
        key: A function of the request that returns the key of its state, if that is not
            the origin, such as `key_by_path()`. At most 1000 keys are stored.

    Raises:
        TypeError: An argument is not a number, `methods` is not a collection of
            strings, or `key` is not a plain function.
        ValueError: A number is out of its range.

    Source: Dean and Barroso, The Tail at Scale (CACM 2013); Finagle's backup requests.

    Example:
        >>> policy = HedgePolicy(quantile=0.99, extra=0.01)
        >>> policy.delays()
        {}
    """

    def __init__(
        self,
        delay: float | None = None,
        *,
        quantile: float = Rules().quantile,
        samples: int = Rules().samples,
        extra: float = Rules().extra,
        methods: Strings = SAFE_METHODS,
        key: KeyFunction | None = None,
    ) -> None:
        check_key(key)
        self.key = key
        if delay is not None:
            delay = number("delay", delay, least=MIN_DELAY, unit="seconds")
        quantile = number("quantile", quantile, above=0, most=1)
        samples = number("samples", samples, least=1, most=MAX_LATENCIES, whole=True)
        extra = number("extra", extra, above=0, most=1, unit="hedges per request")
        self.methods: frozenset[str] = method_names(methods)
        self._rules = Rules(delay is None, quantile, samples, extra)
        self.origins: StateStore[HedgeState] = StateStore(
            HedgeState(delay), fold=partial(record, rules=self._rules)
        )

    def withdraw(self, key: Hashable, now: float, *, refused_before: bool) -> bool:
        """Withdraw a hedge at a monotonic time. Return whether it may be sent."""
        return self.origins.apply(
            key, withdraw, now, self._rules, refused_before=refused_before
        )

    def delays(self) -> dict[Any, float]:
        """Return the seconds until a hedge, by origin or key, with enough samples."""
        return {
            key_shown(self.key, key): state.delay
            for key, state in self.origins.states().items()
            if state.delay is not None
        }
