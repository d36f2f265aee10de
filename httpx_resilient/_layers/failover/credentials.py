"""Credentials: those that an origin of a group gets, and those that it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from httpx_resilient._core.headers import Header, headers_of
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.validation import TOKEN
from httpx_resilient._layers.failover.origins import origin_of

CREDENTIALS = frozenset({b"authorization", b"cookie", b"proxy-authorization"})
"""Headers with credentials (RFC 9110 §11.6.2, §11.7.2; RFC 6265 §4.2)."""

REFUSED = frozenset({401, 403, 407})
"""The statuses of a request that has no credentials, or not the right ones."""

HeadersOf = Mapping[str, str] | Callable[[], Mapping[str, str]]
"""The headers with the credentials of an origin, or a function that returns them."""

_FORM = (
    "credentials must map origins to headers, such as "
    "{'https://us.example.com': {'Authorization': 'Bearer ...'}}, or to a function "
    "that returns headers"
)


class Credentials:
    """
    Which headers an origin gets in place of those for the first one.

    No value of a header is ever part of a representation or of a message.

    Args:
        given: The headers of each origin, by its index in the group.
        stripped: The names of headers that only the first origin gets, in lower case.
        share: Whether all origins get the credentials for the first one.
    """

    __slots__ = ("_given", "share", "stripped")

    def __init__(
        self,
        given: Mapping[int, Sequence[Header] | Callable[[], object]],
        stripped: frozenset[bytes],
        *,
        share: bool,
    ) -> None:
        self._given = given
        self.stripped = stripped
        self.share = share

    def of(self, origin: int) -> Sequence[Header]:
        """
        Return the headers with the credentials of an origin; none if it has none.

        Raises:
            TypeError: A function of the user has not returned headers.
            ValueError: It has returned an invalid header.
        """
        headers = self._given.get(origin, ())
        if callable(headers):
            return headers_of(
                "the function in credentials must return headers", headers()
            )
        return headers

    def withheld_from(self, origin: int, request: RequestLike) -> tuple[str, ...]:
        """Return the names of the credentials that an origin without its own lacks."""
        if origin == 0 or origin in self._given:
            return ()
        url: Any = request.url
        names = [
            name.decode("ascii")
            for name, _ in request.headers.raw
            if name.lower() in self.stripped
        ]
        if url.userinfo and not self.share:
            names.append("user and password of the URL")
        return tuple(dict.fromkeys(names))

    def __repr__(self) -> str:
        return f"<Credentials of {len(self._given)} origins>"


def credentials_for(
    origins: Sequence[str], given: object, also_strip: object, *, share: bool
) -> Credentials:
    """
    Check the options of a transport that concern credentials.

    Args:
        origins: The origins of the group.
        given: Headers, or functions that return them, by origin.
        also_strip: More names of headers that only the first origin gets.
        share: Whether all origins get the credentials for the first one.

    Raises:
        TypeError: An option is of a wrong kind.
        ValueError: An origin is not one of the group, or is the first one; a header is
            invalid; credentials are both given and shared.
    """
    known: dict[int, Sequence[Header] | Callable[[], object]] = {}
    if not isinstance(given, Mapping):
        msg = f"{_FORM}; got {type(given).__name__}"
        raise TypeError(msg)
    if share and given:
        msg = (
            "share_credentials=True gives the credentials for the first origin to all "
            "others: leave it out, or leave credentials out"
        )
        raise ValueError(msg)
    for origin, headers in cast("Mapping[object, object]", given).items():
        index = _index_of(origin, origins)
        place = f"credentials[{origins[index]!r}]"
        known[index] = headers if callable(headers) else headers_of(place, headers)
    # A header with the credentials of one origin is a secret to all others.
    names: set[bytes] = {
        name.lower()
        for headers in known.values()
        if not callable(headers)
        for name, _ in headers
    }
    names |= header_names(also_strip)
    if not share:
        names |= CREDENTIALS
    return Credentials(known, frozenset(names), share=share)


def _index_of(origin: object, origins: Sequence[str]) -> int:
    name = origin_of("each key of credentials", origin)
    if name not in origins:
        msg = f"credentials has {name}, which is not an origin: {', '.join(origins)}"
        raise ValueError(msg)
    if name == origins[0]:
        msg = (
            f"credentials has {name}, the first origin: give its credentials to the "
            "client, as headers= or auth="
        )
        raise ValueError(msg)
    return origins.index(name)


def header_names(given: object) -> frozenset[bytes]:
    """
    Check the names of headers that only the first origin gets, and lower them.

    Raises:
        TypeError: They are not a list of strings.
        ValueError: One is not a header name.
    """
    form = "also_strip must be a list of header names such as ('x-api-key',)"
    if isinstance(given, str) or not isinstance(given, Iterable):
        msg = f"{form}; got {given!r}"
        raise TypeError(msg)
    names: set[bytes] = set()
    for name in cast("Iterable[object]", given):
        if not isinstance(name, str):
            msg = f"{form}; got {name!r} in it"
            raise TypeError(msg)
        if not TOKEN.fullmatch(name):
            msg = f"{form}; {name!r} is not a header name"
            raise ValueError(msg)
        names.add(name.lower().encode())
    return frozenset(names)
