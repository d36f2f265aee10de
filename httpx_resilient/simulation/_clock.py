"""The clock of a simulation: the library reads it, and nothing sleeps."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from httpx_resilient._core.events.log import logger
from httpx_resilient.simulation._loop import SimulatedLoop
from httpx_resilient.testing._fake_clock import FakeClock, replace_attribute

T = TypeVar("T")


class SimulatedClock(FakeClock):
    """
    A clock that starts at 0, and an event loop that jumps from event to event.

    In its `with` block the library has this clock and logs nothing, and `random` has
    the seed. At the end, what has not ended is cancelled.

    Example:
        >>> with SimulatedClock(seed=1) as clock:
        ...     task = clock.start(asyncio.sleep(3600, "done"))
        ...     clock.run()
        >>> clock.now(), task.result()
        (3600.0, 'done')
    """

    def __init__(self, seed: int | None) -> None:
        super().__init__(seed)
        self._loop = SimulatedLoop()  # type: ignore[abstract]  # asyncio's base class has each method, which raises

    def now(self) -> float:
        return self._loop.time()

    @property
    def elapsed(self) -> float:
        return self.now()

    def advance_to(self, moment: float) -> None:
        self._loop.advance_to(moment)

    def at(self, moment: float, callback: Callable[..., object], *args: Any) -> None:
        """Call back at a moment, in seconds; at once if it is past."""
        self._loop.call_at(max(moment, self.now()), callback, *args)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a coroutine as a task. `run` raises what it raises."""
        task = self._loop.create_task(coroutine)
        task.add_done_callback(_raise_error)
        return task

    def run(self, until: float = math.inf) -> None:
        """Run all that happens until a moment, or until nothing is left."""
        self._loop.run(until)

    def _install(self, restoring: ExitStack) -> None:
        restoring.callback(self._loop.close)
        # A thousand failures that never happened would hide the real ones.
        replace_attribute(restoring, logger, "disabled", value=True)


def _raise_error(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.result()
