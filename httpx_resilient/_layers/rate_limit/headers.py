"""
Read the quota of a server from the headers of a response.

`RateLimit` and `RateLimit-Policy` are fields of the draft
draft-ietf-httpapi-ratelimit-headers-11. They need the library *http-sf*, and are
ignored without it. The other fields are only defined by their senders:

    RateLimit-Remaining, -Reset         drafts up to 06, Envoy, Kong; GitLab's reset is
                                        in seconds since the epoch
    X-RateLimit-Remaining, -Reset       GitHub, Smartsheet: seconds since the epoch;
                                        Reddit: seconds, and remaining has decimals;
                                        Upstash: milliseconds since the epoch; Jira and
                                        Rachio: a date of ISO 8601
    X-RateLimit-Reset-After             Discord: seconds, more precise than its reset
    X-RateLimit-Interval-Seconds        Confluence, Jira Data Center: when tokens come
    X-Rate-Limit-Remaining, -Reset      X, Okta: seconds since the epoch
    X-RateLimit-Remaining-Requests,     OpenAI, Groq: `6m0s`, `12ms`; Azure: seconds
      -Reset-Requests
    Anthropic-RateLimit-Requests-...    a date of RFC 3339

A few servers send milliseconds *until* the reset. They look like seconds, and are read
as seconds. Quotas of tokens are ignored, because the cost of a request is unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.retry_after import (
    MILLISECONDS,
    hints_in,
    http_date,
    plain_number,
)
from httpx_resilient._layers.rate_limit.structured_fields import read_ratelimit

MAX_SECONDS = 3600.0
"""
The longest pause or window that is respected, in seconds.

After that, a server that means more refuses one request and says so again. One refused
request an hour harms neither side; a pause of a day by mistake does.
"""

_PAUSING_STATUSES = frozenset({403, 429, 503})
"""The statuses whose `Retry-After` concerns all requests. 403 is GitHub's."""

_COUNTERS: tuple[tuple[bytes, tuple[bytes, ...]], ...] = (
    (b"ratelimit-remaining", (b"ratelimit-reset",)),
    (b"x-ratelimit-remaining-requests", (b"x-ratelimit-reset-requests",)),
    (
        b"anthropic-ratelimit-requests-remaining",
        (b"anthropic-ratelimit-requests-reset",),
    ),
    (
        b"x-ratelimit-remaining",
        (
            b"x-ratelimit-reset-after",
            b"x-ratelimit-reset",
            b"x-ratelimit-interval-seconds",
        ),
    ),
    (b"x-rate-limit-remaining", (b"x-rate-limit-reset",)),
)
"""The fields of remaining requests, each with the fields of its reset, best first."""

_FIELDS = frozenset(
    {b"ratelimit", b"retry-after", *MILLISECONDS, *(name for name, _ in _COUNTERS)}
)
"""A response without any of these fields reports no quota."""

_EPOCH = 1e9
"""A larger number of seconds is a date: 9 September 2001 or later."""

_EPOCH_MILLISECONDS = 1e11
"""A larger number is a date in milliseconds since the epoch."""

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_DURATION = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class ServerQuota(NamedTuple):
    """
    The quota that one response reports, or the pause that it asks for.

    Args:
        pause: Seconds without requests; `None` if the response reports a quota.
        left: The requests that the server still allows.
        resets: Seconds until it allows more.
    """

    pause: float | None
    left: int = 0
    resets: float = 0.0


def read_quota(
    response: ResponseLike, wall_time: Callable[[], float]
) -> ServerQuota | None:
    """
    Read the quota or the pause of a response, or return `None` without one.

    `Retry-After` takes precedence (section 7 of the draft) if the status is 429, 503 or
    403. Malformed and expired values are ignored, and at most an hour is respected. The
    response of a cache describes the past, and is ignored (section 7.3).
    """
    headers = response.headers.raw
    for name, _ in headers:
        if name.lower() in _FIELDS:
            return _read(response, headers, wall_time)
    return None


def _read(
    response: ResponseLike,
    headers: list[tuple[bytes, bytes]],
    wall_time: Callable[[], float],
) -> ServerQuota | None:
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        lower = name.lower()  # several lines are one list (RFC 9110 §5.3)
        found[lower] = found[lower] + b", " + value if lower in found else value
    if _is_cached(found, response.extensions):
        return None
    if response.status_code in _PAUSING_STATUSES:
        pause = hints_in(headers, wall_time).retry_after
        if pause is not None:
            return ServerQuota(min(pause, MAX_SECONDS))
    for left, seconds in _quotas(found, wall_time):
        if seconds > 0:
            return ServerQuota(None, left, min(seconds, MAX_SECONDS))
    return None


def _is_cached(found: Mapping[bytes, bytes], extensions: Mapping[str, Any]) -> bool:
    """Whether hishel (1, or 2 and later) or a cache on the way has answered."""
    return bool(
        extensions.get("hishel_from_cache")
        or getattr(extensions.get("caching"), "from_cache", False)
        or plain_number(found.get(b"age"))
    )


def _quotas(
    found: Mapping[bytes, bytes], wall_time: Callable[[], float]
) -> Iterator[tuple[int, float]]:
    if b"ratelimit" in found:
        policies = found.get(b"ratelimit-policy", b"")
        yield from read_ratelimit(found[b"ratelimit"], policies)
    for counter, resets in _COUNTERS:
        left = plain_number(found.get(counter))
        if left is not None:
            for reset in resets:
                if reset in found:
                    yield int(left), _seconds_until(found, reset, wall_time)


def _seconds_until(
    found: Mapping[bytes, bytes], name: bytes, wall_time: Callable[[], float]
) -> float:
    """Return the seconds until a reset; 0 if the field is malformed."""
    text = found[name].decode("latin-1").strip()
    then = plain_number(found[name])
    if then is None:
        if _DURATION.fullmatch(text):
            return math.fsum(float(n) * _UNITS[unit] for n, unit in _PART.findall(text))
        try:
            date = datetime.fromisoformat(text)
            then = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return 0.0
    elif then < _EPOCH:
        return then
    elif then >= _EPOCH_MILLISECONDS:
        then /= 1000
    sent = http_date(found.get(b"date"))
    return then - (wall_time() if sent is None else sent)
