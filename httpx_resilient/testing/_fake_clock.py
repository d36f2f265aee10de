"""A clock that replaces the library's own, with jitter that comes from a seed."""

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

_ACTIVE = Lock()
"""Locked while a fake clock is active: the clock and `random` are process-wide."""


class FakeClock(ABC):
    """
    Replaces the library's clock from `with` to the end of its block.

    Args:
        seed: Seed of all jitter: the same seed gives the same waits. `None` leaves
            `random` alone.
    """

    def __init__(self, seed: int | None) -> None:
        if not isinstance(seed, int | None):
            msg = f"seed must be a whole number or None; got {seed!r}"
            raise TypeError(msg)
        self._seed = seed
        self._restoring: ExitStack | None = None

    @abstractmethod
    def now(self) -> float:
        """Return monotonic seconds."""

    @abstractmethod
    def advance_to(self, moment: float) -> None:
        """Advance to a moment (monotonic seconds). A past moment changes nothing."""

    @abstractmethod
    def _install(self, restoring: ExitStack) -> None:
        """Replace what else measures time; `restoring` undoes it after the block."""

    @property
    @abstractmethod
    def elapsed(self) -> float:
        """Seconds on this clock since the block was entered."""

    def advance(self, seconds: float) -> None:
        """
        Advance the clock at once.

        Tasks whose timers are due run as soon as the current task waits.

        Args:
            seconds: Seconds to advance by.

        Raises:
            RuntimeError: The block has not been entered, or has ended.
            TypeError: `seconds` is not a number.
            ValueError: `seconds` is negative.
        """
        seconds = number("seconds", seconds, least=0, unit="seconds")
        if self._restoring is None:
            msg = "this clock is not running: call advance() inside its `with` block"
            raise RuntimeError(msg)
        self.advance_to(self.now() + seconds)

    def block(self, seconds: float) -> None:
        """Replace `time.sleep`: advance the clock instead of sleeping."""
        self.advance_to(self.now() + seconds)

    def __enter__(self) -> Self:
        if not _ACTIVE.acquire(blocking=False):
            msg = (
                "virtual_time() or no_waits() is already active, here or in another "
                "thread: they replace the clock of the process, so use one at a time"
            )
            raise RuntimeError(msg)
        with ExitStack() as restoring:
            restoring.callback(_ACTIVE.release)
            if self._seed is not None:
                restoring.callback(random.setstate, random.getstate())
                random.seed(self._seed)
            self._install(restoring)
            ahead = time.time() - self.now()
            replace_attribute(restoring, Clock, "now", staticmethod(self.now))
            replace_attribute(
                restoring, Clock, "wall_time", staticmethod(lambda: ahead + self.now())
            )
            replace_attribute(restoring, Clock, "block", staticmethod(self.block))
            self._restoring = restoring.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        restoring, self._restoring = self._restoring, None
        if restoring is not None:
            restoring.close()


def replace_attribute(restoring: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Replace an attribute until `restoring` is closed."""
    restoring.enter_context(patch.object(owner, name, value))
