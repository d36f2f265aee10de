"""What one response says about the rate of requests: a quota, or a pause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from httpx_resilient._core.hints.quotas import QUOTA_FIELDS, bucket_of, quotas_in
from httpx_resilient._core.hints.reading import (
    FORBIDDEN,
    MILLISECONDS,
    OVERLOADED,
    SECONDS,
    TOO_MANY,
    UNAVAILABLE,
    fields_of,
    wait_in,
)
from httpx_resilient._core.hints.values import http_date, plain_number
from httpx_resilient._core.http_types import ResponseLike

MAX_SECONDS = 3600.0
"""
The longest pause or window that is respected, in seconds.

After that, a server that means more refuses one request and says so again. Meanwhile a
probe finds out about once a minute whether a pause of more than a minute is over.
"""

_PAUSING_STATUSES = frozenset({FORBIDDEN, TOO_MANY, UNAVAILABLE, OVERLOADED})
"""The statuses that stand for more than the one request. 403 is GitHub's."""

_FIELDS = QUOTA_FIELDS | {*MILLISECONDS, *SECONDS}
"""A response without any of these fields reports no quota."""


class ServerQuota(NamedTuple):
    """
    The quota that one response reports, or the pause that it asks for.

    Args:
        pause: Seconds without requests; `None` if the response reports a quota.
        left: The requests that the server still allows.
        resets: Seconds until it allows more.
        bucket: The name of the quota, if the server gives one.
    """

    pause: float | None
    left: int = 0
    resets: float = 0.0
    bucket: str | None = None


def read_quota(
    response: ResponseLike, wall_time: Callable[[], float]
) -> ServerQuota | None:
    """
    Read the quota or the pause of a response, or return `None` without one.

    What the server asks for takes precedence if the status is 403, 429, 503 or 529.
    Malformed and expired values are ignored, and at most an hour is respected. The
    response of a cache describes the past, and is ignored (section 7.3 of the draft).
    """
    for name, _ in response.headers.raw:
        if name.lower() in _FIELDS:
            return _read(response, wall_time)
    return None


def _read(response: ResponseLike, wall_time: Callable[[], float]) -> ServerQuota | None:
    found, status = fields_of(response), response.status_code
    if _is_cached(found, response.extensions):
        return None
    sent = http_date(found.get(b"date"))
    now = wall_time() if sent is None else sent
    # All of them: an iterator that is left early ends in a finalizer, which swallows
    # the exceptions of signal handlers.
    quotas = list(quotas_in(found, now))
    if status in _PAUSING_STATUSES:
        pause = wait_in(found, status, now)
        if pause is not None:
            named = [quota.bucket for quota in quotas if quota.is_spent]
            bucket = bucket_of(found) or (named[0] if named else None)
            return ServerQuota(min(pause, MAX_SECONDS), bucket=bucket)
    for quota in quotas:
        if quota.left is not None and quota.of_requests:
            seconds = min(quota.resets, MAX_SECONDS)
            return ServerQuota(None, quota.left, seconds, quota.bucket)
    return None


def read_costs(
    response: ResponseLike, wall_time: Callable[[], float]
) -> ServerQuota | None:
    """
    Read the quota of tokens of a response that asks for no pause.

    Of several, such as those of input and output, the one with the fewest is returned.
    """
    found = fields_of(response)
    if QUOTA_FIELDS.isdisjoint(found) or _is_cached(found, response.extensions):
        return None
    sent = http_date(found.get(b"date"))
    tokens = [
        (quota.left, min(quota.resets, MAX_SECONDS))
        for quota in quotas_in(found, wall_time() if sent is None else sent)
        if quota.left is not None and not quota.of_requests
    ]
    return ServerQuota(None, *min(tokens)) if tokens else None


def _is_cached(found: Mapping[bytes, bytes], extensions: Mapping[str, Any]) -> bool:
    """Whether hishel (1, or 2 and later) or a cache on the way has answered."""
    return bool(
        extensions.get("hishel_from_cache")
        or getattr(extensions.get("caching"), "from_cache", False)
        or plain_number(found.get(b"age"))
    )
