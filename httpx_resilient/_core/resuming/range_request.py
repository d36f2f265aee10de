"""The headers of a request that goes on with a body, or reads it once more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from httpx_resilient._core.resuming.representation import PARTIAL, Representation

Raw = Sequence[tuple[bytes, bytes]]

_SINGLE = re.compile(
    rb"\s*bytes\s*=\s*(\d+\s*-\s*\d*|-\s*\d+)\s*", re.ASCII | re.IGNORECASE
)

_REPLACED = frozenset({b"range", b"if-range", b"if-none-match", b"if-modified-since"})
"""
The headers of the caller that a resume does not send.

The first two are replaced. The others have had their answer: the content was another
one than the caller had. A 304 to a resume would have no bytes.
"""


def asks_for_one_range(headers: Raw) -> bool:
    """Whether a request has no `Range`, or one with a single range of bytes."""
    ranges = [value for name, value in headers if name.lower() == b"range"]
    return not ranges or (len(ranges) == 1 and bool(_SINGLE.fullmatch(ranges[0])))


def can_ask_for_the_rest(first: Representation) -> bool:
    """
    Whether a range may prove that it is of the same version.

    That takes a strong validator, and a body that is not encoded: see `judge`. Else the
    whole is read once more, and compared.
    """
    return first.validator is not None and not first.encoding


def rest_headers(
    headers: Raw, first: Representation, offset: int
) -> list[tuple[bytes, bytes]]:
    """
    Return the headers of a request for the rest of a body.

    Args:
        headers: Those of the first request.
        first: What the answer to it said. It has a validator.
        offset: The position of the next byte that is wanted.
    """
    sent = _without_conditions(headers, first)
    # A caller's range ends where the server ended it, which has cut off what is beyond
    # the end, and resolved a suffix such as `-500`.
    end = first.last if first.status == PARTIAL and first.last is not None else ""
    sent.append((b"Range", f"bytes={offset}-{end}".encode()))
    name, value = cast("tuple[str, str]", first.precondition)
    sent = [each for each in sent if each[0].lower() != name.lower().encode()]
    return [*sent, (name.encode(), value.encode("latin-1"))]


def reread_headers(headers: Raw, first: Representation) -> list[tuple[bytes, bytes]]:
    """
    Return the headers of a request for all bytes of the first answer, once more.

    Args:
        headers: Those of the first request.
        first: What the answer to it said.
    """
    sent = _without_conditions(headers, first)
    if first.status == PARTIAL:
        sent.append((b"Range", f"bytes={first.first}-{first.last}".encode()))
    return sent


def _without_conditions(
    headers: Raw, first: Representation
) -> list[tuple[bytes, bytes]]:
    """Return the headers that stay: no conditions, and no encoding if it had none."""
    dropped = _REPLACED if first.encoding else _REPLACED | {b"accept-encoding"}
    sent = [(name, value) for name, value in headers if name.lower() not in dropped]
    if not first.encoding:
        # As browsers send with a range (the Fetch standard, "HTTP-network fetch").
        sent.append((b"Accept-Encoding", b"identity"))
    return sent
