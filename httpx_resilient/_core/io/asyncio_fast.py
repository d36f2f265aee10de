"""
asyncio, asked directly.

anyio serves both event loops, at a price (callgrind, CPython 3.11): a timeout takes
52,000 instructions and a sleep of no time 29,000, where all of another attempt may take
100,000. asyncio itself takes 33,000 and 20,000, and a timeout is rarely needed at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def on_asyncio() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


def begin(awaitable: Awaitable[T]) -> tuple[Any, Awaitable[T] | None]:
    """
    Run it until it has to wait. Return what it came to, or the rest of it.

    What is over at once needs no timer. The rest is to be awaited before anything else:
    the step that was taken may have entered timeouts and cancel scopes.
    """
    steps: Any = awaitable if hasattr(awaitable, "send") else awaitable.__await__()
    try:
        awaited = steps.send(None)
    except StopIteration as finished:
        return finished.value, None
    return None, _rest(steps, awaited)


@coroutine
def _rest(
    steps: Generator[object, None, Any], awaited: object
) -> Generator[object, None, Any]:
    """Go on with what was begun by hand, and waits for something."""
    while True:
        try:
            yield awaited
        except BaseException as error:  # noqa: BLE001 - handed on, as `yield from` does
            try:
                awaited = steps.throw(error)
            except StopIteration as finished:
                return finished.value
        else:
            return (yield from steps)


async def at_most(seconds: float, awaitable: Awaitable[T]) -> T:
    """
    Await for at most so long, and start the clock only if there is a need to wait.

    A short body has mostly arrived with its headers, and no timer is needed.

    Raises:
        TimeoutError: It took longer.
    """
    value: T
    value, rest = begin(awaitable)
    if rest is not None:
        async with asyncio.timeout(seconds):
            value = await rest
    return value
