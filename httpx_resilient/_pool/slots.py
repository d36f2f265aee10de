"""The parts of a pool's state: origins, destinations, slots for connections."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from types import NoneType
from typing import TYPE_CHECKING, Any

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._pool.idle_timeout import IdleTimeout

if TYPE_CHECKING:
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
        "opened", "retired", "reused",
    )  # fmt: skip

    def __init__(self, key: OriginKey, *, multiplexed: bool | None) -> None:
        self.key = key
        self.opened = self.reused = self.retired = 0
        self.multiplexed = multiplexed
        self.max_streams = MAX_STREAMS
        """Requests that a connection may serve at a time, if it multiplexes."""
        self.idle_timeout = IdleTimeout()
        self.destinations: dict[tuple[object, object], Destination] = {}
        """By event loop and TLS name."""
        self.latest = self.destination(None, None)
        """The destination of the latest request: most often that of the next one."""

    def destination(self, loop: object, tls_name: object) -> Destination:
        """Return the destination of a request. A new one replaces the unused ones."""
        found = self.destinations.get((loop, tls_name))
        if found is None:
            for key, each in list(self.destinations.items()):
                if each.is_unused:
                    del self.destinations[key]
            found = Destination(self, loop, tls_name)
            self.destinations[loop, tls_name] = found
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
    """

    __slots__ = (
        "active", "idle", "leader", "loop", "origin", "shared", "tls_name", "waiting",
    )  # fmt: skip

    def __init__(self, origin: Origin, loop: object, tls_name: object) -> None:
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


class Slot:
    """One of the connections that a pool may have, and the requests that lease it."""

    __slots__ = (
        "awaits_response", "began", "capacity", "closes_at", "connection",
        "destination", "idle_since", "is_cut", "is_shut", "lessee", "parser", "retired",
        "streams", "transport", "unasked",
    )  # fmt: skip

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.transport: Any = None
        """A transport of the family. It connects when it is first used."""
        self.connection: Any = None
        """The network stream of the last response: its identity tells connections
        apart."""
        self.parser: Any = None
        """The parser of the connection, if it speaks HTTP/1.1 and the core shows it."""
        self.unasked: tuple[Any, ...] = ()
        """The buffers that have bytes nobody asked for, if there are any."""
        self.streams = 0
        """Requests that lease the slot."""
        self.capacity = 1
        """Requests that may lease the slot at a time: several, once its connection is
        open and multiplexes."""
        self.began = 0.0
        """When it began to open its connection, in monotonic seconds."""
        self.idle_since = 0.0
        """When the last request ended, in monotonic seconds."""
        self.closes_at = math.inf
        """When the connection has reached its greatest age, in monotonic seconds."""
        self.retired = False
        """Whether the connection serves no further request."""
        self.lessee: Callable[[], object] = NoneType
        """Returns the latest lease, as long as anything refers to it."""
        self.awaits_response = False
        """Whether the latest request has no response yet."""
        self.is_shut = self.is_cut = False
        """Whether the pool was closed meanwhile, and the connection in use with it."""

    @property
    def is_shared(self) -> bool:
        """Whether several requests lease the slot."""
        return self.streams > 1

    def is_lost_by(self, lease: object) -> bool:
        """Whether a lease that ends untold is the latest one, unless several share."""
        latest = self.lessee()
        if self.capacity > 1 or latest is None or latest is lease:
            self.lessee = NoneType
            return True
        return False  # it was found lost already, and is leased again

    def unlease(self) -> None:
        """Count one request less on the slot."""
        self.destination.active -= 1
        self.streams -= 1
        self.awaits_response = False

    def connected(self, connection: object, closes_at: float) -> None:
        """Count the connection of a response, unless the lease has counted it."""
        origin = self.destination.origin
        if connection is not None and connection is self.connection:
            origin.reused += 1
            return
        self.replaced()
        self.connection = connection
        self.closes_at = closes_at
        origin.opened += connection is not None

    def replaced(self) -> None:
        """Count that the transport has closed the connection, to open another one."""
        if self.capacity == 1 and self.connection is not None:
            self.destination.origin.reused -= 1
        self.connection = None

    def retire(self) -> bool:
        """
        Let the connection serve no further request, and count it as one that failed.

        Returns:
            Whether it was not retired before.
        """
        if self.retired:
            return False
        self.finish()
        self.destination.origin.retired += 1
        return True

    def finish(self) -> None:
        """Let the connection serve no further request."""
        self.retired = True
        self.destination.shared.pop(self, None)
