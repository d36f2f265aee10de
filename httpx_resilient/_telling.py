"""What is told of retries: log records, and a note on the exception in the end."""

from __future__ import annotations

import logging
from typing import Any

from httpx_resilient._family import address
from httpx_resilient._state import RetryState

logger = logging.getLogger("httpx_resilient")
logger.addHandler(logging.NullHandler())


def log_retry(state: RetryState[Any, Any]) -> None:
    """Log that another attempt follows."""
    if logger.isEnabledFor(logging.INFO):
        wait = state.upcoming_sleep
        _log(logging.INFO, state, f"{state.reason}; next attempt in {wait:.2f} s")


def end(state: RetryState[Any, Any]) -> None:
    """Leave history, note and log record behind."""
    error, gives_up = state.error, state.worth_retrying
    state.ends()
    if not gives_up and state.attempt_number == 1:
        return
    *earlier, last = state.attempts
    outcomes = ", ".join([*map(str, earlier), last.reason])
    times = "1 attempt" if last.number == 1 else f"{last.number} attempts"
    story = f"gave up after {times} in {state.elapsed:.1f} s: {outcomes}"
    if error is not None:
        error.add_note(story)
    if gives_up and logger.isEnabledFor(logging.WARNING):
        _log(logging.WARNING, state, story)


def _log(level: int, state: RetryState[Any, Any], text: str) -> None:
    method, url = state.request.method, address(state.request)
    attempt = state.attempts[-1]
    logger.log(
        level,
        "%s %s: %s",
        method,
        url,
        text,
        extra={
            "method": method,
            "url": url,
            "attempt": attempt.number,
            "reason": attempt.reason,
            "wait": attempt.wait,
        },
    )
