"""The states of a rate limit as its user sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sized

from httpx_resilient._layers.rate_limit.cost_quota import quota_wait
from httpx_resilient._layers.rate_limit.cost_rate import CostRate
from httpx_resilient._layers.rate_limit.gcra import (
    assume_counted,
    wait_of,
    wait_when_bound,
)
from httpx_resilient._layers.rate_limit.lanes import UNNAMED, Binding
from httpx_resilient._layers.rate_limit.limit_state import RateLimitState
from httpx_resilient._layers.rate_limit.spending import Terms, spending_wait
from httpx_resilient._layers.rate_limit.state import (
    Asker,
    Bucket,
    Lane,
    Pace,
    Rate,
    remaining,
)


def shown(
    rate: Rate,
    pace: Pace,
    now: float,
    queues: Mapping[Lane | None, Sized],
    until: float,
) -> RateLimitState:
    """
    Return the state of one key.

    Args:
        rate: The state.
        pace: The own limit.
        now: The time.
        queues: The queues of its requests.
        until: Until when a new request would wait.
    """
    sizes = {lane: len(queue) for lane, queue in list(queues.items())}
    asker, best = Asker(until=until, forced=until), assume_counted(rate)
    wait = wait_of(best, pace, now, sizes.get(None, 0), asker)
    whole = RateLimitState(wait, sum(sizes.values()), None, 0.0)
    buckets: dict[str, RateLimitState] = {}
    server = rate.server
    if server is None or best.server is None:
        return whole
    whole = whole._replace(paused=max(server.whole.pause - now, 0.0))
    for lane, bucket in list(server.buckets.items()):
        if lane == UNNAMED:
            continue
        bound = Binding(lane, best.server.buckets[lane], None, lane, is_doubtful=False)
        waiting = sizes.get(lane, 0)
        wait = wait_when_bound(best, pace, now, waiting, asker, bound)
        state = _of_bucket(bucket, now, wait, waiting)
        whole = _strictest(whole, state)
        name = lane.bucket or lane.path
        if name is not None:
            known = buckets.get(name)
            if known is not None:
                state = _strictest(state, known)._replace(
                    waiting=state.waiting + known.waiting
                )
            buckets[name] = state
    return whole._replace(buckets=buckets)


def shown_by_cost(
    rate: CostRate,
    terms: Terms,
    now: float,
    queues: Mapping[Lane | None, Sized],
    until: float,
) -> RateLimitState:
    """Return the state of one key in units of cost, as `shown` does."""
    state = shown(rate.requests, Pace(), now, queues, until)
    wait = spending_wait(rate.spending, terms, now, 1.0)
    whole = state._replace(wait=max(state.wait, wait), remaining=None)
    buckets = {
        name: each._replace(remaining=None) for name, each in state.buckets.items()
    }
    for lane, bucket in list(rate.buckets.items()):
        asker = Asker(lane.path or "", lane.caller, until=until, forced=until)
        wait = quota_wait({lane: bucket._replace(in_flight=0)}, asker, now)
        of_cost = _of_bucket(bucket, now, wait, 0)
        known = buckets.get(asker.path)
        buckets[asker.path] = of_cost if known is None else _strictest(known, of_cost)
        whole = _strictest(whole, of_cost)
    return whole._replace(buckets=buckets)


def _of_bucket(bucket: Bucket, now: float, wait: float, waiting: int) -> RateLimitState:
    quota, left = bucket.quota, None
    if quota is not None and now < quota.resets:
        left = max(math.floor(remaining(bucket, quota)), 0)
    return RateLimitState(wait, waiting, left, max(bucket.pause - now, 0.0))


def _strictest(one: RateLimitState, other: RateLimitState) -> RateLimitState:
    left = [each.remaining for each in (one, other) if each.remaining is not None]
    return one._replace(
        wait=max(one.wait, other.wait),
        remaining=min(left, default=None),
        paused=max(one.paused, other.paused),
    )
