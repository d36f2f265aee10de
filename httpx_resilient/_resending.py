"""How often a request was sent before: for what is inside of a retry, as traces are."""

from __future__ import annotations

from contextvars import ContextVar

RESENT: ContextVar[int] = ContextVar("resent", default=0)
"""0 during the first attempt, and outside of a `RetryingTransport`."""
