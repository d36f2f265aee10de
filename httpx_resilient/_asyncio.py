"""
asyncio, asked directly.

anyio serves both event loops, at a price (callgrind, CPython 3.11): a timeout takes
52,000 instructions and a sleep of no time 29,000, where all of another attempt may take
100,000. asyncio itself takes 33,000 and 20,000, and a timeout is rarely needed at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import suppress
from typing import Any


def on_asyncio() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


async def at_most(seconds: float, coroutine: Coroutine[Any, Any, None]) -> None:
    """
    Await a coroutine for at most so long, and start the clock only if it has to wait.

    A short body has mostly arrived with its headers, and no timer is needed.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _Resumed(coroutine, awaited)


class _Resumed:
    """The rest of a coroutine that was started by hand, and what it waits for."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], awaited: object) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[object, Any, None]:
        awaited = self._awaited
        with suppress(StopIteration):
            while True:
                try:
                    sent = yield awaited
                except BaseException as error:  # noqa: BLE001 - handed on, as `yield from` does
                    awaited = self._coroutine.throw(error)
                else:
                    awaited = self._coroutine.send(sent)
