"""The public state of a rate limit."""

from __future__ import annotations

from typing import NamedTuple

from httpx_resilient._core.public import public


@public()
class RateLimitState(NamedTuple):
    """
    The state of a `RateLimit` for one key.

    Args:
        wait: The least seconds that another request would wait.
        waiting: Requests in the queue.
        remaining: The requests that the server allows until its window ends, less those
            in flight; `None` if it has not reported a quota.
        paused: Seconds until the end of the pause that the server asked for, or 0.

    Example:
        >>> RateLimitState(wait=0.5, waiting=1, remaining=None, paused=0.0).wait
        0.5
    """

    wait: float
    waiting: int
    remaining: int | None
    paused: float
