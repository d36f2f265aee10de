"""Event loops as values: connections, queues and timers belong to one each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any

_ENDED = RuntimeError, OSError
"""
What a loop raises that has ended: one of asyncio that is closed; a run of trio that has
finished (`RunFinishedError`), or that has crashed, with its socket closed.
"""

Work = Callable[[], Coroutine[Any, Any, None]]
"""What is to be done in an event loop. It raises nothing."""


def running_loop() -> Any:
    """
    Return what stands for the running event loop, or `None` outside of any.

    It is the loop of asyncio, or the token of a run of trio. A module that was never
    imported runs no loop.
    """
    events: Any = sys.modules.get("asyncio.events")
    loop = None if events is None else events._get_running_loop()  # noqa: SLF001 - asyncio's function for frameworks: it raises nothing
    if loop is not None:
        return loop
    trio: Any = sys.modules.get("trio.lowlevel")
    if trio is not None and trio.in_trio_run():
        return trio.current_trio_token()
    return None


def has_ended(loop: Any) -> bool:
    """Whether an event loop will never run again. `None` stands for threads."""
    if loop is None:
        return False
    if is_asyncio(loop):
        return bool(loop.is_closed())
    try:
        loop.run_sync_soon(_nothing, idempotent=True)
    except _ENDED:
        return True
    return False


def is_asyncio(loop: Any) -> bool:
    """Whether an event loop is one of asyncio, or of another make like uvloop."""
    return hasattr(loop, "is_closed")


def run_in(loop: Any, work: Work, otherwise: Callable[[], object]) -> None:
    """
    Do something in an event loop, soon. Any thread may call this.

    Args:
        loop: The event loop.
        work: What is to be done.
        otherwise: Called if the loop has ended, or ends before that.
    """
    if is_asyncio(loop):
        call: Any = loop.call_soon_threadsafe
        start: Any = _start_on_asyncio
    else:
        call, start = loop.run_sync_soon, _start_on_trio
    try:
        call(start, loop, work, otherwise)
    except _ENDED:
        otherwise()


_tasks: set[Any] = set()
"""asyncio refers to its tasks only weakly."""


def _start_on_asyncio(loop: Any, work: Work, otherwise: Callable[[], object]) -> None:
    def end(task: Any) -> None:
        _tasks.discard(task)
        if task.cancelled():  # by `asyncio.run`, maybe before it has begun
            otherwise()

    task = loop.create_task(work())
    _tasks.add(task)
    task.add_done_callback(end)


def _start_on_trio(_: object, work: Work, otherwise: Callable[[], object]) -> None:
    # A run that ends calls this still, but takes no more tasks. An exception here would
    # crash it.
    if not spawn_on_trio(work):
        otherwise()


def spawn_on_trio(work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> bool:
    """Start a system task in the running run of trio. Return whether it takes any."""
    try:
        sys.modules["trio.lowlevel"].spawn_system_task(work, *args)
    except RuntimeError:
        return False
    return True


def _nothing() -> None:
    """Do nothing: trio tells only by a call whether a run has finished."""
