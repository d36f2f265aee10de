"""The methods of requests that may be hedged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from httpx_resilient._core.methods import spelled


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
