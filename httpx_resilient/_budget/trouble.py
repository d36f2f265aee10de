"""
What costs no retry: a single event of an origin, and a wait that it asks for.

A budget is for silent failures that go on. A healthy origin that restarts breaks all
requests in flight at once, and a server that says when to return expects the request.
All functions are pure; times are monotonic seconds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

GRACE = 2.0
"""
Seconds for which retries are free after an origin that has worked begins to fail.

That is a restart, or a change of leader. An origin that is overloaded lets requests
time out, and retries after timeouts are never free.
"""

BELIEVED = 120.0
"""
Seconds for which waits that an origin asks for are free while it serves no request.

Twice the longest wait that is respected by default. A server that names a second for an
hour, and serves nobody, so gets 1.1 requests per call.
"""


class Trouble(NamedTuple):
    """
    Failures of one origin that belong together.

    Args:
        began: When the first of them came.
        latest: When the latest of them came.
    """

    began: float = -math.inf
    latest: float = -math.inf


NO_TROUBLE = Trouble()


def failing(trouble: Trouble, served: float, now: float, quiet: float) -> Trouble:
    """
    Add a failure. It begins a new event if the origin has worked for a while.

    Args:
        trouble: The failures so far.
        served: When the origin last served a request.
        now: When the request failed.
        quiet: Seconds without a failure that part two events.
    """
    is_first = trouble is NO_TROUBLE
    is_new = served > trouble.latest and now - trouble.latest > quiet
    return Trouble(now if is_first or is_new else trouble.began, now)


def is_single_event(trouble: Trouble, sent: float, now: float, grace: float) -> bool:
    """
    Whether a failure is part of an event that has just begun.

    Args:
        trouble: The failures, with this one.
        sent: When the attempt that failed was sent. What was in flight when the event
            began may be sent once more, however late it fails.
        now: When it failed.
        grace: Seconds of an event in which all failures are part of it.
    """
    return grace > 0 and (sent <= trouble.began or now - trouble.began < grace)


def asking(asked: Trouble, served: float, now: float) -> Trouble:
    """Add a failure that tells when to return. `asked` is of those only."""
    is_new = served > asked.latest or now - asked.latest > BELIEVED
    return Trouble(now if is_new else asked.began, now)


def is_believed(asked: Trouble, now: float) -> bool:
    """Whether what the origin says about the time of a return may still be true."""
    return now - asked.began < BELIEVED
