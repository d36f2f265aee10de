"""A moment by which a request is to be done, and what it leaves to its steps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

from httpx_resilient._core.attempts import Record
from httpx_resilient._core.clock import Clock

KEY = "deadline"

LEAST = 0.001
"""A timeout of nothing would make a blocking socket one that does not block."""


class Remaining(dict[str, float | None], ABC):
    """
    Timeouts that shrink: each is what remains at the moment when it is looked up.

    A transport does that once for each phase (connect, write, read), so that all of
    them together take no longer than one.
    """

    __slots__ = ()

    @abstractmethod
    def left(self) -> float:
        """Seconds that remain, and at least one thousandth of one."""

    def __getitem__(self, name: str) -> float | None:
        own, left = super().get(name), self.left()
        if own is None:
            return None if left == math.inf else left
        return min(own, left)

    def get(self, name: str, default: Any = None) -> float | None:  # noqa: ARG002 - there is always one
        return self[name]


class Deadline(Remaining):
    """A moment by which a request is to be done, and the timeouts that it leaves."""

    __slots__ = ("at", "left_behind", "total")

    at: float
    """Monotonic seconds."""
    total: float
    """How many they were when it was set."""
    left_behind: list[Record] | None
    """The attempts at what was cut off: there is no outcome to leave them on."""

    @classmethod
    def of(cls, timeouts: dict[str, float | None], at: float, total: float) -> Deadline:
        """Set it for a request that has these timeouts."""
        # Every request comes by here, and an `__init__` would take twice as long.
        made = cls(timeouts)
        made.at = at
        made.total = total
        made.left_behind = None
        return made

    def note(self, now: float) -> None:
        """Note that a request was cut off, unless a retry inside has told more."""
        if self.left_behind is None:
            took = now - self.at + self.total
            cut = (1, None, "cancelled", 0.0, took, 0.0, None, None)
            self.left_behind = [cut]

    def left(self) -> float:
        return max(self.at - Clock.now(), LEAST)

    def lift(self) -> None:
        """Let what is still to come take its time."""
        self.at = math.inf

    def copy(self) -> Copied:
        return Copied(self, self)


class Copied(Remaining):
    """Timeouts to be changed, which shrink like those that they are a copy of."""

    __slots__ = ("_deadline",)

    def __init__(self, timeouts: dict[str, float | None], deadline: Deadline) -> None:
        super().__init__(timeouts)
        self._deadline = deadline

    def left(self) -> float:
        return self._deadline.left()

    def copy(self) -> Copied:
        return Copied(self, self._deadline)


def deadline_of(request: Any) -> Deadline | None:
    """The deadline that a layer outside of this one has set."""
    found = request.extensions.get(KEY)
    return found if isinstance(found, Deadline) else None
