"""What a request waits with."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol


class Waiter(Protocol):
    """Waits for one thing, once. Whoever has it calls `wake`, from any thread."""

    def wake(self) -> None: ...

    def wait(self, seconds: float | None) -> Awaitable[None]:
        """Return when woken, or when the time is over."""
        ...

    def close(self) -> None:
        """Wait no longer."""
        ...
