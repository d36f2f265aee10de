"""Read `Content-Range` strictly, as RFC 9110 §14.4 writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Eighteen digits are 888 petabytes, and need no integer above 64 bits.
_SATISFIED = re.compile(
    r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII | re.IGNORECASE
)
_UNSATISFIED = re.compile(r"bytes \*/(\d{1,18})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """
    Which bytes of a representation an answer has.

    Args:
        first: The position of the first byte, from 0. `None` in a 416, which has none.
        last: The position of the last byte, which is included. `None` in a 416.
        total: The length of the whole representation, or `None` if it is unknown.
    """

    first: int | None
    last: int | None
    total: int | None


def content_range(value: str) -> ContentRange | None:
    """
    Read a value of `Content-Range`.

    Returns:
        The range, or `None` if the value is malformed, contradicts itself, or has
        another unit than bytes. Nothing is guessed: a recipient must not attempt to
        recombine an invalid one (RFC 9110 §14.4).
    """
    found = _SATISFIED.fullmatch(value)
    if found is None:
        found = _UNSATISFIED.fullmatch(value)
        return None if found is None else ContentRange(None, None, int(found[1]))
    first, last = int(found[1]), int(found[2])
    total = None if found[3] == "*" else int(found[3])
    if last < first or (total is not None and total <= last):
        return None
    return ContentRange(first, last, total)
