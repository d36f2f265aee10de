"""A binding: the public names for one HTTP library, each loaded on first use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from importlib import import_module
from typing import Any

from httpx_resilient._stack import shared
from httpx_resilient._stack.lazy import FAMILY, Load, missing


def bind(
    home: str, library: str, names: Collection[str]
) -> tuple[Load, Callable[[], list[str]]]:
    """
    Make the `__getattr__` and the `__dir__` of a binding.

    Args:
        home: The name of the binding, a module.
        library: The name of the library. It is imported with the first transport.
        names: The public names of the binding.
    """
    binding = sys.modules[home]

    def load(name: str) -> Any:
        if name in shared.__all__:
            loaded = getattr(shared, name)
        elif name in names or name == FAMILY:
            deriving = import_module("httpx_resilient._stack.deriving")
            loaded = deriving.derived(name, binding, library)
        elif name == "__test__":  # where doctest finds examples besides `__dict__`
            return {each: getattr(binding, each) for each in names}
        else:
            raise missing(home, name)
        # Of two threads that load a name at the same time, both get the first object.
        return vars(binding).setdefault(name, loaded)

    return load, lambda: sorted({*vars(binding), *names})
