"""The origins that a user gives to a group, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit

from httpx_resilient._core.origin import DEFAULT_PORTS, origin_name, parse_origin


def origins_of(given: object) -> tuple[str, ...]:
    """
    Check the origins of a group, and return them in their normal form.

    Raises:
        TypeError: They are not a list of strings.
        ValueError: There is none, or one twice; one is more than scheme, host and port.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        msg = (
            "origins must be a list such as ['https://eu.example.com', "
            f"'https://us.example.com']; got {type(given).__name__}"
        )
        raise TypeError(msg)
    if not given:
        msg = "origins is empty: list the origin of your requests, then alternatives"
        raise ValueError(msg)
    known: dict[str, int] = {}
    for index, origin in enumerate(cast("Sequence[object]", given)):
        name = origin_of(f"origins[{index}]", origin)
        if name in known:
            msg = (
                f"origins[{index}] and origins[{known[name]}] are both {name}: list "
                "each origin once"
            )
            raise ValueError(msg)
        known[name] = index
    return tuple(known)


def origin_of(place: str, given: object) -> str:
    """
    Check an origin that a user has given, and return it in its normal form.

    Raises:
        TypeError: It is not a string.
        ValueError: It is more than scheme, host and port.
    """
    # The value is not shown: it may contain a password, or a key in a query.
    form = f"{place} must be a string such as 'https://eu.example.com:8443'"
    if not isinstance(given, str):
        msg = f"{form}; got {type(given).__name__}"
        raise TypeError(msg)
    try:
        url = urlsplit(given)
        host, _ = url.hostname, url.port  # either may be invalid
    except ValueError:
        msg = f"{form}; got one with an invalid host or port"
        raise ValueError(msg) from None
    mistakes = {
        "with a space or control character": " " in given or not given.isprintable(),
        "without http:// or https://": url.scheme not in {"http", "https"},
        "with a user or password; give them to the client as auth=": "@" in url.netloc,
        "without a host": not host,
        "with a path; give it in the URL of the request": url.path not in ("", "/"),
        "with a query or fragment": "?" in given or "#" in given,
    }
    for mistake, made in mistakes.items():
        if made:
            msg = f"{form}; got one {mistake}"
            raise ValueError(msg)
    try:
        scheme, host, port = parse_origin(given)
    except ValueError:
        msg = f"{form}; got one with an invalid host"
        raise ValueError(msg) from None
    return origin_name((scheme, host, None if port == DEFAULT_PORTS[scheme] else port))
