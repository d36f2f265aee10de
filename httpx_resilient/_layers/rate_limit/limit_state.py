"""The public state of a rate limit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from httpx_resilient._core.public import public


@public()
class RateLimitState(NamedTuple):
    """
    The state of a `RateLimit` for one key, or for one quota of the server.

    That of a key is the strictest of its quotas.

    Args:
        wait: The least seconds that another request would wait.
        waiting: Requests in the queue.
        remaining: The requests that the server allows until its window ends, less those
            in flight; `None` if it has not reported a quota. Of a limit with `cost=`,
            the units of cost, such as tokens.
        paused: Seconds until the end of the pause that the server asked for, or 0. If
            it is longer than a minute, a request tries now and then if it is over.
        buckets: The states of the server's quotas, by their names. One without a name
            has the path that it was reported for.

    Example:
        >>> RateLimitState(wait=0.5, waiting=1, remaining=None, paused=0.0).wait
        0.5
    """

    wait: float
    waiting: int
    remaining: int | None
    paused: float
    buckets: Mapping[str, RateLimitState] = MappingProxyType({})
