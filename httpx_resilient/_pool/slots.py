"""What a pool is made of: origins, places for connections, and requests that wait."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.waiter import Waiter

STREAMS = 100
"""Requests at a time on a connection that takes several. Where the server allows fewer,
the connection itself lets them wait."""


class Origin:
    """All that the pool holds of one origin."""

    __slots__ = (
        "active", "idle", "key", "leader", "multiplexed", "opened", "retired", "reused",
        "shared", "waiting",
    )  # fmt: skip

    def __init__(self, key: OriginKey, *, multiplexed: bool | None) -> None:
        self.key = key
        self.active = self.opened = self.reused = self.retired = 0
        self.idle: deque[Slot] = deque()
        """Newest last."""
        self.shared: OrderedDict[Slot, None] = OrderedDict()
        """In use, with room for more."""
        self.waiting: OrderedDict[Ticket, None] = OrderedDict()
        self.multiplexed = multiplexed
        """Whether its connections take several requests; `None` until one tells."""
        self.leader: Slot | None = None
        """The first connection, which will tell. The others wait for its word."""

    @property
    def awaits_word(self) -> bool:
        """Whether its requests wait to hear if they may share a connection."""
        return self.multiplexed is None and self.leader is not None

    @property
    def is_unused(self) -> bool:
        return not (self.active or self.idle or self.waiting)


class Slot:
    """A place for a connection, and how many requests are on it."""

    __slots__ = (
        "connection",
        "origin",
        "retired",
        "room",
        "since",
        "streams",
        "transport",
    )

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.transport: Any = None
        self.connection: object = None
        self.streams = 0
        self.room = STREAMS if origin.multiplexed else 1
        self.since = 0.0
        self.retired = False


class Ticket:
    """A request that waits."""

    __slots__ = ("origin", "passed", "slot", "waiter")

    def __init__(self, origin: Origin, waiter: Waiter) -> None:
        self.origin = origin
        self.waiter = waiter
        self.slot: Slot | None = None
        self.passed = 0
