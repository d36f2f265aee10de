"""The parts of a pool's state: origins, slots for connections, tickets of requests."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.waiter import Waiter

MAX_STREAMS = 100
"""
Concurrent requests on a connection that multiplexes. RFC 9113 §6.5.2 recommends that
servers allow at least 100. If one allows fewer, the connection itself queues the rest.
"""


class Origin:
    """
    The slots and tickets of one origin, and its counters.

    Args:
        key: The origin.
        multiplexed: Whether its connections multiplex; `None` until the first
            connection has negotiated its protocol.
    """

    __slots__ = (
        "active", "idle", "key", "leader", "multiplexed", "opened", "retired", "reused",
        "shared", "waiting",
    )  # fmt: skip

    def __init__(self, key: OriginKey, *, multiplexed: bool | None) -> None:
        self.key = key
        self.multiplexed = multiplexed
        self.active = self.opened = self.reused = self.retired = 0
        self.idle: deque[Slot] = deque()
        """Slots without a request, the most recently used last."""
        self.shared: OrderedDict[Slot, None] = OrderedDict()
        """Slots in use that have room for another request."""
        self.waiting: OrderedDict[Ticket, None] = OrderedDict()
        """Tickets, the oldest first."""
        self.leader: Slot | None = None
        """The slot whose connection negotiates the protocol for all others."""

    @property
    def is_negotiating(self) -> bool:
        """Whether requests wait until the leader has negotiated the protocol."""
        return self.multiplexed is None and self.leader is not None

    @property
    def is_unused(self) -> bool:
        return not (self.active or self.idle or self.waiting)


class Slot:
    """One of the connections that a pool may have, and the requests that lease it."""

    __slots__ = (
        "capacity",
        "connection",
        "idle_since",
        "origin",
        "retired",
        "streams",
        "transport",
    )

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.transport: Any = None
        """A transport of the family. It connects when it is first used."""
        self.connection: object = None
        """The network stream of the last response: its identity tells connections
        apart."""
        self.streams = 0
        """Requests that lease the slot."""
        self.capacity = MAX_STREAMS if origin.multiplexed else 1
        """Requests that may lease the slot at a time."""
        self.idle_since = 0.0
        """When the last request ended, in monotonic seconds."""
        self.retired = False
        """Whether the connection serves no further request."""

    def lease(self) -> Slot:
        """Count one more request on the slot, and return the slot."""
        origin = self.origin
        origin.active += 1
        self.streams += 1
        if self.capacity == 1:
            origin.reused += self.connection is not None
        elif self.streams < self.capacity:
            origin.shared[self] = None
        else:
            origin.shared.pop(self, None)
        return self

    def connected(self, connection: object) -> None:
        """Count the connection of a response, unless `lease` has counted it."""
        origin = self.origin
        if connection is not None and connection is self.connection:
            origin.reused += 1
            return
        if self.capacity == 1 and self.connection is not None:
            origin.reused -= 1  # the transport has closed it, and opened another one
        self.connection = connection
        origin.opened += connection is not None

    def retire(self) -> bool:
        """
        Let the connection serve no further request.

        Returns:
            Whether it was not retired before.
        """
        if self.retired:
            return False
        self.retired = True
        self.origin.retired += 1
        self.origin.shared.pop(self, None)
        return True


class Ticket:
    """A request that waits for a slot. It has been served once it has one."""

    __slots__ = ("origin", "overtaken", "slot", "waiter")

    def __init__(self, origin: Origin, waiter: Waiter) -> None:
        self.origin = origin
        self.waiter = waiter
        self.slot: Slot | None = None
        self.overtaken = 0
        """How often a younger request was served first."""
