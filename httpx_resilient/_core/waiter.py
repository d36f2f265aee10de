"""The interface of a waiter, which a queued request waits with."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol


class Waiter(Protocol):
    """Waits once. Any thread may call `wake`."""

    def wake(self) -> None: ...

    def wait(self, seconds: float | None) -> Awaitable[None]:
        """Return when woken, or after this number of seconds."""
        ...

    def close(self) -> None:
        """Release the timer, if there is one."""
        ...
