"""When a request is late enough to be sent a second time, and whether it may be."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import NamedTuple, cast

from httpx_resilient._core.methods import SAFE_METHODS
from httpx_resilient._core.origin import OriginKey, origin_name
from httpx_resilient._core.state.quantile import quantile
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number

LATENCIES = 500
"""So many tell the share below a quantile of 0.95 to within a hundredth."""

REFRESH = 1.0
"""Seconds until the quantile is looked up again."""

LEAST = 0.001
"""Seconds. No hedge is sent earlier than this, as in Finagle."""

WINDOW = 10.0
"""Seconds: as many hedges as may be sent in so long can be saved up, ..."""

LEAST_CREDIT = 2.0
"""... or so many, if that is more, ..."""

MOST_CREDIT = 10.0
"""... but never more than these."""

Outcome = tuple[float, float, bool]
"""When a request was sent, when its headers came or it ended, and if it succeeded."""


class Rules(NamedTuple):
    """What stays the same; see `HedgePolicy`."""

    observes: bool = True
    quantile: float = 0.95
    samples: int = 50
    extra: float = 0.05


class HedgeState(NamedTuple):
    """
    What is known of an origin.

    Args:
        delay: Seconds until a hedge: the quantile last looked up, or what was given;
            `None` with too few latencies.
        due: When to look it up again, in monotonic seconds.
        latencies: The last ones, in seconds.
        credit: Hedges that may be sent.
        recent: Requests of the last ten seconds, about: the longer ago, the less they
            count.
        at: When that was so.
    """

    delay: float | None = None
    due: float = -math.inf
    latencies: tuple[float, ...] = ()
    credit: float = LEAST_CREDIT
    recent: float = 0.0
    at: float = -math.inf


def ended(state: HedgeState, outcomes: Sequence[Outcome], rules: Rules) -> HedgeState:
    """
    Learn from requests that have ended how long it takes, and earn hedges by them.

    What was overtaken, was cancelled or has failed would have taken longer. It counts
    if that was above the quantile anyway: without the slow ones each estimate would be
    lower than the last. Below, it tells nothing, and a fast failure least of all.
    """
    now = outcomes[-1][1]
    state = _at(state, now)
    delay, due, latencies = state.delay, state.due, state.latencies
    if rules.observes:
        above = math.inf if delay is None else delay
        more = [
            until - since
            for since, until, success in outcomes
            if success or until - since >= above
        ]
        latencies = (*latencies, *more)[-LATENCIES:]
        if now >= due and len(latencies) >= rules.samples:
            delay = max(quantile(latencies, rules.quantile), LEAST)
            due = now + REFRESH
    recent = state.recent + len(outcomes)
    earned = rules.extra * sum(success for _, _, success in outcomes)
    credit = _capped(state.credit + earned, recent, rules)
    return HedgeState(delay, due, latencies, credit, recent, state.at)


def asked(
    state: HedgeState, now: float, rules: Rules, *, again: bool
) -> tuple[HedgeState, bool]:
    """
    Decide whether a hedge may be sent, and charge for it.

    Not even one that helps gets that back. So there are never more than `extra` for
    each request that succeeds, also when all become slow, where a mere delay would send
    everything twice.

    Who is refused asks again later. The last one is kept for these: they are fewer, and
    have more to gain. It takes the tail of the tail off at the same price.
    """
    state = _at(state, now)
    credit = _capped(state.credit, state.recent, rules)
    granted = credit >= (1.0 if again else LEAST_CREDIT)
    return state._replace(credit=credit - granted), granted


def _at(state: HedgeState, now: float) -> HedgeState:
    """Time has passed. In threads it may seem to go back."""
    seconds = max(now - state.at, 0.0)
    recent = state.recent * math.exp(-seconds / WINDOW)
    return state._replace(recent=recent, at=max(now, state.at))


def _capped(credit: float, recent: float, rules: Rules) -> float:
    # Who sends little saves up little: there may be many like this one, and what they
    # can send all at once is what keeps an overloaded server from recovering.
    most = max(LEAST_CREDIT, min(rules.extra * recent, MOST_CREDIT))
    return min(credit, most)


class HedgePolicy:
    """
    What hedging knows of each origin: when an answer is late, and what may be sent.

    A hedge is a second request, sent when the first takes longer than most do. To wait
    for the slowest one in twenty makes it cheap, and a budget keeps it so when all of
    them are slow. Transports, clients and threads may share a policy.

    Args:
        delay: Seconds until a request gets a hedge. By default this is observed for
            each origin: how long it takes until the headers come.
        quantile: The share of requests that end in time, of the last 500.
        samples: How many have to be observed. Until then nothing is hedged.
        extra: Hedges per request that succeeds, at most, for each origin. Two may be
            saved up, or as many as there can be in 10 seconds, but no more than 10. If
            there is none left, a request gets its hedge later, if it still needs one.
        methods: Requests that may be hedged: the server may get them twice.

    Raises:
        TypeError: A number is none; `methods` is a single one.
        ValueError: A number is out of its range.

    Source: Dean and Barroso, The Tail at Scale (CACM 2013), with the delay and the
    budget of Finagle's backup requests.

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
        methods: Collection[str] = SAFE_METHODS,
    ) -> None:
        if delay is not None:
            number("delay", delay, least=LEAST, unit="seconds")
        number("quantile", quantile, above=0, most=1)
        number("samples", samples, least=1, most=LATENCIES, whole=True)
        number("extra", extra, above=0, most=1, unit="hedges per request")
        self.methods = _names(methods)
        self._rules = Rules(delay is None, quantile, samples, extra)
        self.origins = StateStore(
            HedgeState(delay), fold=partial(ended, rules=self._rules)
        )

    def asked(self, key: OriginKey, now: float, *, again: bool) -> bool:
        """Pay for a hedge, at a time in monotonic seconds, if there is enough left."""
        return self.origins.apply(key, asked, now, self._rules, again=again)

    def delays(self) -> dict[str, float]:
        """Tell after how many seconds a hedge is sent, for each origin known so far."""
        return {
            origin_name(cast("OriginKey", key)): state.delay
            for key, state in self.origins.states().items()
            if state.delay is not None
        }


def _names(methods: object) -> frozenset[str]:
    named = not isinstance(methods, str) and isinstance(methods, Iterable)
    names = list(cast("Iterable[object]", methods)) if named else []
    if not (named and all(isinstance(name, str) for name in names)):
        msg = f"methods are several, such as {{'GET', 'HEAD'}}, got {methods!r}"
        raise TypeError(msg)
    return frozenset(str(name).upper() for name in names)
