"""The closing of connections, each in the event loop that it belongs to."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from httpx_resilient._core.io.loops import run_in, running_loop
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._pool.sockets import hang_up


class Closing(NamedTuple):
    """
    A connection that no request will use again.

    Args:
        loop: Its event loop; `None` in synchronous clients.
        transport: The transport of the family.
        connection: The network stream, if there was a response.
    """

    loop: Any
    transport: Any
    connection: Any


async def close_each(closing: list[Closing], effects: Effects) -> None:
    """Close connections. It empties the list."""
    here = running_loop() if effects.asynchronous else None
    # Popped one by one, because asyncio may cancel each close.
    with suppress(IndexError):
        while True:
            each = closing.pop()
            if each.loop is here:
                await effects.close(each.transport)
            else:
                _close_elsewhere(each, effects)


def _close_elsewhere(closing: Closing, effects: Effects) -> None:
    """Close the connection of another event loop, in that loop."""

    def work() -> Coroutine[Any, Any, None]:
        return effects.close(closing.transport)

    # If nobody can close it any more, its server can hear of it.
    run_in(closing.loop, work, partial(hang_up, closing.connection))
