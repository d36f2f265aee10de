"""The requests that faults apply to."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urlsplit

from httpx_resilient._core.origin import origin_key, parse_origin


def request_filter(
    only: str | Callable[[Any], bool] | None,
) -> Callable[[Any], bool]:
    """
    Return a function that says whether faults apply to a request.

    Raises:
        TypeError: `only` is neither a string nor a plain function.
        ValueError: It is a string, but not an origin.
    """
    if only is None:
        return lambda _: True
    if isinstance(only, str):
        parts = urlsplit(only)
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            msg = (
                "only must be an origin such as https://api.example.com, without a "
                "path: to select by more than the origin, give a callable that takes "
                f"the request; got {only!r}"
            )
            raise ValueError(msg)
        key = parse_origin(only)
        return lambda request: origin_key(request.url) == key
    if not callable(only) or iscoroutinefunction(only):
        msg = (
            "only must be an origin such as https://api.example.com, or a synchronous "
            f"callable that takes the request; got {only!r}"
        )
        raise TypeError(msg)
    return only
