"""The state of a pool, and what acquires and releases its slots without a wire."""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from types import SimpleNamespace
from typing import Any

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._pool.limits import PoolLimits
from httpx_resilient._pool.origins import MAX_STREAMS
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.state import Pool

A: OriginKey = ("https", "a", None)
B: OriginKey = ("https", "b", None)


def pool_of(
    max_slots: float,
    max_idle: float = 20,
    expiry: float = 5,
    max_age: float = math.inf,
    *,
    multiplexed: bool | None = False,
    closed: Container[object] = (),
) -> Pool:
    """Make a pool. The connections in `closed` were closed by their server."""
    limits = PoolLimits(max_slots, max_idle, expiry, max_age)
    return Pool(limits, lambda _: multiplexed, lambda each: each not in closed)


class FakeLease:
    resource: Any = None


def lease() -> Any:
    return FakeLease()


def waiter(wake: Callable[[], object] = lambda: None, *, is_dead: bool = False) -> Any:
    def wake_up() -> bool:
        wake()
        return not is_dead

    return SimpleNamespace(wake=wake_up)


GET: Any = SimpleNamespace(method="GET")
POST: Any = SimpleNamespace(method="POST", headers=SimpleNamespace(raw=[]))


class Desk:
    """Acquires and releases slots as requests do, and opens their connections."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.now = 0.0
        self.served: list[Any] = []
        self.opened = 0

    def open(self, slot: Slot) -> Slot:
        if slot.transport is None:
            self.opened += 1
            slot.transport = slot.connection = f"connection {self.opened}"
        return slot

    def acquire(self, key: OriginKey = A, request: Any = GET) -> Slot | None:
        leased = lease()
        if self.pool.acquire(self.pool.destination(key), leased, self.now, request):
            return self.open(leased.resource)
        return None

    def acquire_one(self, key: OriginKey = A, request: Any = GET) -> Slot:
        slot = self.acquire(key, request)
        assert slot is not None
        return slot

    def share_one(self, key: OriginKey = A) -> Slot:
        """Lease a slot whose connection turns out to multiplex."""
        slot = self.acquire_one(key)
        self.pool.negotiated(slot, MAX_STREAMS)
        return slot

    def enqueue(self, key: OriginKey = A, name: Any = None) -> Any:
        assert self.acquire(key) is None
        waits = waiter(lambda: self.served.append(name))
        return self.pool.enqueue(self.pool.destination(key), lease(), waits)

    def release(self, slot: Slot) -> None:
        self.pool.release(slot, self.now)

    @property
    def closed(self) -> list[Any]:
        return [each.transport for each in self.pool.closing]
