"""What is held of each origin, such as its permits, and when it is forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Protocol, TypeVar

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.state.store import MOST


class Usable(Protocol):
    """What cannot be forgotten at any time."""

    @property
    def is_unused(self) -> bool: ...


UsableT = TypeVar("UsableT", bound=Usable)


class OriginMap(OrderedDict[OriginKey, UsableT]):
    """
    What is held of origins: made when asked for, and never forgotten while in use.

    Whoever looks something up moves it to the end. If there are too many, those at the
    beginning are forgotten.

    Args:
        make: Makes what is held of an origin.
        most: Origins that are remembered, if not more are in use.
    """

    def __init__(self, make: Callable[[OriginKey], UsableT], most: int = MOST) -> None:
        super().__init__()
        self._make = make
        self._most = most
        self._lock = Lock()

    def __missing__(self, key: OriginKey) -> UsableT:
        with self._lock:
            if key not in self:
                # Two for each new one: so many are in use that the first may be one.
                for _ in range(2):
                    self._forget()
                self[key] = self._make(key)
            return self[key]

    def _forget(self) -> None:
        if len(self) >= self._most:
            key, oldest = self.popitem(last=False)
            if not oldest.is_unused:
                self[key] = oldest
