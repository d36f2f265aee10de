"""
The keys of states: the origin of a request, or what a function of the user returns.

A key may hold a secret, such as a token, so `states()` shows every key, but a text or a
log record only one that is made to be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, cast

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.origin import OriginKey, origin_name, parse_origin
from httpx_resilient._core.redaction import redact_tokens
from httpx_resilient._core.request_copy import copy_request
from httpx_resilient._core.validation import accepts, is_asynchronous

KeyFunction = Callable[[Any], Hashable]
"""Returns the key of a request."""


class ShownKey(str):
    """
    A key that texts and logs may show.

    Its text begins as a URL does, so it names its server to the metrics, too.
    """

    __slots__ = ()


def check_key(key: object) -> None:
    """
    Check a `key` argument.

    Raises:
        TypeError: It is neither `None` nor a synchronous function.
    """
    if key is None:
        return
    if not (callable(key) and accepts(key, 1)):
        msg = (
            "key must be a function of the request, such as "
            f"lambda request: request.url.host; got {key!r}"
        )
        raise TypeError(msg)
    if is_asynchronous(key):
        msg = (
            "key must be a plain function of the request, because a layer cannot await "
            f"it; got the asynchronous {key!r}"
        )
        raise TypeError(msg)


def key_of(context: RequestContext, function: KeyFunction) -> Hashable:
    """
    Return the key of a request, which the function is asked for once.

    Raises:
        TypeError: The key is not hashable.
    """
    outer = context.parent
    while outer is not None and outer.request is context.request:
        context, outer = outer, outer.parent
    for known, key in context.keys:
        if known is function:
            return key
    key = function(_as_called(context))
    try:
        hash(key)
    except TypeError:
        # The key is not shown: it may hold a secret.
        msg = (
            f"key= has returned a {type(key).__name__}, which is not hashable: return "
            "a str, a number, or a tuple of these"
        )
        raise TypeError(msg) from None
    context.keys = (*context.keys, (function, key))
    return key


def own_key_of(context: RequestContext, function: KeyFunction | None) -> Hashable:
    """Return the key of a request, or `None` if that is its origin."""
    return None if function is None else key_of(context, function)


def _as_called(context: RequestContext) -> RequestLike:
    """
    Return the request that a key is made of.

    A request to another origin lacks the credentials of the caller. Here it has them,
    because a key may tell callers apart by them.
    """
    request, outer = context.request, context.parent
    while outer is not None and outer.origin == context.origin:
        outer = outer.parent
    if outer is None:
        return request
    own: Any = request
    caller: Any = outer.request
    seen = copy_request(own)
    seen.headers = caller.headers.copy()
    seen.headers.update(own.headers)
    return cast("RequestLike", seen)


def key_given(function: KeyFunction | None, given: Any) -> Hashable:
    """
    Return the key that a user names: by a URL, or by the key itself.

    Args:
        function: What makes the keys; `None` if they are origins.
        given: A URL if the keys are origins or prefixes of paths, else a key.

    Raises:
        TypeError: What is to be a URL is neither a string nor a URL.
        ValueError: The URL has no scheme or no host, or is invalid.
    """
    if function is None:
        return parse_origin(given)
    of_url: Callable[[Any], Hashable] | None = getattr(function, "of_url", None)
    return given if of_url is None else of_url(given)


def key_shown(function: KeyFunction | None, key: Hashable) -> Any:
    """Return a key as `states()` shows it: an origin by its name."""
    return origin_name(cast("OriginKey", key)) if function is None else key


def origin_named(function: KeyFunction | None, key: Hashable) -> tuple[str, Hashable]:
    """
    Return the name of the origin that a key has, and the key unless it is the origin.

    Args:
        function: What makes the keys; `None` if they are origins.
        key: The key. The name is empty if it is one that only the user understands.
    """
    if function is None:
        return origin_name(cast("OriginKey", key)), None
    is_url = isinstance(key, ShownKey)
    return origin_name(parse_origin(key)) if is_url else "", key


def key_text(key: object) -> str:
    """Return the text of a key that may be shown, or of several; else nothing."""
    if isinstance(key, ShownKey):
        return redact_tokens(key)
    if isinstance(key, tuple):
        texts = [key_text(each) for each in cast("tuple[object, ...]", key)]
        return ", ".join(texts) if all(texts) else ""
    return ""


def name_of(key: object, origin: str) -> str:
    """Name a key in a text: by itself, or by the origin of its request."""
    if key is None:
        return origin
    return key_text(key) or (f"{origin} (one of its keys)" if origin else "one key")


def name_in(context: RequestContext, function: KeyFunction | None) -> str:
    """Name the key of a request in a text."""
    return name_of(own_key_of(context, function), origin_name(context.origin))
