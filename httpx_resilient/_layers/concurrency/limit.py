"""Limits on concurrent requests: a fixed one, and one that adapts to the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from httpx_resilient._core.keys import KeyFunction, check_key, key_text
from httpx_resilient._core.lock import tell_when_forked
from httpx_resilient._core.origin import origin_name
from httpx_resilient._core.public import Uncopyable, public
from httpx_resilient._core.state.origin_map import OriginMap
from httpx_resilient._core.validation import number
from httpx_resilient._layers.concurrency.adaptive_semaphore import AdaptiveSemaphore
from httpx_resilient._layers.concurrency.semaphore import FairSemaphore
from httpx_resilient._layers.concurrency.state import ConcurrencyState
from httpx_resilient._layers.concurrency.vegas import Vegas

DEFAULT_QUEUE = 1000
"""
Requests that may wait at a semaphore by default. Each occupies about 2 KB.

`timeout["pool"]` bounds the wait of a request, and this number that of its successors.
"""

ALL_ORIGINS = "*"
"""The name of a semaphore that is shared by all origins."""

ONE_KEY = "this key"
"""The name of a semaphore whose key may be secret."""

SemaphoreT = TypeVar("SemaphoreT", bound=FairSemaphore)


class Limit(Uncopyable, Generic[SemaphoreT]):
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


@public()
class ConcurrencyLimit(Limit[FairSemaphore]):
    """
    A fixed limit on the requests in flight, with a fair queue.

    A request is in flight until its response is closed. Further requests wait in order
    of arrival, and occupy nothing else meanwhile. Transports of both libraries can
    share a limit across threads and event loops; it counts the requests of all. A
    connection pool limits the connections of one client; this limits the load of a
    program on a server, or on all servers. A forked child has a limit of its own, which
    counts no request that was sent before the fork.

    Args:
        limit: The number of requests in flight.
        queue: The number of requests that may wait. A further request is refused at
            once. With 0, every request that would wait is refused.
        per_origin: Whether each origin has a limit and a queue of its own. Otherwise
            all origins share them. At most 1,000 origins are stored, plus those in use.
        key: A function of the request that returns the key of its limit, if that is not
            the origin, such as `key_by_path()`. As many keys are stored as origins.

    Raises:
        TypeError: `limit` or `queue` is not a whole number, or `key` is not a plain
            function.
        ValueError: `limit` is below 1, or `queue` below 0; `key` is given together with
            `per_origin=False`.

    Example:
        >>> import httpx
        >>> limit = ConcurrencyLimit(10, queue=100)
        >>> transport = ConcurrencyLimitingTransport(limit=limit)
        >>> with httpx.Client(transport=transport) as client:
        ...     limit.states()
        {}
    """

    is_adaptive = False

    def __init__(
        self,
        limit: int = 100,
        *,
        queue: int = DEFAULT_QUEUE,
        per_origin: bool = True,
        key: KeyFunction | None = None,
    ) -> None:
        number("limit", limit, least=1, whole=True, unit="requests")
        number("queue", queue, least=0, whole=True, unit="requests")
        super().__init__(
            lambda name: FairSemaphore(name, limit, queue),
            per_origin=per_origin,
            key=key,
        )


@public()
class AdaptiveConcurrencyLimit(Limit[AdaptiveSemaphore]):
    """
    A limit that finds the number of concurrent requests that each origin can handle.

    The limit grows while the server keeps up. It shrinks if requests take longer
    because too many are in flight, if more of them do not raise the throughput, and if
    requests are dropped: timeouts, 429, 503 and 504. So it finds and follows the
    capacity of a server that slows down under overload.

    Only the time until the response headers counts, and only for responses below 500.
    Cancelled requests do not count, not even if a deadline around the limit cancels
    them. A deadline inside the limit and the timeouts of the client do count.

    Args:
        initial: The limit to begin with.
        least: The lower bound of the limit.
        most: The upper bound of the limit. It is also at most five times the requests
            in flight.
        queue: The number of requests that may wait for each origin.
        key: A function of the request that returns the key of its limit, as for
            `ConcurrencyLimit`.

    Raises:
        TypeError: An argument is not a whole number, or `key` is not a plain function.
        ValueError: `least` is below 1, `least <= initial <= most` does not hold, or
            `queue` is below 0.

    The algorithm is TCP Vegas, with the guard of Uber's Cinnamon and of failsafe-go.

    Example:
        >>> import httpx
        >>> limit = AdaptiveConcurrencyLimit(10, most=200)
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> transport = ConcurrencyLimitingTransport(mock, limit)
        >>> with httpx.Client(transport=transport) as client:
        ...     response = client.get("http://localhost/")
        >>> limit.states()["http://localhost"].limit
        10
    """

    is_adaptive = True

    def __init__(
        self,
        initial: int = 20,
        *,
        least: int = 1,
        most: int = 1000,
        queue: int = DEFAULT_QUEUE,
        key: KeyFunction | None = None,
    ) -> None:
        number("least", least, least=1, whole=True, unit="requests")
        number("most", most, least=least, whole=True, unit="requests")
        number("initial", initial, least=least, most=most, whole=True, unit="requests")
        number("queue", queue, least=0, whole=True, unit="requests")
        vegas = Vegas(initial, least, most)
        super().__init__(lambda name: AdaptiveSemaphore(name, vegas, queue), key=key)
