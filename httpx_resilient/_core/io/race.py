"""
Race two runners, the second one started late: the first that wins cancels the other.

The first runs in the caller's task, because most races never start a second. It cannot
move to another task later: its timeouts and cancel scopes belong to the task that
entered them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import anyio

from httpx_resilient._core.io.protocol import Runner, Second

AGAIN = 0.25
"""The share of the elapsed time after which `Second` is called again."""


async def race_on_anyio(seconds: float, first: Runner, second: Second) -> None:
    started = False
    over = anyio.Event()

    async def late() -> None:
        nonlocal started
        elapsed = pause = seconds
        while True:
            # Waking costs less than cancelling, and is the common case.
            with anyio.move_on_after(pause):
                await over.wait()
            if over.is_set():
                return
            runner = second()
            if runner is not None and not isinstance(runner, float | int):
                break
            pause = AGAIN * elapsed if runner is None else runner
            elapsed += pause
        started = True
        if await runner:
            tasks.cancel_scope.cancel()

    errors: tuple[BaseException, ...] = ()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(late)
            won = await first
            over.set()
            if won and started:
                tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        errors = group.exceptions
        if len(errors) != 1:
            raise
    # A single exception is raised as itself, not as a group.
    for error in errors:
        raise error


def race_on_asyncio(
    seconds: float, first: Runner, second: Second
) -> Coroutine[Any, Any, None]:
    """Race. The second runner runs in a copy of the caller's context."""
    return _OnAsyncio(seconds, second).run(first)


class _OnAsyncio:
    """
    A race with a timer, and a task only once a second runner has started.

    The second runner interrupts the first as `asyncio.timeout` does: it cancels the
    caller's task and takes the cancellation back.
    """

    def __init__(self, seconds: float, second: Second) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(seconds, self._start, seconds)
        self._second = second
        self._rival: asyncio.Task[bool] | None = None
        self._task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._before = self._task.cancelling()
        self._running = True
        self._interrupted = False

    async def run(self, first: Runner) -> None:
        try:
            won = await self._run(first)
            if self._rival is not None and not won:
                await asyncio.wait({self._rival})
        finally:
            self._timer.cancel()
            if self._rival is not None:
                await _ended(self._rival)
        if self._rival is not None and not self._rival.cancelled():
            self._rival.result()

    async def _run(self, first: Runner) -> bool:
        try:
            return await first
        except asyncio.CancelledError:
            # A cancellation by the caller passes, even together with ours.
            if self._interrupted and self._task.cancelling() == self._before + 1:
                return False
            raise
        finally:
            self._running = False
            if self._interrupted:
                self._task.uncancel()

    def _start(self, elapsed: float) -> None:
        runner = self._second()
        if runner is None or isinstance(runner, float | int):
            pause = AGAIN * elapsed if runner is None else runner
            self._timer = self._loop.call_later(pause, self._start, elapsed + pause)
        else:
            self._rival = self._loop.create_task(runner)
            self._rival.add_done_callback(self._interrupt)

    def _interrupt(self, rival: asyncio.Task[bool]) -> None:
        if rival.cancelled():
            return
        over = rival.exception() is not None or rival.result()
        if over and self._running and self._task.cancelling() == self._before:
            self._interrupted = True
            self._task.cancel()


async def _ended(task: asyncio.Task[bool]) -> None:
    """Cancel a task and wait for its end, even if the caller is cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    # In a loop that has ended, a task does not end any more: it is collected.
    if not task.done() and not task.get_loop().is_closed():
        task.cancel()
        with anyio.CancelScope(shield=True):
            while not task.done():
                try:
                    await asyncio.wait({task})
                except asyncio.CancelledError as error:  # raised below
                    cancelled = error
    if cancelled is not None:
        raise cancelled
