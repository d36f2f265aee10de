"""How often the current request was sent before, for layers inside a retry."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class Resending(Protocol):
    """A request that is sent again, maybe inside of another one."""

    around: Resending | None

    @property
    def is_under_way(self) -> bool:
        """Whether an attempt is under way, and not a request of a hook in between."""
        ...

    @property
    def attempt_number(self) -> int: ...


RESENDING: ContextVar[Resending | None] = ContextVar("resending", default=None)
"""The current one. It is set once for each request, not for each attempt."""


def begin_resending(resending: Resending) -> None:
    """Make a request the current one, for layers inside."""
    resending.around = RESENDING.get()
    RESENDING.set(resending)


def end_resending(resending: Resending) -> None:
    """Restore the one before: a later request may share the context."""
    RESENDING.set(resending.around)


def times_resent() -> int:
    """Return how often the current request was sent before: 0 at the first attempt."""
    resending = RESENDING.get()
    if resending is None or not resending.is_under_way:
        return 0
    return resending.attempt_number - 1
