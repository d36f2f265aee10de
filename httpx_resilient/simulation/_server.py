"""A server as a user describes it: its capacity, its latency, and its bad times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from httpx_resilient._core.public import public
from httpx_resilient._core.validation import number

KINDS = MappingProxyType(
    {
        "dead": None,
        "slow": (10.0, 1.0, math.inf, ""),
        "429": (1.0, 0.0, 86_400.0, "seconds"),
        "errors": (1.0, 0.0, 1.0, ""),
        "restart": None,
    }
)
"""The kinds of outages: the default of their value, its least, its most, its unit."""

_FOREVER = 31_536_000.0
"""Seconds; a year."""


@public("httpx_resilient.simulation")
@dataclass(frozen=True, slots=True)
class Outage:
    """
    A bad time of a server.

    Args:
        start: Its first second.
        end: Its end, in seconds.
        kind: What happens.

            * `dead`: the server stands still. It accepts requests, and works on them
              when it is back, even if nobody waits any more.
            * `slow`: all work takes `value` times as long; 10 by default.
            * `429`: each request is answered 429, with a `Retry-After` of `value`
              seconds; 1 by default.
            * `errors`: a share `value` of the requests is answered 503; all by default.
            * `restart`: all requests in flight break, and no connection can be made
              until the end.
        value: The number that the kind has, if it has one.

    Raises:
        TypeError: A time or the value is not a number.
        ValueError: The kind is unknown; a number is out of range; the end is not after
            the start; the kind has no value.

    Example:
        >>> Outage(60, 90)
        Outage(start=60, end=90, kind='dead', value=None)
        >>> Outage(60, 90, "slow").value
        10.0
    """

    start: float
    end: float
    kind: str = "dead"
    value: float | None = None

    def __post_init__(self) -> None:
        number("start", self.start, least=0, most=_FOREVER, unit="seconds")
        number("end", self.end, above=0, most=_FOREVER, unit="seconds")
        if self.end <= self.start:
            msg = (
                f"an outage ends after its start; got {self.start:g} to {self.end:g} s"
            )
            raise ValueError(msg)
        if self.kind not in KINDS:
            msg = f"an outage is {', '.join(KINDS)}; got {self.kind!r}"
            raise ValueError(msg)
        limits = KINDS[self.kind]
        if limits is None:
            if self.value is not None:
                msg = f"an outage of the kind {self.kind} has no value"
                raise ValueError(msg)
            return
        default, least, most, unit = limits
        if self.value is None:
            object.__setattr__(self, "value", default)
        name = f"the value of {self.kind}"
        number(name, self.value, least=least, most=most, unit=unit)

    @property
    def amount(self) -> float:
        """The value; 0 for a kind that has none."""
        return self.value or 0.0


@public("httpx_resilient.simulation")
@dataclass(frozen=True, slots=True)
class Server:
    """
    A server: it works on one request after the other, in order of arrival.

    The work on a request takes 1 / `capacity` seconds on average, exponentially
    distributed. Its answer is under way for `latency` besides. A request that its
    client has given up is worked on, too: most servers do not notice.

    Args:
        capacity: Requests per second that it can serve.
        latency: The median of the seconds that an answer takes at an idle server,
            besides the work. They are
            lognormally distributed, with a sigma of 0.35.
        queue: Requests that may wait; the others are answered 503. By default any
            number: then the timeouts of the clients limit the wait.
        outages: Its bad times, which do not overlap.

    Raises:
        TypeError: A value is not a number, or an outage not an `Outage`.
        ValueError: A number is out of range, or outages overlap.

    Example:
        >>> Server(capacity=300, outages=[Outage(60, 90)]).recovers_from
        90
    """

    capacity: float = 100.0
    latency: float = 0.05
    queue: int | None = None
    outages: Sequence[Outage] = ()

    def __post_init__(self) -> None:
        number("capacity", self.capacity, above=0, most=1e6, unit="requests per second")
        number("latency", self.latency, least=0, most=3_600, unit="seconds")
        if self.queue is not None:
            number("queue", self.queue, least=0, whole=True, unit="requests")
        for each in self.outages:
            if not isinstance(each, Outage):
                msg = f"outages are Outage objects, as Outage(60, 90); got {each!r}"
                raise TypeError(msg)
        in_order = tuple(sorted(self.outages, key=lambda each: each.start))
        for one, other in pairwise(in_order):
            if other.start < one.end:
                msg = (
                    "outages do not overlap; got "
                    f"{one.start:g} to {one.end:g} s and "
                    f"{other.start:g} to {other.end:g} s"
                )
                raise ValueError(msg)
        object.__setattr__(self, "outages", in_order)

    @property
    def recovers_from(self) -> float | None:
        """The end of the last outage, in seconds; `None` if there is none."""
        return self.outages[-1].end if self.outages else None
