"""Limits on concurrent requests: a fixed one, and one that adapts to the server."""

from __future__ import annotations

from httpx_resilient._core.keys import KeyFunction
from httpx_resilient._core.public import public
from httpx_resilient._core.validation import number
from httpx_resilient._layers.concurrency.adaptive_semaphore import AdaptiveSemaphore
from httpx_resilient._layers.concurrency.semaphore import FairSemaphore
from httpx_resilient._layers.concurrency.semaphores import Limit
from httpx_resilient._layers.concurrency.vegas import Vegas

DEFAULT_QUEUE = 1000
"""
Requests that may wait at a semaphore by default. Each occupies about 2 KB.

`timeout["pool"]` bounds the wait of a request, and this number that of its successors.
"""


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
        limit = number("limit", limit, least=1, whole=True, unit="requests")
        queue = number("queue", queue, least=0, whole=True, unit="requests")
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
        least = number("least", least, least=1, whole=True, unit="requests")
        most = number("most", most, least=least, whole=True, unit="requests")
        initial = number(
            "initial", initial, least=least, most=most, whole=True, unit="requests"
        )
        queue = number("queue", queue, least=0, whole=True, unit="requests")
        vegas = Vegas(initial, least, most)
        super().__init__(lambda name: AdaptiveSemaphore(name, vegas, queue), key=key)
