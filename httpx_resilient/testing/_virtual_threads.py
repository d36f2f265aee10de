"""Virtual time for threads that wait for each other."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock, active_count
from typing import Protocol


class TimeSource(Protocol):
    """The movable time of an event loop, or of synchronous code."""

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def advance_to(self, moment: float) -> None:
        """Advance to a moment (monotonic seconds). A past moment changes nothing."""
        ...


class ManualTime:
    """A time source without an event loop."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def now(self) -> float:
        return self._moment

    def advance_to(self, moment: float) -> None:
        self._moment = max(self._moment, moment)


class WaitingThreads:
    """
    The threads that wait, and until when. Time advances to the earliest moment.

    Args:
        source: The time to advance.
        patience: Real seconds to wait for other threads before time advances.
    """

    def __init__(self, source: TimeSource, patience: float) -> None:
        self._source = source
        self._patience = patience
        self._lock = Lock()
        self._until: list[float] = []
        self._changes = 0

    def wait(self, lock: Lock, seconds: float | None) -> bool:
        """Replace `acquire_within`: the timeout counts in virtual seconds."""
        if seconds is None:
            return lock.acquire()
        until, changes_before = self._source.now() + seconds, -1
        with self._registered(until):
            while not lock.acquire(
                timeout=self._patience if active_count() > 1 else 0.0
            ):
                # Two conditions for advancing. No other thread waits for an earlier
                # moment, as that thread may release the lock. And no thread has started
                # or stopped waiting since the last look, as it may be about to run.
                if changes_before == self._changes and until <= min(self._until):
                    self._source.advance_to(until)
                if self._source.now() >= until:
                    return lock.acquire(blocking=False)
                changes_before = self._changes
        return True

    @contextmanager
    def _registered(self, until: float) -> Generator[None, None, None]:
        with self._lock:
            self._until.append(until)
            self._changes += 1
        try:
            yield
        finally:
            with self._lock:
                self._until.remove(until)
                self._changes += 1
