"""What a rate limit counts by: the number of requests, or what they cost."""

from __future__ import annotations

import math
from functools import partial

from httpx_resilient._layers.rate_limit import answers, cost_rate, gcra
from httpx_resilient._layers.rate_limit.rates import Rules
from httpx_resilient._layers.rate_limit.shown import shown, shown_by_cost
from httpx_resilient._layers.rate_limit.spending import Terms
from httpx_resilient._layers.rate_limit.state import Pace, Rate


def by_number(requests: float | None, per: float, burst: int) -> Rules:
    """Return the rules of a limit on the number of requests."""
    interval = 0.0 if requests is None else per / requests
    return Rules(
        Rate(),
        Pace(interval, (burst - 1) * interval),
        gcra.take,
        gcra.wait_of,
        answers.record,
        gcra.assume_counted,
        shown,
        has_costs=False,
    )


def by_cost(requests: float | None, per: float, burst: int) -> Rules:
    """Return the rules of a limit on what requests cost."""
    terms = Terms(0.0, burst, math.inf, per)
    if requests is not None:
        terms = Terms(per / requests, burst, requests, per)
    return Rules(
        cost_rate.CostRate(),
        terms,
        cost_rate.take,
        cost_rate.wait_of,
        partial(cost_rate.record, terms),
        cost_rate.assume_counted,
        shown_by_cost,
        has_costs=True,
    )
