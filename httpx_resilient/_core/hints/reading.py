"""
What the headers of a response say about another attempt, read once for all layers.

In order of precedence: a yes or no (`x-should-retry`, `Stripe-Should-Retry`), fields in
milliseconds, `Retry-After`, and the reset of a quota that is spent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from httpx_resilient._core.drain import is_short
from httpx_resilient._core.hints.aws import is_throttling
from httpx_resilient._core.hints.quotas import QUOTA_FIELDS, Fields, quotas_in
from httpx_resilient._core.hints.values import http_date, plain_number, waits_in
from httpx_resilient._core.http_types import ResponseLike

MILLISECONDS = (b"retry-after-ms", b"x-ms-retry-after-ms", b"x-amz-retry-after")
"""OpenAI and Azure OpenAI; Cosmos DB; AWS."""

SECONDS = (b"retry-after", b"x-ratelimit-retry-after")
"""RFC 9110 §10.2.3; MailerLite."""

_VERDICTS = (b"x-should-retry", b"stripe-should-retry")
"""The SDKs that Stainless generates; Stripe."""

_LENGTH, _DATE, _SERVER = b"content-length", b"date", b"server"
_AWS_ERROR = b"x-amzn-errortype"

READ_FIELDS = QUOTA_FIELDS | {
    *MILLISECONDS,
    *SECONDS,
    *_VERDICTS,
    _AWS_ERROR,
    _DATE,
    _LENGTH,
    _SERVER,
    b"ratelimit-policy",
    b"ratelimit-limit",
    b"x-ratelimit-limit",
    b"x-rate-limit-limit",
    b"x-ratelimit-limit-requests",
    b"x-ratelimit-limit-tokens",
    b"x-ratelimit-resource",
    b"x-ratelimit-bucket",
    b"ratelimit-reason",
    b"x-ratelimit-scope",
    b"x-ratelimit-global",
    b"age",
}

FORBIDDEN, TOO_LARGE, TOO_MANY, UNAVAILABLE, OVERLOADED = 403, 413, 429, 503, 529
_BAD_REQUEST = 400

_SECONDARY = 60.0
"""
Seconds to wait after a 429 whose quota is not spent.

Another limit has refused the request, and its reset is unknown. GitHub's documentation
asks for a minute after its secondary limits.
"""

_NOT_REACHED = frozenset({521, 523, 525, 530})
"""
Statuses by which Cloudflare says that it has not reached the server.

The connection was refused, there is no route, the TLS handshake failed, or the name was
not resolved. After 520, 522 and 524 the request may have been processed.
"""


@dataclass(frozen=True, slots=True)
class Hints:
    """
    The server's advice in the headers of one response, and in its body if that is read.

    Args:
        retry_after: The least number of seconds to wait. `None` without a usable value.
        should_retry: The server's own verdict, or `None` without one.
        throttled: Whether the server receives too many requests.
        unprocessed: Whether it proves that the request was not processed, which the
            status alone does not.
        verdict_of: What `should_retry` comes from.
        short: Whether draining the body costs less than a new connection. It stands
            here because all come from one pass over the headers.
    """

    retry_after: float | None = None
    should_retry: bool | None = None
    throttled: bool = False
    unprocessed: bool = False
    verdict_of: str = ""
    short: bool = True


NO_HINTS = Hints()


def fields_of(response: ResponseLike) -> dict[bytes, bytes]:
    """Return the fields that are read here, by lower-case name."""
    # One pass over all headers costs less than two look-ups.
    found: dict[bytes, bytes] = {}
    for name, value in response.headers.raw:
        lower = name.lower()
        if lower in READ_FIELDS:
            # Several lines are one list (RFC 9110 §5.3); but a date has a comma.
            comma = b"\n" if lower in SECONDS else b", "
            found[lower] = found[lower] + comma + value if lower in found else value
    return found


def hints_in(response: ResponseLike, wall_time: Callable[[], float]) -> Hints:
    """
    Read the advice in the headers of a response.

    Dates count from the response's own `Date`, so a wrong clock on either side does no
    harm. A value that is in the past, negative, malformed or infinite is ignored. Of
    several values of one field, the longest counts.
    """
    found, status = fields_of(response), response.status_code
    short = is_short(found.pop(_LENGTH, b""))
    is_slowed = status == UNAVAILABLE and _is_slow_down(response)
    is_cloudflare = found.pop(_SERVER, b"").lower() == b"cloudflare"
    if not found and not is_slowed and status not in _NOT_REACHED:
        is_throttled = status in (TOO_MANY, OVERLOADED)
        if short and not is_throttled:
            return NO_HINTS
        return Hints(throttled=is_throttled, short=short)
    verdict, verdict_of = _verdict(found)
    sent = http_date(found.get(_DATE))
    wait = wait_in(found, status, wall_time() if sent is None else sent)
    is_asked = wait is not None
    is_refused = (
        (status in (FORBIDDEN, TOO_LARGE) and is_asked)
        or (status == _BAD_REQUEST and _is_throttled_by_aws(found))
        or is_slowed
    )
    return Hints(
        retry_after=wait,
        should_retry=verdict if status >= _BAD_REQUEST else None,
        verdict_of=verdict_of,
        throttled=is_refused
        or status in (TOO_MANY, OVERLOADED)
        or (status == UNAVAILABLE and is_asked),
        unprocessed=is_refused or (is_cloudflare and status in _NOT_REACHED),
        short=short,
    )


def wait_in(found: Fields, status: int, now: float) -> float | None:
    """
    Return the seconds for which the server asks to wait, or `None`.

    Args:
        found: The fields of the response.
        status: Its status code.
        now: When it was sent, in seconds since the epoch.
    """
    milliseconds = [plain_number(found.get(name)) for name in MILLISECONDS]
    if longest := max(filter(None, milliseconds), default=0.0):
        return longest / 1000
    waits = [wait for name in SECONDS for wait in waits_in(found.get(name, b""), now)]
    if waits:
        return max(waits)
    return _until_reset(found, status, now)


def _until_reset(found: Fields, status: int, now: float) -> float | None:
    """Return the seconds until the last of the spent quotas is renewed."""
    if status not in (FORBIDDEN, TOO_MANY, UNAVAILABLE):
        return None
    quotas = list(quotas_in(found, now))
    spent = [each.resets for each in quotas if each.is_spent]
    if not spent and status != FORBIDDEN:  # a reset without a number
        spent = [each.resets for each in quotas if each.left is None]
    if spent:
        return max(spent)
    if status == TOO_MANY and any(q.is_dated and q.resets > _SECONDARY for q in quotas):
        return _SECONDARY
    return None


def _verdict(found: Fields) -> tuple[bool | None, str]:
    """Return the server's verdict, and the name of its field."""
    for name in _VERDICTS:
        value = found.get(name, b"").strip().lower()
        if value in (b"true", b"false"):
            return value == b"true", name.decode()
    return None, ""


def _is_throttled_by_aws(found: Fields) -> bool:
    return is_throttling(found.get(_AWS_ERROR, b"").decode("latin-1"))


def _is_slow_down(response: ResponseLike) -> bool:
    """Whether S3 asks for fewer requests: "503 Slow Down" in HTTP/1.1."""
    reason = response.extensions.get("reason_phrase")
    return isinstance(reason, bytes) and reason.lower() == b"slow down"
