"""
Loading public names on first use, by the `__getattr__` of their module (PEP 562).

So a program that retries imports neither the other layers nor the states they share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

Load = Callable[[str], Any]

FAMILY = "_FAMILY"
"""The attribute of a binding with the `Family` of its library."""


def lazy(module: str, places: Mapping[str, tuple[str, ...]]) -> Load:
    """
    Make the `__getattr__` of a module that offers names which others define.

    Args:
        module: The name of the module.
        places: The names, by the module of this package that defines them.
    """
    place_of = {name: place for place, names in places.items() for name in names}

    def load(name: str) -> Any:
        if name not in place_of:
            raise missing(module, name)
        return getattr(import_module(f"httpx_resilient.{place_of[name]}"), name)

    return load


def missing(module: str, name: str) -> AttributeError:
    """Make the error that a module raises for an attribute it does not have."""
    return AttributeError(f"module {module!r} has no attribute {name!r}")
