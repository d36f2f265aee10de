"""
asyncio, asked directly.

anyio serves both event loops, at a price (callgrind, CPython 3.11): a timeout takes
52,000 instructions and a sleep of no time 29,000, where all of another attempt may take
100,000. asyncio itself takes 33,000 and 20,000, and a timeout is rarely needed at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar

T = TypeVar("T")


def on_asyncio() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


async def at_most(seconds: float, awaitable: Awaitable[T]) -> T:
    """
    Await for at most so long, and start the clock only if there is a need to wait.

    A short body has mostly arrived with its headers, and no timer is needed.

    Raises:
        TimeoutError: It took longer.
    """
    steps: Any = awaitable if hasattr(awaitable, "send") else awaitable.__await__()
    value: T
    try:
        awaited = steps.send(None)
    except StopIteration as finished:
        value = finished.value
        return value
    async with asyncio.timeout(seconds):
        value = await _Resumed(steps, awaited)
        return value


class _Resumed:
    """The rest of something that was started by hand, and what it waits for."""

    def __init__(self, steps: Any, awaited: object) -> None:
        self._steps = steps
        self._awaited = awaited

    def __await__(self) -> Generator[object, Any, Any]:
        awaited = self._awaited
        try:
            while True:
                try:
                    sent = yield awaited
                except BaseException as error:  # noqa: BLE001 - handed on, as `yield from` does
                    awaited = self._steps.throw(error)
                else:
                    awaited = self._steps.send(sent)
        except StopIteration as finished:
            return finished.value
