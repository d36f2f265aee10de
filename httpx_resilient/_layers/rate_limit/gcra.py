"""
How fast requests may go: what is known of a key, and how that changes.

An own limit is kept by the generic cell rate algorithm, in its form of virtual
scheduling (ITU-T I.371, annex A; ATM Forum, Traffic Management 4.0, section 4.4.2):
all that it must remember is when the next request would come if requests kept exactly
to the rate. What the server said goes beside it.

All is pure: times are monotonic seconds, and chance is an event's `dice`, 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, cast

NOW = 1e-9
"""Seconds that are no wait: sums of times are not exact."""

_STEP = 1 / 8
"""After a pause each takes this part of what is left of the span for itself."""

_ROUNDED = 1.0
"""Seconds by which the ends that two answers tell may differ, and be the same: most
servers tell whole seconds."""


class Pace(NamedTuple):
    """
    An own limit. The default is none.

    Args:
        interval: Seconds between requests. I.371 calls it T.
        tolerance: Seconds that a request may be early: its tau.
    """

    interval: float = 0.0
    tolerance: float = 0.0


class Quota(NamedTuple):
    """
    What the server allows until its window ends.

    Answers overtake each other, so the last one is not the newest. But one to a request
    that was sent after others were answered has counted those. So answers are heard in
    rounds: a round is over with the first answer to a request that was sent in it. The
    fewest that were left in this round or the one before, less the requests on their
    way, are left for certain, and when nothing is on its way it is what is left.

    Args:
        least: The fewest requests that an answer of this round has left.
        before: The same for the round before.
        since: Requests with a higher number were sent in this round.
        ends: When the window ends, as far as it was told.
        resets: When requests go on: then, or a little later.
        span: Seconds over which those who wait for it are spread.
    """

    least: int
    before: int
    since: int
    ends: float
    resets: float
    span: float


class Word(NamedTuple):
    """
    What the server said.

    Args:
        opens: Nobody passes before.
        eases: Until then those who pass are spread, because a pause came before.
        quota: What it allows, if it said so.
        counts: Whether it ever told of a quota.
    """

    opens: float = -math.inf
    eases: float = -math.inf
    quota: Quota | None = None
    counts: bool = False


class Rate(NamedTuple):
    """
    What is known of a key.

    Args:
        tat: The theoretical arrival time: when the next request would come if all kept
            exactly to the own limit.
        word: What the server said, if it said anything.
        counted: Requests that passed while there was a word. The last has this number.
        ended: How many of them came to an end, whichever.
    """

    tat: float = -math.inf
    word: Word | None = None
    counted: int = 0
    ended: int = 0


_SILENCE = Word()


def due(rate: Rate, pace: Pace, now: float, ahead: int = 0) -> float:
    """Tell how many seconds a request waits at least, behind so many others."""
    tat, word, _, _ = rate
    opens, _, quota, _ = word or _SILENCE
    start = max(now, opens, tat - pace.tolerance)
    if ahead:
        last = max(tat, start) + ahead * pace.interval
        start = max(start, last - pace.tolerance)
    if quota is not None and left_of(quota, rate) <= ahead:
        start = max(start, quota.resets)
    return start - now


def left_of(quota: Quota, rate: Rate) -> int:
    """
    Tell how many requests the server allows yet, at least.

    Those on their way may be counted by it already, or not. There are fewer than none
    left if more are on their way than it allows.
    """
    return min(quota.least, quota.before) - (rate.counted - rate.ended)


def at_best(rate: Rate) -> Rate:
    """Tell how it is if the server has counted already all that are on their way."""
    return rate._replace(ended=rate.counted)


def take(rate: Rate, pace: Pace, now: float) -> tuple[Rate, int | None]:
    """Let a request pass and tell its number, 0 without one; `None` if it waits."""
    tat, word, counted, ended = rate
    interval, tolerance = pace
    number = 0
    if word is not None:
        if due(rate, pace, now) > NOW:
            return rate, None
        word = _passed(rate, word, now)
        if word is not None:
            number = counted = counted + 1
    elif tat - tolerance > now + NOW:
        return rate, None
    # Each request pays for this: `max`, and a named tuple's own way to make one, take
    # three times as long together.
    tat = (tat if tat > now else now) + interval  # noqa: FURB136
    return _new(Rate, (tat, word, counted, ended)), number


_new: Callable[..., Rate] = cast("Any", tuple).__new__


def _passed(rate: Rate, word: Word, now: float) -> Word | None:
    """Tell what becomes of the server's word if one more request goes to it now."""
    opens, eases, quota, counts = word
    if quota is not None and now >= quota.resets - NOW:
        if left_of(quota, rate) <= 0:
            eases = max(eases, now + quota.span)
        quota = None
    if now < eases:
        # The first after a pause go one by one, to see how it goes, and the others
        # ever faster: their number is not known, and all of them pass within the span.
        opens = now + (eases - now) * _STEP
    elif quota is None and not counts:
        return None
    return Word(opens, eases, quota, counts)


def end(rate: Rate, number: int) -> tuple[Rate, None]:
    """
    Note that a request has come to an end, and told nothing of a quota.

    It is not counted then: much has none at servers that tell of one, and if the server
    did count it, the next answer says so.
    """
    # One whose key was forgotten meanwhile is not known any more.
    if 0 < number <= rate.counted and rate.ended < rate.counted:
        rate = rate._replace(ended=rate.ended + 1)
    return rate, None


def pause(
    rate: Rate, now: float, number: int, seconds: float, dice: float
) -> tuple[Rate, None]:
    """
    Let nobody pass for so long: the server said when to come back.

    That is the last word: what was known of a quota is forgotten. Many are refused at
    the same time, and chance decides for the first of them only: else the latest of
    their times would count, which is the same for all clients.
    """
    (opens, eases, _, counts), span = rate.word or _SILENCE, spread(seconds)
    if opens < now + seconds:
        opens = now + seconds + dice * span
    word = Word(opens, max(eases, opens + span), None, counts)
    return end(rate._replace(word=word), number)


def learn(
    rate: Rate,
    now: float,
    number: int,
    left: int,
    seconds: float,
    took: float,
    dice: float,
) -> tuple[Rate, None]:
    """Note what the answer to a request, after so long, told of the server's quota."""
    word, ends, counted = rate.word or _SILENCE, now + seconds, rate.counted
    quota, span = word.quota, spread(seconds)
    resets = ends + dice * span
    if (
        quota is None
        or now >= quota.resets
        or ends - took > quota.ends + _ROUNDED  # the next window
    ):
        quota = Quota(left, left, counted, ends, resets, span)
    else:
        least, before, since, was, _, _ = quota
        if ends > was - _ROUNDED:  # the same window
            later = max(ends - was, 0.0)
            ends, resets, span = was + later, quota.resets + later, quota.span
        elif number <= since:  # one that is over
            return end(rate, number)
        if number > since:
            least, before, since = left, least, counted
        quota = Quota(min(left, least), before, since, ends, resets, span)
    word = word._replace(quota=quota, counts=True)
    return end(rate._replace(word=word), number)


def spread(seconds: float) -> float:
    """
    Tell over how many seconds to spread those who waited so long.

    Clients that were turned away together would else come back together: a tenth, and
    5 s at most, as `wait_retry_after` does.
    """
    return min(seconds / 10, 5.0)
