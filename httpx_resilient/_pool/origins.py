"""The origins of a pool: their counters, what is known of them, their destinations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.state.origin_map import OriginMap
from httpx_resilient._pool.idle_timeout import IdleTimeout

if TYPE_CHECKING:
    from httpx_resilient._pool.slots import Slot
    from httpx_resilient._pool.ticket import Ticket

MAX_STREAMS = 100
"""
Concurrent requests on a connection that multiplexes, unless its server allows fewer.
RFC 9113 §6.5.2 recommends that servers allow at least 100, and httpcore opens no more.
"""


class Origin:
    """
    The counters of one origin, what is known of its server, and its destinations.

    Args:
        key: The origin.
        multiplexed: Whether its connections multiplex; `None` until the first
            connection has negotiated its protocol.
    """

    __slots__ = (
        "destinations", "idle_timeout", "key", "latest", "max_streams", "multiplexed",
        "opened", "retired", "reused", "wired",
    )  # fmt: skip

    def __init__(self, key: OriginKey, *, multiplexed: bool | None) -> None:
        self.key = key
        self.opened = self.wired = self.reused = self.retired = 0
        self.multiplexed = multiplexed
        self.max_streams = MAX_STREAMS
        """Requests that a connection may serve at a time, if it multiplexes."""
        self.idle_timeout = IdleTimeout()
        self.destinations: dict[tuple[object, object, bool], Destination] = {}
        """By event loop, TLS name, and whether the connections are our own."""
        self.latest = self.destination(None, None)
        """The destination of the latest request: most often that of the next one."""

    def destination(
        self,
        loop: object,
        tls_name: object,
        is_wired: bool = False,  # noqa: FBT001, FBT002 - each request pays for a keyword
    ) -> Destination:
        """Return the destination of a request. A new one replaces the unused ones."""
        found = self.destinations.get((loop, tls_name, is_wired))
        if found is None:
            for key, each in list(self.destinations.items()):
                if each.is_unused:
                    del self.destinations[key]
            found = Destination(self, loop, tls_name, is_wired=is_wired)
            self.destinations[loop, tls_name, is_wired] = found
        self.latest = found
        return found

    @property
    def is_unused(self) -> bool:
        return all(each.is_unused for each in self.destinations.values())

    # For statistics.

    @property
    def active(self) -> int:
        """Requests that have a connection."""
        return sum(each.active for each in list(self.destinations.values()))

    @property
    def idle(self) -> list[Slot]:
        """The connections without a request."""
        return [slot for each in list(self.destinations.values()) for slot in each.idle]

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""
        return sum(len(each.waiting) for each in list(self.destinations.values()))


class Destination:
    """
    The connections that can take each other's place, and the requests for them.

    They lead to the same origin, belong to the same event loop, and have verified the
    certificate of the server for the same name.

    Args:
        origin: The origin.
        loop: The event loop; `None` in synchronous clients.
        tls_name: The `sni_hostname` of the requests; `None` for the host of their URL.
        is_wired: Whether the connections are our own, not those of the family.
    """

    __slots__ = (
        "active", "idle", "is_wired", "leader", "loop", "origin", "shared", "tls_name",
        "waiting",
    )  # fmt: skip

    def __init__(
        self, origin: Origin, loop: object, tls_name: object, *, is_wired: bool = False
    ) -> None:
        self.is_wired = is_wired
        self.origin = origin
        self.loop = loop
        self.tls_name = tls_name
        self.active = 0
        """Requests that have a slot."""
        self.idle: deque[Slot] = deque()
        """Slots without a request, the most recently used last."""
        self.shared: OrderedDict[Slot, None] = OrderedDict()
        """Slots in use that have room for another request."""
        self.waiting: OrderedDict[Ticket, None] = OrderedDict()
        """Tickets, the oldest first."""
        self.leader: Slot | None = None
        """The slot whose connection is being opened, and may serve other requests."""

    @property
    def is_negotiating(self) -> bool:
        """Whether requests wait for the connection that the leader opens."""
        return self.leader is not None and self.origin.multiplexed is not False

    @property
    def is_unused(self) -> bool:
        return not (self.active or self.idle or self.waiting)


class Origins(ABC):
    """
    The origins of a pool.

    Args:
        multiplexed: Returns whether the connections to an origin multiplex; `None` if
            only its first connection can show that.
    """

    def __init__(self, multiplexed: Callable[[OriginKey], bool | None]) -> None:
        self.origins = OriginMap(lambda key: Origin(key, multiplexed=multiplexed(key)))
        self._loops: set[object] = set()

    def destination(
        self,
        key: OriginKey,
        loop: object = None,
        tls_name: object = None,
        is_wired: bool = False,  # noqa: FBT001, FBT002 - each request pays for a keyword
    ) -> Destination:
        """Return a destination. A new origin may evict the least recently used one."""
        origin = self.origins[key]
        self.origins.move_to_end(key)
        latest = origin.latest
        if (
            latest.loop is loop
            and latest.tls_name == tls_name
            and latest.is_wired is is_wired
        ):
            return latest
        if loop not in self._loops:
            self.forget_ended_loops()
            self._loops.add(loop)
        return origin.destination(loop, tls_name, is_wired)

    @abstractmethod
    def forget_ended_loops(self) -> bool:
        """Free what the requests of event loops have that do not run any more."""

    def destinations(self) -> Iterator[Destination]:
        """Yield all destinations."""
        for origin in list(self.origins.values()):
            yield from list(origin.destinations.values())

    def is_http1(self, key: OriginKey) -> bool:
        """Whether connections to an origin are known not to multiplex."""
        origin = self.origins.get(key)
        return origin is not None and origin.multiplexed is False
