"""Which requests may be sent more than once without harm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from httpx_resilient._core.http_types import RequestLike

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})
"""RFC 9110 §9.2.1, and RFC 10008 for QUERY."""


KEY_HEADERS = (
    b"idempotency-key",
    b"x-idempotency-key",
    b"paypal-request-id",
    b"repeatability-request-id",
)
"""
The headers that have no other meaning than a key, by which a server recognizes a
repeated request: the draft of the IETF's httpapi group and Stripe, others before it,
PayPal, and OASIS Repeatable Requests of Azure.
"""


def has_idempotency_key(
    request: RequestLike, names: Sequence[bytes] = KEY_HEADERS
) -> bool:
    """Whether a request carries a key in one of the headers with these names."""
    headers = request.headers.raw
    return any(n.lower() in names and v.strip() for n, v in headers)


IDEMPOTENT_METHODS = frozenset(
    {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"}
)
"""RFC 9110 §9.2.2, and RFC 10008 for QUERY."""


_COMMON = ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY", "POST", "PATCH")


def spelled(method: str) -> str:
    """
    Return a method in capitals, and refuse one that is nearly a common one.

    Any other one is accepted, such as PURGE, and all that are registered at IANA.

    Raises:
        ValueError: It is misspelt.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only for an extra method

    name = method.upper()
    if name in _COMMON:
        return name
    close = [each for each in _COMMON if sorted(each) == sorted(name)]
    close += get_close_matches(name, _COMMON, n=1, cutoff=0.75)
    if close:
        msg = f"{method!r} is no known method: did you mean {close[0]!r}?"
        raise ValueError(msg)
    return name


def method_names(given: object) -> frozenset[str]:
    """
    Return the methods that a user has given, in upper case.

    Raises:
        TypeError: They are not a collection of strings.
        ValueError: One is no method, or a misspelt one.
    """
    is_collection = not isinstance(given, str) and isinstance(given, Iterable)
    names = list(cast("Iterable[object]", given)) if is_collection else []
    if not (is_collection and all(isinstance(name, str) for name in names)):
        msg = (
            "methods must be a collection of strings, such as {'GET', 'HEAD'}; "
            f"got {given!r}"
        )
        raise TypeError(msg)
    return frozenset(spelled(str(name)) for name in names)


def is_repeatable(request: RequestLike, names: Sequence[bytes] = KEY_HEADERS) -> bool:
    """Whether a request may be sent more than once without harm."""
    return request.method in IDEMPOTENT_METHODS or has_idempotency_key(request, names)


_CONDITIONS = {
    b"if-match": "If-Match",
    b"if-none-match": "If-None-Match",
    b"if-unmodified-since": "If-Unmodified-Since",
}


def condition_of(request: RequestLike) -> str | None:
    """Return the field by which a request that changes something is conditional."""
    if request.method in SAFE_METHODS:
        return None
    names = (_CONDITIONS.get(name.lower()) for name, _ in request.headers.raw)
    return next((name for name in names if name), None)


_SDK_RETRY_COUNTS = (b"x-stainless-retry-count", b"x-retry-count", b"retry-attempt")
"""
The number of retries of an SDK: openai and its relatives; postgrest, supabase; kiota,
on which Microsoft Graph is built.
"""


def is_sdk_retry(request: RequestLike) -> bool:
    """Whether an SDK above retries this request: retries must not multiply."""
    for name, value in request.headers.raw:
        if name.lower() in _SDK_RETRY_COUNTS:
            return value.isdigit() and int(value) > 0
    return False
