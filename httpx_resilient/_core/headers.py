"""Headers that a user gives, as they are sent. Their values are in no message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from httpx_resilient._core.validation import TOKEN

Header = tuple[bytes, bytes]


def headers_of(place: str, given: object) -> Sequence[Header]:
    """
    Check headers, and encode them.

    Args:
        place: Where they were given, for the message.
        given: A dictionary of strings.

    Raises:
        TypeError: They are not a dictionary of strings.
        ValueError: A name or a value cannot be sent.
    """
    form = f"{place}: a dictionary such as {{'Authorization': 'Bearer ...'}}"
    if not isinstance(given, Mapping):
        msg = f"{form}; got {type(given).__name__}"
        raise TypeError(msg)
    headers: list[Header] = []
    for name, value in cast("Mapping[object, object]", given).items():
        if not isinstance(name, str) or not isinstance(value, str):
            msg = f"{form}; got {type(name).__name__}: {type(value).__name__} in it"
            raise TypeError(msg)
        if not TOKEN.fullmatch(name):
            msg = f"{form}; got a name that is not one of a header"
            raise ValueError(msg)
        if not (value.isascii() and value.isprintable()):
            msg = (
                f"{form}; the value of {name!r} has a character that no header can have"
            )
            raise ValueError(msg)
        headers.append((name.encode(), value.encode()))
    return headers
