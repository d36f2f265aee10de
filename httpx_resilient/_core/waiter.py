"""The interface of a waiter, which a queued request waits with."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol


class Waiter(Protocol):
    """
    Waits once.

    Any thread may call `wake` and read `is_dead` at any time, also a finalizer or a
    signal handler that interrupts the waiting thread or its event loop.
    """

    @property
    def is_dead(self) -> bool:
        """
        Whether nobody will ever wait any more, because the event loop has ended.

        A loop that is only stopped may go on, and counts as alive.
        """
        ...

    def wake(self) -> bool:
        """Wake the request. Return `False` if it is dead, so another one is next."""
        ...

    def wait(self, seconds: float | None) -> Awaitable[None]:
        """Return when woken, or after this number of seconds."""
        ...

    def close(self) -> None:
        """Release the timer, if there is one."""
        ...
