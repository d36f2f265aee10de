"""
Admission: the wait of one request in the queue of a limit.

Three limits queue requests: the pool for a connection, a concurrency limit for a
permit, a rate limit for a turn. Each has its own state. The rules of the wait are the
same, and stand only here:

1. The waiter is closed, however the wait ends.
2. A request that does not go on withdraws: it leaves its queue, or returns what it was
   granted. It may be cancelled at the very moment when it is served.
3. A listener may raise, too. So the events of the queue are emitted under rule 2.
4. What a listener left to await is awaited before each wait.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Iterator
from typing import ClassVar, Protocol

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Admitted
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.waiter import Waiter

Wait = tuple[Waiter, float | None, float]
"""
A waiter, and two times in seconds: until the request's turn, `None` if only another
request can bring it; and at most, infinite if there is no limit.
"""


class Admission(Protocol):
    """The admission of one request by the queue of a limit."""

    name: ClassVar[str]
    """The name of the limit in events."""

    def waits(self) -> Iterator[Wait]:
        """
        Yield each wait until the request is served.

        Raises:
            Exception: The request is refused, because it would wait too long.
        """
        ...

    def withdraw(self) -> Awaitable[None] | None:
        """
        Leave the queue, or return what the request was granted.

        Returns:
            Work to await afterwards, or `None`.
        """
        ...


async def admit(
    admission: Admission, request: RequestLike, effects: Effects, emit: EventEmitter
) -> float:
    """
    Wait until a request is served. Return the seconds that it has waited.

    Raises:
        Exception: The request is refused, because it would wait too long.
    """
    queued, is_admitted = effects.now(), False
    try:
        for waiter, timer, most in admission.waits():
            try:
                await emit.settle()
                if timer is None:
                    await waiter.wait(None if most == math.inf else most)
                else:
                    await effects.turn(waiter, timer, most)
            finally:
                waiter.close()
        waited = effects.now() - queued
        emit(Admitted, request, admission.name, waited)
        is_admitted = True
        return waited
    finally:
        if not is_admitted:
            work = admission.withdraw()
            if work is not None:
                await work


def pool_timeout_of(request: RequestLike) -> float:
    """Return the request's `timeout["pool"]` in seconds, infinite if it has none."""
    seconds: float | None = request.extensions.get("timeout", {}).get("pool")
    return math.inf if seconds is None else seconds
