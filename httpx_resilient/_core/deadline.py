"""The deadline of a request, and the timeouts that it leaves to each step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol

from httpx_resilient._core.clock import Clock

LEAST = 0.001
"""
Seconds. The least timeout: 0 would make a blocking socket a non-blocking one. A timer
may also fire so much early.
"""

LONGEST = 2_000_000
"""
Seconds. A longer timeout is none: a socket counts it in milliseconds of 32 bits.
"""


class Timers(Protocol):
    """The part of the effects that moves deadlines."""

    def now(self) -> float: ...

    def reschedule(self, timer: Any, seconds: float) -> None: ...


class Deadline:
    """
    The moment by which a request must be done.

    Args:
        at: The moment in monotonic seconds.
        total: The seconds that it was set for.
        since: When it was set, in monotonic seconds.
        outer: The deadline around this one, if there is one. It is never earlier.
    """

    __slots__ = ("at", "outer", "own", "since", "timer", "total")

    at: float
    own: float
    """The moment without the deadline around: `at` is the earlier one of both."""
    total: float
    since: float
    outer: Deadline | None
    timer: Any
    """The timer that interrupts the request, while one runs; else `None`, or unset."""

    @property
    def source(self) -> Deadline:
        """The outermost deadline with this moment: the one that set it."""
        found = self
        while found.outer is not None and found.outer.at == found.at:
            found = found.outer
        return found

    def left(self) -> float:
        """Return the seconds that remain; infinity for a lifted one without another."""
        if self.at == math.inf and self.outer is not None:
            return self.outer.left()
        return self.at - Clock.now()

    def lift(self) -> None:
        """End this deadline, once its headers are there. The one around it stays."""
        self.at = math.inf

    def pause(self, timers: Timers) -> None:
        """Begin a wait in a queue of this side. Each one is followed by `resume`."""
        if self.outer is not None:
            self.outer.pause(timers)
        self._move(timers)

    def resume(self, timers: Timers) -> None:
        """End a wait in a queue of this side."""
        if self.outer is not None:
            self.outer.resume(timers)
        self._move(timers)

    def _move(self, timers: Timers) -> None:
        """Move the moment, and the timer, to where a wait has moved them."""
        at = self.own if self.outer is None else min(self.own, self.outer.at)
        if at == self.at:
            return
        self.at = at
        timer = getattr(self, "timer", None)
        if timer is not None:
            timers.reschedule(timer, at - Clock.now())


class PausingDeadline(Deadline):
    """
    A deadline that limits the time of the server: it pauses while the request waits.

    Hedges may wait at the same time. So it goes on when the last wait has ended.
    """

    __slots__ = ("_own", "_paused", "_waiting")

    def pause(self, timers: Timers) -> None:
        waiting: int = getattr(self, "_waiting", 0)
        if not waiting:
            self._paused, self._own = timers.now(), self.own
            self.own = math.inf
        self._waiting = waiting + 1
        super().pause(timers)

    def resume(self, timers: Timers) -> None:
        self._waiting -= 1
        if not self._waiting:
            self.own = self._own + timers.now() - self._paused
        super().resume(timers)


def set_deadline(
    at: float, total: float, since: float, outer: Deadline | None
) -> Deadline:
    """Make a deadline. An `__init__` would take twice as long."""
    deadline = Deadline()
    deadline.at = deadline.own = at
    deadline.total = total
    deadline.since = since
    deadline.outer = outer
    return deadline


class ShrinkingTimeouts(dict[str, float | None]):
    """
    Timeouts within a deadline: a look-up returns what remains at that moment.

    A transport looks one up at the beginning of each phase (connect, write, read), so
    all phases together take no longer than the deadline, also where nothing interrupts
    a phase: in a synchronous client. A transport that copies the dictionary, or makes
    an `httpx.Timeout` of it, gets what remains at that moment.
    """

    __slots__ = ("deadline",)

    deadline: Deadline

    @classmethod
    def of(
        cls, timeouts: dict[str, float | None], deadline: Deadline
    ) -> ShrinkingTimeouts:
        """
        Limit timeouts by a deadline.

        Args:
            timeouts: The timeouts of the request.
            deadline: The earliest deadline around the request.
        """
        stored: Any = timeouts
        if type(timeouts) is cls:
            stored = timeouts.stored()
        # On the path of every request: an `__init__` would take twice as long.
        made = cls(stored)
        made.deadline = deadline
        return made

    def stored(self) -> Any:
        """Return the timeouts of the caller, which do not shrink, as pairs."""
        pairs: Any = super().items()
        return pairs

    def __getitem__(self, name: str) -> float | None:
        own, left = super().get(name), max(self.deadline.left(), LEAST)
        if left > LONGEST:
            return own
        return left if own is None else min(own, left)

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

    def copy(self) -> ShrinkingTimeouts:
        return ShrinkingTimeouts.of(self, self.deadline)
