"""How often a request was sent before: for what is inside of a retry, as traces are."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class Resending(Protocol):
    """A request that is sent again, maybe within another one."""

    around: Resending | None

    @property
    def is_under_way(self) -> bool:
        """Whether it is, and not what a hook sends between its attempts."""
        ...

    @property
    def attempt_number(self) -> int: ...


RESENDING: ContextVar[Resending | None] = ContextVar("resending", default=None)
"""The one that is: it costs less to set this once than to count in it."""


def resends(resending: Resending) -> None:
    """Let those inside know."""
    resending.around = RESENDING.get()
    RESENDING.set(resending)


def has_resent(resending: Resending) -> None:
    """Let nobody know any more: a request that follows may be in the same context."""
    RESENDING.set(resending.around)


def resent() -> int:
    """Tell how often the request at hand was sent before: 0 for the first attempt."""
    resending = RESENDING.get()
    if resending is None or not resending.is_under_way:
        return 0
    return resending.attempt_number - 1
