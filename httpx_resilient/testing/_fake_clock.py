"""A clock in place of the library's own, and chance that comes from a seed."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from threading import Lock
from typing import Any, Self
from unittest.mock import patch

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.validation import number

_ONE = Lock()
"""There is one clock, and one source of chance, for all threads."""


class StandIn(ABC):
    """
    Counts the time in place of the system, from `with` to the end of its block.

    Args:
        seed: What jitter comes from: the same seed, the same waits. `None` leaves
            chance alone.
    """

    def __init__(self, seed: int | None) -> None:
        if not isinstance(seed, int | None):
            msg = f"seed is a whole number, or None; got {seed!r}"
            raise TypeError(msg)
        self._seed = seed
        self._done: ExitStack | None = None

    @abstractmethod
    def now(self) -> float:
        """Monotonic seconds."""

    @abstractmethod
    def move_to(self, moment: float) -> None:
        """Go on to a moment, unless it is past."""

    @abstractmethod
    def _begin(self, restoring: ExitStack) -> None:
        """Take the place of what else tells the time."""

    @property
    @abstractmethod
    def elapsed(self) -> float:
        """Seconds on this clock, since the block was entered."""

    def advance(self, seconds: float) -> None:
        """
        Go on by so many seconds, at once.

        Tasks whose time has come run as soon as yours waits.

        Raises:
            RuntimeError: Its block has not been entered, or has ended.
            TypeError: That is no number.
            ValueError: Time does not go back.
        """
        number("seconds", seconds, least=0, unit="seconds")
        if self._done is None:
            msg = "this clock stands still: use it inside of its `with` block"
            raise RuntimeError(msg)
        self.move_to(self.now() + seconds)

    def block(self, seconds: float) -> None:
        """Sleep as a thread does, but in no time."""
        self.move_to(self.now() + seconds)

    def __enter__(self) -> Self:
        if not _ONE.acquire(blocking=False):
            msg = (
                "virtual_time() or no_waits() is on already, here or in another "
                "thread: there is one clock, so use one of them at a time"
            )
            raise RuntimeError(msg)
        with ExitStack() as restoring:
            restoring.callback(_ONE.release)
            if self._seed is not None:
                restoring.callback(random.setstate, random.getstate())
                random.seed(self._seed)
            self._begin(restoring)
            ahead = time.time() - self.now()
            put(restoring, Clock, "now", staticmethod(self.now))
            put(restoring, Clock, "wall_time", staticmethod(lambda: ahead + self.now()))
            put(restoring, Clock, "block", staticmethod(self.block))
            self._done = restoring.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        done, self._done = self._done, None
        if done is not None:
            done.close()


def put(restoring: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Put something in place of an attribute, for a while."""
    restoring.enter_context(patch.object(owner, name, value))
