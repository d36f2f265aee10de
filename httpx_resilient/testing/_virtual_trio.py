"""Virtual time on trio: its `MockClock`, in the midst of a run."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from threading import active_count
from typing import Any

import attrs
import trio
from trio.lowlevel import current_statistics
from trio.testing import MockClock

_KINDS = ("", "_read", "_write", "_overlapped")
"""What a task waits for, as the statistics of the several systems call it."""


class OnTrio(trio.abc.Instrument):
    """
    A run whose clock jumps. It begins with the present time, so deadlines stay right.

    A test that has a `MockClock` keeps it, with its rate and its own threshold.
    """

    def __init__(self, patience: float, restoring: ExitStack) -> None:
        clock = trio.lowlevel.current_clock()
        self._patience = patience
        self._clock = (
            clock if isinstance(clock, MockClock) else self._swap(clock, restoring)
        )
        # trio's time is mostly ahead of the system's, and then it is ours as well. Only
        # so sums come out the same: on a clock that stands still, whoever is woken a
        # trillionth of a second early would be so for ever.
        self._ahead = max(time.monotonic() - self._clock.current_time(), 0.0)

    def now(self) -> float:
        return self._clock.current_time() + self._ahead

    def move_to(self, moment: float) -> None:
        self._clock.jump(max(moment - self.now(), 0.0))

    def _swap(self, own: Any, restoring: ExitStack) -> MockClock:
        runner, mock = _runner(), MockClock()
        mock.jump(own.current_time())

        def give_back() -> None:
            mock.autojump_threshold = math.inf
            runner.clock = _moved(own, mock.current_time() - own.current_time())

        runner.clock = mock
        restoring.callback(give_back)
        trio.lowlevel.add_instrument(self)
        restoring.callback(trio.lowlevel.remove_instrument, self)
        mock.autojump_threshold = self._patience
        return mock

    def after_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - whichever it was
        """Set how long nothing must happen before the clock jumps."""
        io: Any = current_statistics().io_statistics
        # One of them waits for a wake-up from other threads, and is trio's own.
        waiting = sum(getattr(io, f"tasks_waiting{kind}", 0) for kind in _KINDS)
        is_real = waiting > 1 or active_count() > 1
        self._clock.autojump_threshold = self._patience if is_real else 0.0


def _moved(clock: Any, seconds: float) -> Any:
    """Let what has still to wait wait as long in real time. trio's own is frozen."""
    if not hasattr(clock, "offset"):
        return clock
    return attrs.evolve(clock, offset=clock.offset + seconds)


def _runner() -> Any:
    # A clock is given to a run when it begins, and a fixture comes later than that.
    try:
        from trio._core._run import GLOBAL_RUN_CONTEXT  # noqa: PLC0415

        runner: Any = GLOBAL_RUN_CONTEXT.runner
        _ = runner.clock, runner.clock_autojump_threshold
    except (ImportError, AttributeError) as error:
        msg = (
            f"the clock of trio {trio.__version__} cannot be exchanged: run this on a "
            "trio.testing.MockClock(autojump_threshold=0), which will be used"
        )
        raise RuntimeError(msg) from error
    return runner
