"""The forms in which servers write numbers, moments and durations."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_DURATION = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_EPOCH = 1e9
"""A larger number of seconds is a moment: 9 September 2001 or later."""

_EPOCH_MILLISECONDS = 1e11
"""A larger number is a moment in milliseconds since the epoch."""

_LONGEST_WINDOW = 3600.0
"""
A larger number of seconds until a reset is taken for milliseconds.

Quotas of a day exist, too. If it is one, a request is refused too early, and no client
is silenced by a wrong unit.
"""

_JAVASCRIPT = "%a %b %d %Y %H:%M:%S GMT%z"
"""What JavaScript's `toString` writes, without the name of the zone at its end."""


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


def moment(value: bytes) -> float | None:
    """Read a number since the epoch, in seconds or milliseconds."""
    number = plain_number(value)
    if number is None or number < _EPOCH:
        return None
    return number if number < _EPOCH_MILLISECONDS else number / 1000


def waits_in(lines: bytes, now: float) -> list[float]:
    """
    Read the lines of `Retry-After`: each has seconds, or a date, or a list of seconds.

    Args:
        lines: The lines.
        now: Seconds since the epoch.

    Returns:
        Seconds, not sorted; above 0. RFC 9110 §10.2.3 allows one value only, whole
        seconds or an HTTP-date. Proxies join several lines by commas, and some servers
        send a moment in seconds since the epoch.
    """
    found: list[float | None] = []
    for line in lines.split(b"\n"):
        date = http_date(line)
        if date is not None:
            found.append(date - now)
            continue
        for part in line.split(b","):
            then = moment(part)
            found.append(plain_number(part) if then is None else then - now)
    return [seconds for seconds in found if seconds is not None and seconds > 0]


def seconds_until(value: bytes, now: float) -> float:
    """
    Read the reset of a quota in any of its forms.

    Args:
        value: Seconds or milliseconds until then, or since the epoch; a duration such
            as `6m0s`; a date of ISO 8601, HTTP or JavaScript.
        now: Seconds since the epoch.

    Returns:
        Seconds; 0 or less if it has passed or is malformed.
    """
    then = moment(value)
    if then is not None:
        return then - now
    seconds = plain_number(value)
    if seconds is not None:
        return seconds if seconds <= _LONGEST_WINDOW else seconds / 1000
    text = value.decode("latin-1").strip()
    seconds = duration(text)
    if seconds is not None:
        return seconds
    then = _iso_date(text) or _javascript_date(text) or http_date(value)
    return 0.0 if then is None else then - now


def duration(text: str) -> float | None:
    """Read a duration such as `6m0s` or `7.5s`, in seconds."""
    if not _DURATION.fullmatch(text):
        return None
    return math.fsum(float(n) * _UNITS[unit] for n, unit in _PART.findall(text))


def _iso_date(text: str) -> float | None:
    try:
        date = datetime.fromisoformat(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _javascript_date(text: str) -> float | None:
    try:
        named = text.partition(" (")[0]
        return datetime.strptime(named, _JAVASCRIPT).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None
