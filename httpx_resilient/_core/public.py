"""What public classes have in common: their module, their options, and their copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn, TypeVar

from httpx_resilient._core.unknown_options import explains_options

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


class Uncopyable:
    """
    The base of transports, and of the states that they share.

    A copy would have no lock, connection or queue of its own. So `copy.copy` would
    close the connections of the original, and `copy.deepcopy` and `pickle` would fail
    somewhere inside, and not say what to do.

    Their constructors answer options that they do not have, see `explains_options`.
    """

    __slots__ = ()

    _holds: ClassVar[str] = "state that transports share"
    _instead: ClassVar[str] = "pass the same object on, or make"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        made: Any = cls
        if "__init__" in vars(cls):
            made.__init__ = explains_options(made.__init__)

    # All three of them call it, and a subclass of a user may have its own.
    def __reduce__(self) -> NoReturn:
        msg = (
            f"{type(self).__name__} holds {self._holds} and cannot be copied or "
            f"pickled: {self._instead} a new one with the same arguments"
        )
        raise TypeError(msg)
