"""How often a request was sent before: for what is inside of a retry, as traces are."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class Resending(Protocol):
    """A request that is sent again."""

    @property
    def attempt_number(self) -> int: ...


RESENDING: ContextVar[Resending | None] = ContextVar("resending", default=None)
"""The one that is: it costs less to set this once than to count in it."""


def resent() -> int:
    """Tell how often the request at hand was sent before: 0 for the first attempt."""
    resending = RESENDING.get()
    return 0 if resending is None else resending.attempt_number - 1
