"""The server's quota of costs, in any order of requests and answers."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from httpx_resilient._layers.rate_limit.answer import UNANSWERED, Answer
from httpx_resilient._layers.rate_limit.cost_rate import (
    CostRate,
    CostTicket,
    correct,
    record,
    take,
    wait_of,
)
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.spending import Terms
from httpx_resilient._layers.rate_limit.state import Asker

UNLIMITED = Terms()
EVEN = Terms(interval=0.1, burst=1, quota=100, per=10)
ASKER = Asker("/path")
WINDOW = 10.0


def said(left: int, seconds: float, cost: float | None = None) -> Answer:
    costs = ServerQuota(None, left, seconds)
    return Answer(ASKER, is_well=True, cost=cost, costs=costs)


def test_an_unknown_request_changes_nothing() -> None:
    """Its key was evicted while it was in flight."""
    ticket = take(CostRate(), EVEN, 0.0, ASKER._replace(cost=5))[1]
    assert isinstance(ticket, CostTicket)
    answer = UNANSWERED._replace(cost=0.0)
    for unknown in (ticket, 0):
        rate, _ = record(EVEN, CostRate(), 1.0, unknown, answer, 1.0, 0.0)
        assert rate == CostRate()


def test_a_request_from_before_a_quota_was_known_is_not_subtracted() -> None:
    rate, early = take(CostRate(), UNLIMITED, 0.0, ASKER._replace(cost=50))
    rate, _ = record(UNLIMITED, rate, 0.0, 0, said(100, WINDOW), 0.0, 0.0)
    rate, late = take(rate, UNLIMITED, 0.0, ASKER._replace(cost=60))
    assert early is not None
    assert late is not None
    rate, _ = record(UNLIMITED, rate, 0.0, early, UNANSWERED, 0.0, 0.0)
    assert take(rate, UNLIMITED, 0.0, ASKER._replace(cost=60))[1] is None
    assert take(rate, UNLIMITED, 0.0, ASKER._replace(cost=40))[1] is not None


def test_a_late_correction_is_that_of_an_early_one() -> None:
    rate, ticket = take(CostRate(), EVEN, 0.0, ASKER._replace(cost=50))
    assert ticket is not None
    early, _ = record(EVEN, rate, 1.0, ticket, said(9, 1.0, cost=20.0), 1.0, 0.0)
    late, _ = record(EVEN, rate, 1.0, ticket, said(9, 1.0), 1.0, 0.0)
    late, _ = correct(late, EVEN, 1.0, ticket.sent, ticket.cost, 20.0)
    assert early == late


@given(st.integers(1, 8), st.integers())
@settings(max_examples=200)
def test_a_quota_of_costs_is_never_exceeded(workers: int, seed: int) -> None:
    """Requests cost what was reserved, or less. There is no other client."""
    chance, quota = random.Random(seed), 200
    spent, now, ends = 0, 0.0, WINDOW
    going: list[tuple[CostTicket, int]] = []
    coming: list[tuple[CostTicket, int, float]] = []
    rate, _ = record(UNLIMITED, CostRate(), 0.0, 0, said(quota, WINDOW), 0.0, 0.0)
    cost = chance.randint(1, 40)
    while now < 4 * WINDOW:
        asker = ASKER._replace(cost=cost)
        wait = wait_of(rate, UNLIMITED, now, 0, asker)
        passes = wait <= 0 and len(going) + len(coming) < workers
        acts = "g" * bool(going) + "c" * bool(coming) + "p" * passes
        act = chance.choice(acts or "w")
        if act == "p":
            rate, ticket = take(rate, UNLIMITED, now, asker)
            assert ticket is not None
            going.append((ticket, chance.randint(cost // 2, cost)))
            cost = chance.randint(1, 40)
        elif act == "g":
            ticket, actual = going.pop(chance.randrange(len(going)))
            if now >= ends:
                assert spent > quota - 80, "the quota was not used"
                spent, ends = 0, now + WINDOW
            spent += actual
            assert spent <= quota
            coming.append((ticket, quota - spent, ends))
        elif act == "c":
            ticket, left, until = coming.pop(chance.randrange(len(coming)))
            answer = said(left, until - now) if until > now else UNANSWERED
            took = now - ticket.sent
            rate, _ = record(UNLIMITED, rate, now, ticket, answer, took, 0.0)
        else:
            now += wait if wait > 0 else 0.01
        now += chance.choice([0.0, 0.0, 0.001])
