"""The timers of asynchronous clients, which a wait in a queue may move."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar, cast

import anyio

from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.io.asyncio_fast import on_asyncio, rest_of

T = TypeVar("T")


async def within(
    seconds: float, answer: Awaitable[T], deadline: Deadline | None = None
) -> T:
    """See `Effects.within`."""
    if on_asyncio():
        at = None if deadline is None else deadline.at
        # `begin`, written out. The timer starts only if there is a wait.
        steps: Any = answer if hasattr(answer, "send") else answer.__await__()
        try:
            awaited = steps.send(None)
        except StopIteration as finished:
            value: T = finished.value
            return value
        limit: float | None = seconds
        if deadline is not None and deadline.at != at:  # a wait in a queue has begun
            left = deadline.left()
            limit = None if left == math.inf else left
        async with asyncio.timeout(limit) as timer:
            if deadline is None:
                return cast("T", await rest_of(steps, awaited))
            deadline.timer = timer
            try:
                return cast("T", await rest_of(steps, awaited))
            finally:
                deadline.timer = None  # it refers to the task
    # trio's scopes must be strictly nested: nothing can start before this one.
    with anyio.fail_after(seconds) as scope:
        if deadline is None:
            return await answer
        deadline.timer = scope
        try:
            return await answer
        finally:
            deadline.timer = None


def reschedule(timer: Any, seconds: float) -> None:
    """See `Effects.reschedule`."""
    # A timer that has fired, or whose event loop has ended, stays as it is.
    with suppress(RuntimeError):
        if not isinstance(timer, asyncio.Timeout):
            timer.deadline = anyio.current_time() + seconds
        elif seconds == math.inf:
            timer.reschedule(None)
        else:
            timer.reschedule(asyncio.get_running_loop().time() + seconds)
