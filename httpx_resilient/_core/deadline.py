"""The deadline of a request, and the timeouts that it leaves to each step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
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
    all phases together take no longer than the deadline. The stored values are those of
    the moment when the request was sent: a transport that copies the dictionary, or
    makes an `httpx.Timeout` of it, keeps the deadline as well.
    """

    __slots__ = ("own",)

    own: dict[str, float | None]
    """The timeouts of the caller."""

    @abstractmethod
    def left(self) -> float:
        """Return the seconds that remain, at least `LEAST`; infinity for no limit."""

    def __getitem__(self, name: str) -> float | None:
        own, left = self.own.get(name), self.left()
        if own is None:
            return None if left == math.inf else left
        return min(own, left)

    def get(self, name: str, default: Any = None) -> float | None:  # noqa: ARG002 - a deadline gives each phase a timeout
        return self[name]

    def __setitem__(self, name: str, seconds: float | None) -> None:
        self.own = {**self.own, name: seconds}
        super().__setitem__(name, seconds)

    def shrink(self, left: float) -> None:
        """Store what remains now, for a transport that copies the timeouts."""
        left = max(left, LEAST)
        for name, seconds in self.own.items():
            if seconds is None or seconds > left:
                super().__setitem__(name, left)

    def update(self, changes: dict[str, float | None]) -> None:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride] - the other forms are not used
        for name, seconds in changes.items():
            self[name] = seconds


class Deadline(ShrinkingTimeouts):
    """
    The moment by which a request must be done, and the timeouts that it leaves.

    It is one object, because every request with a deadline has it copied twice.
    """

    __slots__ = ("at", "is_cut", "is_lifted", "left_behind", "outer", "since", "total")

    at: float
    """The moment in monotonic seconds; infinity once it is lifted."""
    total: float
    """The seconds that it was set for."""
    since: float
    """When its layer was given the request, in monotonic seconds."""
    outer: Deadline | None
    """The deadline around this one. It is never earlier."""
    is_lifted: bool
    is_cut: bool
    """Whether its layer, or one inside for it, has raised that it was exceeded."""
    left_behind: list[Record] | None
    """The attempts of a request that was cut off, for the exception."""

    @classmethod
    def of(
        cls,
        timeouts: dict[str, float | None],
        at: float,
        total: float,
        outer: Deadline | None = None,
        since: float | None = None,
    ) -> Deadline:
        """
        Set a deadline for a request.

        Args:
            timeouts: The timeouts of the request.
            at: The moment in monotonic seconds.
            total: The seconds until then.
            outer: The deadline around this one.
            since: The current moment, if it is not `total` seconds before `at`.
        """
        # On the path of every request: an `__init__` would take twice as long.
        made = cls(timeouts)
        if isinstance(timeouts, ShrinkingTimeouts):
            made.own = timeouts.own
        else:
            made.own = dict(timeouts)
        made.at = at
        made.total = total
        made.since = now = at - total if since is None else since
        made.outer = outer
        made.is_lifted = made.is_cut = False
        made.left_behind = None
        made.shrink(at - now)
        return made

    def note(self, now: float) -> None:
        """Note that the request was cut off, unless a retry inside has noted more."""
        if self.left_behind is None:
            cut = (1, None, "cancelled", 0.0, now - self.since, 0.0, None, None)
            self.left_behind = [cut]

    def left(self) -> float:
        if self.is_lifted:
            return math.inf if self.outer is None else self.outer.left()
        return max(self.at - Clock.now(), LEAST)

    def lift(self) -> None:
        """End this deadline, once its headers are there. The one around it stays."""
        self.is_lifted = True
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
        made = cls(original)
        made.own = original.own
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
