"""
How long an idle connection may be trusted with a request that must not be repeated.

A server closes idle connections after a time of its own. If it does so while a request
is on its way, the request fails, and nobody knows whether it was processed. So such a
request needs a connection whose server will certainly not close it now (RFC 9112 §9.5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

UNTESTED = 0.5
"""
Seconds that a connection may be idle if nothing is known of its server. The shortest
default among common servers is 2 s (gunicorn); 5 s is the most common (uvicorn, node,
Apache, hypercorn).
"""

MARGIN = 0.1
"""
The share by which a known time is shortened: for the way of the request, and because
servers measure from another moment, some of them only now and then.
"""


class IdleTimeout:
    """
    What is known of the idle timeout of an origin.

    It is announced by the server (`Keep-Alive: timeout=5`), or learned: a connection
    that was found open after some time shows that the timeout is longer, and one that
    was found closed, that it is shorter.
    """

    __slots__ = ("announced", "closed_after", "open_after")

    def __init__(self) -> None:
        self.announced = math.inf
        """Seconds that the server has announced last."""
        self.open_after = 0.0
        """The longest time after which a connection was found open."""
        self.closed_after = math.inf
        """The shortest time after which one was found closed, and none open since."""

    @property
    def trusted(self) -> float:
        """The seconds of idleness after which a connection is still trusted."""
        shown = self.open_after if self.announced == math.inf else self.announced
        shortest = min(self.announced, self.closed_after)
        return max(
            min(shown, self.closed_after) * (1 - MARGIN), min(UNTESTED, shortest / 2)
        )

    def observe_open(self, idle: float) -> None:
        """Learn from a connection that is open after this number of seconds."""
        self.open_after = max(self.open_after, idle)
        if idle >= self.closed_after:
            self.closed_after = math.inf  # it was closed for another reason, then

    def observe_closed(self, idle: float) -> None:
        """Learn from a connection that was closed within this number of seconds."""
        self.closed_after = min(self.closed_after, idle)
        self.open_after = min(self.open_after, idle)


def announced_timeout(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """
    Return the seconds that `Keep-Alive: timeout=` names, or infinity.

    The field is that of RFC 2068 §19.7.1.1, which HTTP/1.1 has dropped; nginx, Apache
    and node send it.
    """
    for name, value in headers:
        if name.lower() == b"keep-alive":
            for part in value.split(b","):
                key, _, seconds = part.partition(b"=")
                if key.strip().lower() == b"timeout" and seconds.strip().isdigit():
                    return float(seconds)
    return math.inf
