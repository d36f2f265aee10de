"""What a server's response says about trying again."""

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
    The server's own word.

    Args:
        retry_after: Seconds to wait at least, or `None` if nothing usable was said.
        should_retry: `x-should-retry`: its plain yes or no, or `None`.
        short: Whether its body is worth reading before it is thrown away.
    """

    retry_after: float | None = None
    should_retry: bool | None = None
    short: bool = True


_SILENCE, _LONG = Hints(), Hints(short=False)


def hints_in(
    headers: Iterable[tuple[bytes, bytes]], wall_time: Callable[[], float]
) -> Hints:
    """
    Read the hints in a response's headers.

    `Retry-After` is in seconds, whole or decimal, or one of the three forms of an
    HTTP-date (RFC 9110 §10.2.3, §5.6.7), which is taken relative to the response's
    own `Date`, so that a wrong clock on either side does no harm. `retry-after-ms` and
    `x-ms-retry-after-ms` are more precise and come first. Whatever lies in the past,
    is negative, malformed or not finite counts as not said.
    """
    # One pass over all headers costs less than two look-ups.
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if (lower := name.lower()) in _NAMES:
            found[lower] = value
    short = is_short(found.pop(_LENGTH, b""))
    if not found:
        return _SILENCE if short else _LONG
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
    said = found.get(b"retry-after")
    if said is None:
        return None
    seconds = plain_number(said)
    if seconds is None:
        then = http_date(said)
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
