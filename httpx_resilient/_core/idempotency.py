"""The headers by which a server recognizes a request that it has seen before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast
from uuid import uuid4

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.http_types import RequestT
from httpx_resilient._core.methods import has_idempotency_key
from httpx_resilient._core.request_copy import copy_request
from httpx_resilient._core.validation import TOKEN

HeaderNames = str | Sequence[str]
"""The name of a header, or several."""

_NEED_A_KEY = frozenset({"POST", "PATCH"})
"""The methods of RFC 9110 and RFC 5789 that are not idempotent by themselves."""


class Idempotency(NamedTuple):
    """
    The headers that a layer was told of, and whether it makes a key.

    Args:
        names: The names in lower case; empty for those that the context has.
        header: The first one as it was given, or empty.
        makes_keys: Whether a POST or PATCH without a key gets one.
    """

    names: tuple[bytes, ...]
    header: str
    makes_keys: bool

    def enter(self, request: RequestT, context: RequestContext) -> RequestT:
        """
        Let the layers inside know the names. Return the request, with a key.

        The caller's request is not changed: one with a new key is a copy. All attempts,
        hedges and requests to other origins are made of that, so they have the same.
        """
        if self.names:
            context.key_headers = self.names
        names = context.key_headers
        if (
            not self.makes_keys
            or request.method not in _NEED_A_KEY
            or has_idempotency_key(request, names)
        ):
            return request
        keyed: Any = copy_request(request)
        keyed.headers = keyed.headers.copy()
        keyed.headers[self.header or names[0].decode()] = str(uuid4())
        return cast("RequestT", keyed)


def idempotency_of(header: object, key: object) -> Idempotency | None:
    """
    Check `idempotency_header` and `idempotency_key`. Return `None` if neither is given.

    Raises:
        TypeError: The header is not a string or a list of strings; the key is not a
            `bool`.
        ValueError: A name is not one of a header, or there is none.
    """
    if not isinstance(key, bool):
        msg = (
            "idempotency_key must be True, for a new key in each POST and PATCH that "
            f"has none, or False; got {type(key).__name__}. A key of your own is a "
            "header of your request"
        )
        raise TypeError(msg)
    if header is None and not key:
        return None
    names = () if header is None else _names(header)
    lower = tuple(name.lower().encode() for name in names)
    return Idempotency(lower, names[0] if names else "", key)


def _names(given: object) -> Sequence[str]:
    form = "idempotency_header must be the name of a header such as 'PayPal-Request-Id'"
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, list | tuple):
        msg = f"{form}, or a list of them; got {given!r}"
        raise TypeError(msg)
    known = cast("Sequence[object]", names)
    for name in known:
        if not isinstance(name, str):
            msg = f"{form}, or a list of them; got {name!r} in it"
            raise TypeError(msg)
        if not TOKEN.fullmatch(name):
            msg = f"{form}; {name!r} is not a header name"
            raise ValueError(msg)
    if not known:
        msg = f"{form}, or a list of them; got an empty list"
        raise ValueError(msg)
    return cast("Sequence[str]", known)
