"""
What a response tells of the server's quota.

`RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers-11;
they need the library *http-sf*, and are passed over without it. The other fields have
no standard but the documentation of those who send them:

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

Milliseconds *until* the reset, which a few send, look like seconds and are taken for
them. Quotas of tokens are left alone, since nobody knows what a request will cost.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from httpx_resilient._core.events.log import logger
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.retry_after import (
    MILLISECONDS,
    hints_in,
    http_date,
    plain_number,
)

MOST = 3600.0
"""Seconds that a server is believed, at a time. If it means more, it will say so again:
one refused request an hour harms neither side, a day of silence by mistake does."""

_REFUSING = frozenset({403, 429, 503})
"""Whose `Retry-After` is about more than this request. 403 is GitHub's."""

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
_SIGNS = frozenset(
    {b"ratelimit", b"retry-after", *MILLISECONDS, *(name for name, _ in _COUNTERS)}
)
_REQUESTS = ("requests", "request")  # section 3.1.2 of the draft, and section 10.3

_EPOCH = 1e9
"""From here on seconds are no wait but a date: the one of 9 September 2001."""
_EPOCH_MILLISECONDS = 1e11

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_DURATION = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Told(NamedTuple):
    """
    What a server told: when to come back, or how much it allows until when.

    Args:
        pause: Seconds to stay away; `None` if it told of a quota.
        left: Requests that it allows.
        resets: Seconds until it allows more.
    """

    pause: float | None
    left: int = 0
    resets: float = 0.0


def told_in(response: ResponseLike, wall_time: Callable[[], float]) -> Told | None:
    """
    Read what a response tells of its server's limits.

    `Retry-After` goes before all else (section 7 of the draft), if it is to refuse:
    with 429, 503 or 403. What is malformed, or over, is not said, and no more than an
    hour is believed. What comes out of a cache tells of the past (section 7.3).
    """
    headers = response.headers.raw
    for name, _ in headers:
        if name.lower() in _SIGNS:
            return _told(response, headers, wall_time)
    return None


def _told(
    response: ResponseLike,
    headers: list[tuple[bytes, bytes]],
    wall_time: Callable[[], float],
) -> Told | None:
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        lower = name.lower()  # several lines are one list (RFC 9110 section 5.3)
        found[lower] = found[lower] + b", " + value if lower in found else value
    if _is_cached(found, response.extensions):
        return None
    if response.status_code in _REFUSING:
        pause = hints_in(headers, wall_time).retry_after
        if pause is not None:
            return Told(min(pause, MOST))
    for left, seconds in _quotas(found, wall_time):
        if seconds > 0:
            return Told(None, left, min(seconds, MOST))
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
        yield from _structured(found[b"ratelimit"], found.get(b"ratelimit-policy", b""))
    for remaining, resets in _COUNTERS:
        left = plain_number(found.get(remaining))
        if left is not None:
            for reset in resets:
                if reset in found:
                    yield int(left), _seconds(found, reset, wall_time)


def _seconds(
    found: Mapping[bytes, bytes], name: bytes, wall_time: Callable[[], float]
) -> float:
    """Tell how long it is until a reset; 0 if that cannot be told."""
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


@cache
def _parser() -> Callable[..., Any] | None:
    try:
        from http_sf import parse  # noqa: PLC0415 - an extra, and few servers need it
    except ImportError:
        # Once: this is remembered.
        logger.warning(
            "a server tells its limits in a RateLimit field, which is passed over: "
            "pip install httpx_resilient[ratelimit] to keep to them"
        )
        return None
    return parse


def _parsed(value: bytes, kind: str) -> Any:
    parse = _parser()
    try:
        return None if parse is None else parse(value, tltype=kind)
    except ValueError:
        return None


def _structured(limits: bytes, policies: bytes) -> list[tuple[int, float]]:
    """
    Read `RateLimit`, and of `RateLimit-Policy` what it leaves open.

    Of several policies the one counts that allows least, for the longest time.
    """
    told: list[tuple[Any, ...]] = []
    named = {str(name): more for name, more in _parsed(policies, "list") or ()}
    for name, more in _parsed(limits, "list") or ():
        policy = named.get(str(name), {})
        if policy.get("qu", "requests") in _REQUESTS:
            told.append((more.get("r"), more.get("t", policy.get("w"))))
    if not told:
        # Draft 07: limit=100, remaining=50, reset=5.
        one: dict[str, Any] = _parsed(limits, "dictionary") or {}
        told.append(tuple(one.get(k, (None,))[0] for k in ("remaining", "reset")))
    usable: list[tuple[int, float]] = [
        (left, seconds)
        for left, seconds in told
        if type(left) is type(seconds) is int and left >= 0 and seconds > 0
    ]
    return sorted(usable, key=lambda each: (each[0], -each[1]))[:1]
