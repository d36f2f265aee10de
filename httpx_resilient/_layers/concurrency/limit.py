"""Limits on the requests that are under way at a time: one given, and one learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from httpx_resilient._core.http_types import URLLike
from httpx_resilient._core.origin import origin_key, origin_name
from httpx_resilient._core.state.origin_map import OriginMap
from httpx_resilient._core.validation import number
from httpx_resilient._layers.concurrency.semaphore import ConcurrencyState, Gate
from httpx_resilient._layers.concurrency.vegas import AdaptiveGate, Vegas

QUEUE = 1000
"""Requests that may wait at a gate. Each takes about 2 KB; `timeout["pool"]` says when
it is too late for one, this when it is for the next."""

ALL = "*"
"""The name of what is one for all origins."""


GateT = TypeVar("GateT", bound=Gate)


class Limit(Generic[GateT]):
    """The gates of all origins, or one for all of them."""

    learns: ClassVar[bool]
    """Whether its gates want to hear how requests went."""

    def __init__(
        self, make: Callable[[str], GateT], *, per_origin: bool = True
    ) -> None:
        self._gates = OriginMap(lambda key: make(origin_name(key)))
        self._one = None if per_origin else make(ALL)
        self._latest: GateT | None = None

    def gate(self, url: URLLike) -> GateT:
        """Return the gate that requests to a URL pass."""
        if self._one is not None:
            return self._one
        key = origin_key(url)
        gate = self._gates[key]
        if gate is not self._latest:
            try:
                self._gates.move_to_end(key)
            except KeyError:  # another thread needed its place just now
                return self.gate(url)
            self._latest = gate
        return gate

    def states(self) -> dict[str, ConcurrencyState]:
        """
        Tell how many requests are under way and wait now, by origin.

        The keys are such as `https://example.org`, and `*` for all origins together.
        """
        gates = self._gates.values() if self._one is None else [self._one]
        # Copied at once, because a request may add an origin at any moment.
        return {gate.name: gate.state for gate in list(gates)}


class ConcurrencyLimit(Limit[Gate]):
    """
    A number of requests that may be under way at a time, and a queue for more.

    A request is under way until its response is closed. The others wait, first come,
    first served, without holding anything else. One limit may be given to any number of
    transports, in any threads and event loops, of both libraries: it counts all of
    their requests. Where the pool of a client limits its connections, this limits what
    a server, or all servers together, get from a program.

    Args:
        limit: Requests at a time.
        queue: Requests that may wait. A further one is refused at once: with 0 all that
            would have to wait.
        per_origin: Whether each origin has a limit and a queue of its own. Else they
            are for all requests. 1,000 origins are remembered, and those in use.

    Raises:
        TypeError: `limit` or `queue` is no whole number.
        ValueError: `limit` is below 1, or `queue` below 0.

    Example:
        >>> import httpx
        >>> limit = ConcurrencyLimit(10, queue=100)
        >>> transport = ConcurrencyLimitingTransport(limit=limit)
        >>> with httpx.Client(transport=transport) as client:
        ...     limit.states()
        {}
    """

    learns = False

    def __init__(
        self, limit: int = 100, *, queue: int = QUEUE, per_origin: bool = True
    ) -> None:
        number("limit", limit, least=1, whole=True, unit="requests")
        number("queue", queue, least=0, whole=True, unit="requests")
        super().__init__(lambda name: Gate(name, limit, queue), per_origin=per_origin)


class AdaptiveConcurrencyLimit(Limit[AdaptiveGate]):
    """
    A limit that finds out how many requests each origin can take at a time.

    It grows while the server keeps up, and shrinks when requests take longer because
    too many are under way, when more of them do not mean more done, and when they are
    dropped: timeouts, 429, 503 and 504. So it finds the capacity of a server that
    breaks down when it has too much to do, and follows it. Only the time to the headers
    counts, of responses that are no error. Nothing is learned from what was cancelled,
    by a deadline around this too: only one inside of it, or the client's own timeouts,
    tell that no answer came in time.

    Args:
        initial: Requests at a time to begin with.
        least: It is never less than this ...
        most: ... or more than this. Nor more than five times what was under way.
        queue: Requests that may wait, for each origin.

    Raises:
        TypeError: Something is no whole number.
        ValueError: `least` is below 1, or these three are not in order; `queue` is
            below 0.

    The algorithm is TCP Vegas with the guard of Uber's Cinnamon and of failsafe-go.

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

    learns = True

    def __init__(
        self,
        initial: int = 20,
        *,
        least: int = 1,
        most: int = 1000,
        queue: int = QUEUE,
    ) -> None:
        number("least", least, least=1, whole=True, unit="requests")
        number("most", most, least=least, whole=True, unit="requests")
        number("initial", initial, least=least, most=most, whole=True, unit="requests")
        number("queue", queue, least=0, whole=True, unit="requests")
        vegas = Vegas(initial, least, most)
        super().__init__(lambda name: AdaptiveGate(name, vegas, queue), per_origin=True)
