"""The deadline of a request, and the timeouts that it leaves to each step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from httpx_resilient._core.attempts import Record
from httpx_resilient._core.clock import Clock

KEY = "deadline"
"""The key of the deadline in the extensions of a request."""

LEAST = 0.001
"""
Seconds. The least timeout: 0 would make a blocking socket a non-blocking one. A timer
may also fire so much early.
"""


class ShrinkingTimeouts(dict[str, float | None], ABC):
    """
    Timeouts that shrink: a look-up returns what remains at that moment.

    A transport looks one up at the beginning of each phase (connect, write, read), so
    all phases together take no longer than the deadline. A transport that copies the
    dictionary, or makes an `httpx.Timeout` of it, gets what remains at that moment.
    """

    __slots__ = ()

    @abstractmethod
    def left(self) -> float:
        """Return the seconds that remain, at least `LEAST`; infinity for no limit."""

    def stored(self) -> Any:
        """Return the timeouts of the caller, which do not shrink, as pairs."""
        pairs: Any = super().items()
        return pairs

    def __getitem__(self, name: str) -> float | None:
        own, left = super().get(name), self.left()
        if own is None:
            return None if left == math.inf else left
        return min(own, left)

    def get(self, name: str, default: Any = None) -> float | None:  # noqa: ARG002 - a deadline gives each phase a timeout
        return self[name]

    def __iter__(self) -> Iterator[str]:
        # `dict(timeouts)` and `**timeouts` copy the stored values, unless a subclass
        # has its own `__iter__`: then CPython calls `keys` and `__getitem__`.
        return super().__iter__()

    def items(self) -> Any:
        return {name: self[name] for name in self}.items()

    def values(self) -> Any:
        return {name: self[name] for name in self}.values()


class Deadline(ShrinkingTimeouts):
    """
    The moment by which a request must be done, and the timeouts that it leaves.

    It is one object with the timeouts, because each request with a deadline needs one.
    What only nested deadlines need is set for those alone: each attribute that every
    request sets costs 100 of the 26,000 instructions of a deadline.
    """

    __slots__ = ("at", "left_behind", "outer", "own", "since", "total")

    at: float
    """The moment in monotonic seconds; infinity once it is lifted."""
    total: float
    """The seconds that it was set for."""
    own: dict[str, float | None]
    """The timeouts of the caller."""
    outer: Deadline | None
    """The deadline around this one. It is never earlier."""
    since: float
    """When its layer was given the request. Set only if there is an outer deadline."""
    left_behind: list[Record] | None
    """The attempts of a request that was cut off, for the exception."""

    @classmethod
    def of(cls, timeouts: dict[str, float | None], at: float, total: float) -> Deadline:
        """
        Set a deadline for a request.

        Args:
            timeouts: The timeouts of the request.
            at: The moment in monotonic seconds.
            total: The seconds until then.
        """
        # On the path of every request: an `__init__` would take twice as long.
        made = cls(timeouts)
        made.at = at
        made.total = total
        made.own = timeouts
        made.outer = made.left_behind = None
        return made

    @classmethod
    def inside(
        cls,
        outer: Deadline,
        timeouts: dict[str, float | None],
        at: float,
        total: float,
        since: float,
    ) -> Deadline:
        """
        Set a deadline inside of another one, which is not earlier.

        Args:
            outer: The deadline around this one.
            timeouts: The timeouts of the request.
            at: The moment in monotonic seconds.
            total: The seconds that it was set for.
            since: The current moment.
        """
        own: Any = timeouts
        if type(timeouts) is Deadline:
            own = timeouts.own
        elif type(timeouts) is CopiedTimeouts:
            own = dict(timeouts.stored())
        made = cls.of(own, at, total)
        made.outer = outer
        made.since = since
        return made

    def note(self, now: float) -> None:
        """Note that the request was cut off, unless a retry inside has noted more."""
        if self.left_behind is None:
            since = self.at - self.total if self.outer is None else self.since
            cut = (1, None, "cancelled", 0.0, now - since, 0.0, None, None)
            self.left_behind = [cut]

    def left(self) -> float:
        if self.at == math.inf and self.outer is not None:
            return self.outer.left()
        return max(self.at - Clock.now(), LEAST)

    def lift(self) -> None:
        """End this deadline, once its headers are there. The one around it stays."""
        self.at = math.inf

    def copy(self) -> CopiedTimeouts:
        return CopiedTimeouts.of(self, self)


class CopiedTimeouts(ShrinkingTimeouts):
    """Timeouts that a transport may change, and that shrink like their original."""

    __slots__ = ("_deadline",)

    _deadline: Deadline

    @classmethod
    def of(cls, original: ShrinkingTimeouts, deadline: Deadline) -> CopiedTimeouts:
        """Copy timeouts."""
        made = cls(original.stored())
        made._deadline = deadline
        return made

    def left(self) -> float:
        return self._deadline.left()

    def copy(self) -> CopiedTimeouts:
        return CopiedTimeouts.of(self, self._deadline)


def deadline_of(request: Any) -> Deadline | None:
    """Return the deadline that a layer around this one has set."""
    found = request.extensions.get(KEY)
    return found if isinstance(found, Deadline) else None
