"""A client's own timeout that cuts every attempt, long before the deadline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from httpx_resilient._layers.retry.state import RetryState

NOTE = "timeout note"
"""The kind of the note on an exception."""


def timeout_note(state: RetryState[Any, Any]) -> str:
    """
    Explain why a request has failed that had much more time, or return nothing.

    httpx gives every request five seconds unless its client says otherwise. The
    deadline and the limit of an attempt that the layers set cannot lengthen that.
    """
    error, deadline = state.error, state.context.deadline
    if deadline is None or not isinstance(error, state.family.timed_out):
        return ""
    step = type(error).__name__.removesuffix("Timeout").lower()
    timeouts: Any = state.request.extensions.get("timeout")
    if not isinstance(timeouts, Mapping):
        return ""
    limit: float | None = cast("Mapping[str, Any]", timeouts).get(step)
    if limit is None or deadline.at - state.ended < limit:
        return ""
    if any(attempt.outcome is not type(error) for attempt in state.attempts):
        return ""
    each = "the attempt" if state.attempt_number == 1 else "each attempt"
    total = deadline.source.total
    return (
        f"{each} was cut by the client's {step} timeout of {limit:g} s; the deadline "
        f"of {total:g} s was not reached: to wait longer, give the client timeout=..."
    )
