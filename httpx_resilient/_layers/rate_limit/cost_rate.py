"""
The state of a rate limit by cost for one key, and its decisions, as pure functions.

They have the arguments of those of a limit on the number of requests. What a server
says about that is respected, too.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from httpx_resilient._layers.rate_limit import answers, gcra
from httpx_resilient._layers.rate_limit.answer import Answer
from httpx_resilient._layers.rate_limit.cost_quota import (
    Buckets,
    cost_lane,
    quota_wait,
    with_one_less,
    with_one_more,
    with_report,
)
from httpx_resilient._layers.rate_limit.spending import (
    Spending,
    Terms,
    corrected,
    spending_wait,
    spent,
)
from httpx_resilient._layers.rate_limit.state import (
    ANYBODY,
    EPSILON,
    NOTHING,
    Asker,
    Lane,
    Pace,
    Rate,
    ServerState,
    Ticket,
)

_UNPACED = Pace(tolerance=math.inf)
_UNCOUNTED: Ticket | int = 0


class CostRate(NamedTuple):
    """
    The state of one key.

    Args:
        spending: What was spent of the own limit.
        requests: The limits of the server on the number of requests.
        buckets: Its quotas of costs.
        counted: The number of the latest request.
    """

    spending: Spending = Spending()
    requests: Rate = Rate()
    buckets: Buckets = NOTHING
    counted: int = 0

    @property
    def server(self) -> ServerState | None:
        """The limits of the server on the number of requests, as in `Rate`."""
        return self.requests.server


class CostTicket(NamedTuple):
    """
    A request whose cost is reserved.

    Args:
        number: Its number among the requests of its key.
        cost: What is reserved.
        sent: When it was sent.
        lane: The quota of costs that it was counted for.
        ticket: Its ticket among the requests that the server counts.
    """

    number: int
    cost: float
    sent: float
    lane: Lane
    ticket: Ticket | int = 0


def wait_of(
    rate: CostRate, terms: Terms, now: float, ahead: int = 0, asker: Asker = ANYBODY
) -> float:
    """Return the least seconds that a request waits behind this number of others."""
    return max(
        spending_wait(rate.spending, terms, now, asker.cost, asker.ahead),
        quota_wait(rate.buckets, asker, now),
        gcra.wait_of(rate.requests, _UNPACED, now, ahead, asker),
    )


def take(
    rate: CostRate, terms: Terms, now: float, asker: Asker = ANYBODY
) -> tuple[CostRate, CostTicket | None]:
    """Admit a request if it need not wait. The decision is its ticket, or `None`."""
    cost = asker.cost
    wait = max(
        spending_wait(rate.spending, terms, now, cost),
        quota_wait(rate.buckets, asker, now),
    )
    if wait > EPSILON:
        return rate, None
    requests, ticket = gcra.take(rate.requests, _UNPACED, now, asker)
    if ticket is None:
        return rate, None
    spending = spent(rate.spending, terms, now, cost)
    buckets, number = with_one_more(rate.buckets, asker, now), rate.counted + 1
    rate = CostRate(spending, requests, buckets, number)
    return rate, CostTicket(number, cost, now, cost_lane(asker), ticket)


def record(
    terms: Terms,
    rate: CostRate,
    now: float,
    ticket: CostTicket | int,
    answer: Answer,
    elapsed: float,
    jitter: float,
) -> tuple[CostRate, None]:
    """Record the end of a request, as `answers.record` does, and its actual cost."""
    spending, requests, buckets, counted = rate
    number, inner = 0, _UNCOUNTED
    # It is unknown if its key was evicted while it was in flight.
    if isinstance(ticket, CostTicket) and ticket.number <= counted:
        number, cost, sent, lane, inner = ticket
        buckets = with_one_less(buckets, lane, number, cost)
        if answer.cost is not None:
            spending = corrected(spending, terms, now, sent, cost, answer.cost)
    requests, _ = answers.record(requests, now, inner, answer, elapsed, jitter)
    if answer.costs is not None:
        buckets = with_report(
            buckets, answer.asker, now, number, answer.costs, elapsed, counted, jitter
        )
    return CostRate(spending, requests, buckets, counted), None


def correct(
    rate: CostRate, terms: Terms, now: float, sent: float, cost: float, actual: float
) -> tuple[CostRate, None]:
    """Correct what was spent for a request that has ended."""
    spending = corrected(rate.spending, terms, now, sent, cost, actual)
    return rate._replace(spending=spending), None


def assume_counted(rate: CostRate) -> CostRate:
    """Return the best case: the server has counted all requests in flight already."""
    buckets = {k: each._replace(in_flight=0) for k, each in rate.buckets.items()}
    return rate._replace(requests=gcra.assume_counted(rate.requests), buckets=buckets)
