"""
The own limit on what requests cost, as pure functions.

Requests are spaced by their costs, as the generic cell rate algorithm spaces cells: see
`gcra.py`. That alone would let a period have the quota and one request more, as costs
differ. So what was spent in the last period is added up, too.
"""

from __future__ import annotations

import math
from typing import NamedTuple

SLOTS = 256
"""
The parts of a period that costs are added up in.

What is spent in a slot counts until a period after its end: at most 0.4 % of the quota
is unused for that.
"""

_ROUNDING = 1e-9
"""The part of the quota that a sum of costs may be wrong by."""


class Terms(NamedTuple):
    """
    The own limit on costs. The default has no limit.

    Args:
        interval: Seconds for each unit of cost.
        burst: The units that may be spent at once after a pause.
        quota: The units of a period.
        per: The seconds of a period.
    """

    interval: float = 0.0
    burst: float = 1.0
    quota: float = math.inf
    per: float = 1.0


class Spending(NamedTuple):
    """
    What was spent.

    Args:
        tat: The theoretical arrival time of I.371, as in `Rate`.
        since: When `tat` was last in the past. What was spent before that is paid for.
        slots: The numbers of the slots of the last period, and what was spent in them.
    """

    tat: float = -math.inf
    since: float = -math.inf
    slots: tuple[tuple[int, float], ...] = ()


def spending_wait(
    spending: Spending, terms: Terms, now: float, cost: float, ahead: float = 0.0
) -> float:
    """
    Return the seconds until a cost may be spent, after others that wait.

    A cost above the burst has to wait until the spacing of all before has passed, and
    one above the quota until nothing counts any more. Then it goes alone.

    Args:
        spending: What was spent.
        terms: The own limit.
        now: The time.
        cost: The cost of the request.
        ahead: The costs of those that are sent before it.
    """
    early = max(terms.burst - cost, 0.0) * terms.interval
    start = max(now, spending.tat - early)
    if ahead:
        start = max(start, max(spending.tat, now) + ahead * terms.interval - early)
    most = max(terms.quota - cost - ahead, 0.0) + terms.quota * _ROUNDING
    slots = _counting(spending, terms, now)
    total = math.fsum(spent for _, spent in slots)
    for slot, spent in slots:
        if total <= most:
            break
        total -= spent
        start = max(start, _end_of(slot, terms))
    return start - now


def spent(spending: Spending, terms: Terms, now: float, cost: float) -> Spending:
    """Return what is spent after one more cost."""
    if not terms.interval:
        return spending
    tat, since, _ = spending
    if tat <= now:
        tat = since = now
    tat += cost * terms.interval
    slots = _counting(spending, terms, now)
    number = _slot_at(now, terms)
    if slots and slots[-1][0] >= number:
        number, before = slots[-1]
        slots, cost = slots[:-1], before + cost
    return Spending(tat, since, (*slots, (number, cost)))


def corrected(
    spending: Spending,
    terms: Terms,
    now: float,
    sent: float,
    cost: float,
    actual: float,
) -> Spending:
    """
    Return what is spent after the actual cost of a request is known.

    Args:
        spending: What was spent.
        terms: The own limit.
        now: The time.
        sent: When the request was sent.
        cost: The cost that was counted for it.
        actual: Its actual cost.
    """
    if actual == cost:
        return spending
    if actual > cost:
        return spent(spending, terms, now, actual - cost)
    tat, since, slots = spending
    if sent >= since:  # else, its spacing has passed already
        least = sent + actual * terms.interval
        tat = min(tat, max(tat - (cost - actual) * terms.interval, least))
    number, less = _slot_at(sent, terms), cost - actual
    slots = tuple(
        (each, max(units - less, 0.0) if each == number else units)
        for each, units in slots
    )
    return Spending(tat, since, slots)


def _counting(
    spending: Spending, terms: Terms, now: float
) -> tuple[tuple[int, float], ...]:
    """Return the slots that count still."""
    slots = spending.slots
    if slots and _end_of(slots[0][0], terms) <= now:
        return tuple(each for each in slots if _end_of(each[0], terms) > now)
    return slots


def _slot_at(now: float, terms: Terms) -> int:
    return math.floor(now / terms.per * SLOTS)


def _end_of(slot: int, terms: Terms) -> float:
    """Return when a slot does not count any more."""
    return (slot + 1) / SLOTS * terms.per + terms.per
