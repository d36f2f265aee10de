"""Virtual time for threads that wait for each other."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import Event, Lock, active_count
from typing import Protocol


class Hand(Protocol):
    """What moves the time of an event loop, or of a thread."""

    def now(self) -> float: ...

    def move_to(self, moment: float) -> None: ...


class ByHand:
    """A moment, where no event loop runs."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def now(self) -> float:
        return self._moment

    def move_to(self, moment: float) -> None:
        self._moment = max(self._moment, moment)


class Waiting:
    """Until when each thread waits. The one that waits least jumps."""

    def __init__(self, hand: Hand, patience: float) -> None:
        self._hand = hand
        self._patience = patience
        self._lock = Lock()
        self._until: list[float] = []
        self._changes = 0

    def wait(self, event: Event, seconds: float | None) -> bool:
        """Wait for an event as long as that, or until time has jumped so far."""
        if seconds is None:
            return event.wait()
        until, before = self._hand.now() + seconds, -1
        with self._among_others(until):
            while not event.wait(self._patience if active_count() > 1 else 0.0):
                # Not past what another thread waits for: that may wake this one. Nor
                # while one is just about to go on, or to wait again.
                if before == self._changes and until <= min(self._until):
                    self._hand.move_to(until)
                if self._hand.now() >= until:
                    return event.is_set()
                before = self._changes
        return True

    @contextmanager
    def _among_others(self, until: float) -> Generator[None, None, None]:
        with self._lock:
            self._until.append(until)
            self._changes += 1
        try:
            yield
        finally:
            with self._lock:
                self._until.remove(until)
                self._changes += 1
