"""The semaphores of a limit: one for each origin or key, or a single one for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from httpx_resilient._core.described import Described
from httpx_resilient._core.keys import KeyFunction, check_key, key_text
from httpx_resilient._core.lock import tell_when_forked
from httpx_resilient._core.origin import origin_name
from httpx_resilient._core.public import Uncopyable
from httpx_resilient._core.state.origin_map import OriginMap
from httpx_resilient._layers.concurrency.semaphore import FairSemaphore
from httpx_resilient._layers.concurrency.state import ConcurrencyState

ALL_ORIGINS = "*"
"""The name of a semaphore that is shared by all origins."""

ONE_KEY = "this key"
"""The name of a semaphore whose key may be secret."""

SemaphoreT = TypeVar("SemaphoreT", bound=FairSemaphore)


class Limit(Uncopyable, Described, Generic[SemaphoreT]):
    """
    The base of the limits: a semaphore for each origin or key, or a single one for all.

    Args:
        make: Creates the semaphore of this name.
        per_origin: Whether each origin has a semaphore of its own.
        key: A function of the request that returns the key of its semaphore.
    """

    is_adaptive: ClassVar[bool]
    """Whether the semaphores record how requests end."""

    def __init__(
        self,
        make: Callable[[str], SemaphoreT],
        *,
        per_origin: bool = True,
        key: KeyFunction | None = None,
    ) -> None:
        check_key(key)
        if key is not None and not per_origin:
            msg = "per_origin=False is one limit for all requests: leave out key="
            raise ValueError(msg)
        self.key = key
        self._make = make
        self._semaphores = OriginMap(
            lambda each: make(
                origin_name(each) if key is None else key_text(each) or ONE_KEY
            )
        )
        self._shared = None if per_origin else make(ALL_ORIGINS)
        self._latest: SemaphoreT | None = None
        tell_when_forked(self)

    def semaphore(self, key: Any) -> SemaphoreT:
        """Return the semaphore of an origin, or of another key."""
        if self._shared is not None:
            return self._shared
        semaphore = self._semaphores[key]
        if semaphore is not self._latest:
            try:
                self._semaphores.move_to_end(key)
            except KeyError:  # another thread has just evicted it
                return self.semaphore(key)
            self._latest = semaphore
        return semaphore

    def states(self) -> dict[Any, ConcurrencyState]:
        """
        Return the limit, the requests in flight and those that wait, by origin.

        The keys are names such as `https://example.org`, or `*` for all origins, or
        what `key` returned.
        """
        each: dict[Any, SemaphoreT] = self._semaphores
        if self._shared is not None:
            each = {ALL_ORIGINS: self._shared}
        states: dict[Any, ConcurrencyState] = {}
        # The list is a copy, because a request may add an origin at any time.
        for key, semaphore in list(each.items()):
            semaphore.drop_dead()
            name = semaphore.name if self.key is None else key
            states[name] = semaphore.state
        return states

    def forked(self) -> None:
        """Forget the requests of the parent process, which has a limit of its own."""
        self._semaphores.clear()
        self._shared = None if self._shared is None else self._make(ALL_ORIGINS)
        self._latest = None
