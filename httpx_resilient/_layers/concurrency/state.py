"""The public state of a concurrency limit."""

from __future__ import annotations

from typing import NamedTuple

from httpx_resilient._core.public import public


@public()
class ConcurrencyState(NamedTuple):
    """
    The state of a concurrency limit at one origin.

    Args:
        limit: Requests that may be in flight.
        in_flight: Requests in flight: sent, and their responses not closed yet.
        waiting: Requests in the queue.

    Example:
        >>> import httpx
        >>> limit = ConcurrencyLimit(5)
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> transport = ConcurrencyLimitingTransport(mock, limit)
        >>> with httpx.Client(transport=transport) as client:
        ...     response = client.get("http://localhost/")
        >>> limit.states()["http://localhost"]
        ConcurrencyState(limit=5, in_flight=0, waiting=0)
    """

    limit: int
    in_flight: int
    waiting: int
