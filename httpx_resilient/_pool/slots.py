"""The slots of a pool, each for one connection."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import NoneType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from httpx_resilient._pool.origins import Destination


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
        if connection is not None:
            origin.opened += 1
            origin.wired += self.destination.is_wired

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
