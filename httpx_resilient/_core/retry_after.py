"""When a server asks to be tried again: `Retry-After` and its relatives."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from httpx_resilient._core.drain import is_short

MILLISECONDS = (b"retry-after-ms", b"x-ms-retry-after-ms")
_LENGTH = b"content-length"
_NAMES = frozenset({*MILLISECONDS, b"retry-after", b"x-should-retry", b"date", _LENGTH})
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hints:
    """
    The server's advice in the headers of one response.

    Args:
        retry_after: The least number of seconds to wait. `None` without a usable value.
        should_retry: The value of `x-should-retry`, or `None` without one.
        short: Whether draining the body costs less than a new connection. It stands
            here because all three come from one pass over the headers.
    """

    retry_after: float | None = None
    should_retry: bool | None = None
    short: bool = True


_NO_HINTS, _NO_HINTS_LONG_BODY = Hints(), Hints(short=False)


def hints_in(
    headers: Iterable[tuple[bytes, bytes]], wall_time: Callable[[], float]
) -> Hints:
    """
    Read the advice in the headers of a response.

    `Retry-After` is a number of seconds, whole or decimal, or an HTTP-date in one of
    its three forms (RFC 9110 §10.2.3, §5.6.7). A date counts from the response's own
    `Date`, so a wrong clock on either side does no harm. `retry-after-ms` and
    `x-ms-retry-after-ms` are more precise and take precedence. A value that is in the
    past, negative, malformed or infinite is ignored.
    """
    # One pass over all headers costs less than two look-ups.
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if (lower := name.lower()) in _NAMES:
            found[lower] = value
    short = is_short(found.pop(_LENGTH, b""))
    if not found:
        return _NO_HINTS if short else _NO_HINTS_LONG_BODY
    verdict = found.get(b"x-should-retry", b"").strip().lower()
    return Hints(
        retry_after=_retry_after(found, wall_time),
        should_retry={b"true": True, b"false": False}.get(verdict),
        short=short,
    )


def _retry_after(
    found: dict[bytes, bytes], wall_time: Callable[[], float]
) -> float | None:
    for name in MILLISECONDS:
        milliseconds = plain_number(found.get(name))
        if milliseconds is not None:
            return milliseconds / 1000
    value = found.get(b"retry-after")
    if value is None:
        return None
    seconds = plain_number(value)
    if seconds is None:
        then = http_date(value)
        if then is None:
            return None
        sent = http_date(found.get(b"date"))
        seconds = then - (wall_time() if sent is None else sent)
    return seconds if seconds > 0 else None


def plain_number(value: bytes | None) -> float | None:
    """Read a finite number without a sign, whole or decimal."""
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def http_date(value: bytes | None) -> float | None:
    """Read an HTTP-date in any of its three forms, as seconds since the epoch."""
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value.decode("latin-1").strip())
        # The asctime form names no zone: it is always UTC (RFC 9110 §5.6.7).
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
