"""
Failures of connections that had been idle.

A server may close an idle connection at any time, also while a request is on its way to
it (RFC 9112 §9.3.1). The request then fails at once, and says nothing about the health
of the server: another attempt needs no wait. Only the pool knows of it, so it marks the
exception.
"""

from __future__ import annotations

from httpx_resilient._core.history import ATTRIBUTE

AT_ONCE = 0.5
"""
Seconds within which the failure of an idle connection comes: the way to the server and
back, over any distance. What fails later may have been worked on.
"""

_MARK = "idle connection"


def mark_idle(error: BaseException) -> None:
    """Mark the failure of a connection that had been idle."""
    vars(error).setdefault(ATTRIBUTE, {})[_MARK] = True


def was_idle(error: BaseException | None) -> bool:
    """Whether an exception is the failure of a connection that had been idle."""
    return error is not None and _MARK in getattr(error, ATTRIBUTE, ())
