"""
The reaper: closes idle connections in time, although no request comes.

Connections beyond `max_keepalive_connections` are closed a second after a burst. In an
event loop, the others are closed too when they expire, and all of them when the loop
ends. A synchronous client has a thread for it, and only after a burst.
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any, Protocol

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.protocol import Effects, run_sync
from httpx_resilient._core.io.sync_io import SyncEffects


class IdleOwner(Protocol):
    """The owner of idle connections."""

    @property
    def has_idle(self) -> bool:
        """Whether there are idle connections."""
        ...

    @property
    def has_surplus(self) -> bool:
        """Whether there are more idle connections than stay open after a burst."""
        ...

    def next_eviction(self) -> float:
        """
        Return when the next connection is to be closed, in monotonic seconds.

        Returns:
            Infinity if there is no idle connection, or if none expires.
        """
        ...

    async def evict_expired(self, effects: Effects) -> None:
        """Close the connections whose time has come."""
        ...

    async def evict_loop(self, loop: object, effects: Effects) -> None:
        """Close the idle connections of an event loop."""
        ...


class Reaper(Protocol):
    """
    Closes the idle connections of an owner in time.

    Attributes:
        watched: The event loop that it has begun to watch last; `None` in threads.
    """

    watched: Any

    def watch(self, loop: Any) -> None:
        """Begin, unless it has begun. `loop` is the running event loop, or `None`."""
        ...

    def stop(self) -> None:
        """End: there are no idle connections."""
        ...


class ThreadReaper:
    """
    The reaper of a synchronous client.

    Args:
        owner: The owner of the connections.
    """

    def __init__(self, owner: IdleOwner) -> None:
        self._owner = owner
        self._is_running = False
        self.watched = None

    def watch(self, loop: Any) -> None:  # noqa: ARG002 - threads have no loop
        if self._is_running or not self._owner.has_surplus:
            return
        self._is_running = True
        with suppress(RuntimeError):  # the interpreter ends: so do its connections
            Thread(target=self._run, name="httpx_resilient reaper", daemon=True).start()

    def stop(self) -> None:
        """There is nothing left to close: the thread ends by itself."""

    def _run(self) -> None:
        try:
            while self._owner.has_surplus:
                at = self._owner.next_eviction()
                Clock.block(max(at - Clock.now(), 0.0))
                closing: Coroutine[Any, Any, None]
                closing = self._owner.evict_expired(SyncEffects())
                run_sync(closing)
        finally:
            self._is_running = False
