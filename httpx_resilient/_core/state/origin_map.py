"""A bounded map of objects by origin or another key, such as permits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from httpx_resilient._core.lock import make_lock
from httpx_resilient._core.state.store import MAX_KEYS


class Usable(Protocol):
    """An object that must not be evicted while it is in use."""

    @property
    def is_unused(self) -> bool: ...


UsableT = TypeVar("UsableT", bound=Usable)


class OriginMap(OrderedDict[Hashable, UsableT]):
    """
    A bounded LRU map of objects, one for each origin or other key.

    An object in use is never evicted.

    A look-up creates a missing object. The caller moves what it looked up to the end
    (`move_to_end`); eviction starts at the beginning.

    Args:
        make: Creates the object of an origin.
        max_keys: The number of origins, exceeded only while more than that are in use.
    """

    def __init__(
        self, make: Callable[[Any], UsableT], max_keys: int = MAX_KEYS
    ) -> None:
        super().__init__()
        self._make = make
        self._max_keys = max_keys
        self._lock = make_lock()

    def __missing__(self, key: Hashable) -> UsableT:
        with self._lock:
            if key not in self:
                # Try two, because the first one may be in use.
                for _ in range(2):
                    self._evict()
                self[key] = self._make(key)
            return self[key]

    def _evict(self) -> None:
        if len(self) < self._max_keys:
            return
        with suppress(RuntimeError):  # another thread has just moved a key
            key = next(iter(self))
            if self[key].is_unused:
                del self[key]
            else:
                self.move_to_end(key)
