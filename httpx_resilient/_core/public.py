"""Public classes and functions have the module that users import them from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def public(home: str = "httpx_resilient") -> Callable[[T], T]:
    """
    Set the `__module__` of a class or function, which `repr`, `help` and pickles show.

    Args:
        home: The module that exports it.
    """

    def name(exported: T) -> T:
        named: Any = exported
        named.__module__ = home
        return exported

    return name
