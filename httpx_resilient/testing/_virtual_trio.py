"""Virtual time on trio: puts a `MockClock` into a run that has already started."""

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

_WAIT_KINDS = ("", "_read", "_write", "_overlapped")
"""Suffixes of the counters of waiting tasks: each operating system has its own."""


class TrioTime(trio.abc.Instrument):
    """
    Makes a run jump to its next deadline instead of waiting for it.

    Starts at the run's current time, so deadlines that are already set stay correct. If
    the run has a `MockClock`, that clock stays, with its rate and its own threshold.

    Args:
        patience: Real seconds to wait for sockets and threads before time advances.
        restoring: Restores the run's clock when the block ends.

    Raises:
        RuntimeError: This version of trio does not allow to exchange the clock.
    """

    def __init__(self, patience: float, restoring: ExitStack) -> None:
        clock = trio.lowlevel.current_clock()
        self._patience = patience
        self._clock = (
            clock
            if isinstance(clock, MockClock)
            else self._exchange_clock(clock, restoring)
        )
        # Mostly trio's time is ahead of the system's, and the offset is 0: then sums on
        # both clocks are equal. With an offset, a rounding error of 1e-12 s could wake
        # a task early, again and again, as this clock stands still meanwhile.
        self._offset = max(time.monotonic() - self._clock.current_time(), 0.0)

    def now(self) -> float:
        return self._clock.current_time() + self._offset

    def advance_to(self, moment: float) -> None:
        self._clock.jump(max(moment - self.now(), 0.0))

    def _exchange_clock(self, own: Any, restoring: ExitStack) -> MockClock:
        runner, mock = _runner(), MockClock()
        mock.jump(own.current_time())

        def restore() -> None:
            mock.autojump_threshold = math.inf
            runner.clock = _shifted(own, mock.current_time() - own.current_time())

        runner.clock = mock
        restoring.callback(restore)
        trio.lowlevel.add_instrument(self)
        restoring.callback(trio.lowlevel.remove_instrument, self)
        mock.autojump_threshold = self._patience
        return mock

    def after_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - the signature is trio's
        """Set for how long the run must be idle before the clock jumps."""
        io: Any = current_statistics().io_statistics
        # One waiting task is trio's own, for wake-ups from other threads.
        waiting = sum(getattr(io, f"tasks_waiting{kind}", 0) for kind in _WAIT_KINDS)
        is_real = waiting > 1 or active_count() > 1
        self._clock.autojump_threshold = self._patience if is_real else 0.0


def _shifted(clock: Any, seconds: float) -> Any:
    """
    Return the clock, ahead by some seconds if it is trio's own.

    Pending deadlines then wait as long in real time as they had left.
    """
    if not hasattr(clock, "offset"):
        return clock
    # trio's clock is frozen: only a copy can have another offset.
    return attrs.evolve(clock, offset=clock.offset + seconds)


def _runner() -> Any:
    # trio takes a clock only when a run starts, and a fixture is entered later.
    try:
        from trio._core._run import GLOBAL_RUN_CONTEXT  # noqa: PLC0415 - may be missing

        runner: Any = GLOBAL_RUN_CONTEXT.runner
        _ = runner.clock, runner.clock_autojump_threshold
    except (ImportError, AttributeError) as error:
        msg = (
            f"virtual_time() cannot exchange the clock of trio {trio.__version__}: run "
            "this on a trio.testing.MockClock(autojump_threshold=0), which it will use"
        )
        raise RuntimeError(msg) from error
    return runner
