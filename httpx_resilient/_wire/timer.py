"""The timer of a connection on asyncio."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable

EARLY = 0.001
"""Seconds by which a timer may come early, because clocks are read in steps."""


class Timer:
    """
    Limits one wait after the other.

    Most waits end long before their time. So the handle stays in the loop when a wait
    has ended, and is set anew only if the next one has to end earlier than that.

    Args:
        loop: The event loop.
        expire: Called with what `start` was given, if a wait takes too long.
    """

    __slots__ = ("_at", "_expire", "_handle", "_loop", "is_running", "reason")

    reason: type[Exception]

    def __init__(
        self,
        loop: AbstractEventLoop,
        expire: Callable[[type[Exception]], object],
    ) -> None:
        self._loop = loop
        self._expire = expire
        self._handle: TimerHandle | None = None
        self._at = 0.0
        self.is_running = False
        """Whether a wait is limited. Whoever ends the wait sets it to false."""

    def start(self, seconds: float | None, reason: type[Exception]) -> None:
        """
        Limit a wait.

        Args:
            seconds: The limit; `None` is none.
            reason: What the end of the wait will be.
        """
        if seconds is None:
            return
        self._at = at = self._loop.time() + seconds
        self.reason = reason
        self.is_running = True
        handle = self._handle
        if handle is None or handle.when() > at:
            if handle is not None:
                handle.cancel()
            self._handle = self._loop.call_at(at, self._on_time)

    def _on_time(self) -> None:
        self._handle = None
        if not self.is_running:
            return
        if self._loop.time() < self._at - EARLY:
            self._handle = self._loop.call_at(self._at, self._on_time)
        else:
            self.is_running = False
            self._expire(self.reason)

    def cancel(self) -> None:
        """Leave nothing in the loop."""
        self.is_running = False
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
