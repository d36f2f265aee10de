"""
Who may send now, and who waits for it: what a limit knows of one origin, and no IO.

A permit that is free is taken, and given back, in one step of a list, which no thread
can come between. The lock is for what there is to do when permits are short. Permits
are of requests of this process, so there is no state here that another could share.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from typing import NamedTuple

from httpx_resilient._core.waiter import Waiter


class ConcurrencyState(NamedTuple):
    """
    What a limit on concurrency is doing at one origin.

    Args:
        limit: Requests that may be under way.
        in_flight: Requests that are: sent, and their responses not closed yet.
        waiting: Requests that wait for one of them to end.

    Example:
        >>> import httpx
        >>> limit = ConcurrencyLimit(5)
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> transport = ConcurrencyLimitingTransport(mock, limit)
        >>> with httpx.Client(transport=transport) as client:
        ...     response = client.get("http://localhost/")
        >>> limit.states()["http://localhost"]
        ConcurrencyState(limit=5, in_flight=0, waiting=0)
    """

    limit: int
    in_flight: int
    waiting: int


class Ticket:
    """A request that waits."""

    __slots__ = ("served", "waiter")

    def __init__(self, waiter: Waiter) -> None:
        self.waiter = waiter
        self.served = False


class Gate:
    """
    Permits, and a queue for them: first come, first served.

    Any thread may use it at any moment, also one that collects garbage in the midst of
    using it.

    Args:
        name: What the permits are for, such as `https://example.org`.
        limit: Permits there are.
        queue: Requests that may wait.
    """

    def __init__(self, name: str, limit: int, queue: int) -> None:
        self.name = name
        self._limit = limit
        self._queue = queue
        self._free: list[None] = [None] * limit
        self._surplus = 0
        """Permits that are more than the limit, and to be taken away."""
        self._waiting: OrderedDict[Ticket, None] = OrderedDict()
        self._gone: list[Ticket] = []
        """Those who wait no longer, which those who serve have not heard yet."""
        self._short = False
        """Whether somebody waits for the next permit, or it is to be taken away."""
        self._lock = Lock()

    @property
    def in_flight(self) -> int:
        return self._limit + self._surplus - len(self._free)

    @property
    def state(self) -> ConcurrencyState:
        return ConcurrencyState(self._limit, self.in_flight, len(self._waiting))

    @property
    def is_unused(self) -> bool:
        return not (self.in_flight or self._waiting)

    def take(self) -> bool:
        """Take a permit at once, if one is free."""
        if self._short:
            return False
        try:
            self._free.pop()
        except IndexError:
            return False
        return True

    def give(self, held: object = None, error: BaseException | None = None) -> None:  # noqa: ARG002 - there is one kind of permit, and any end is one
        """Give a permit back."""
        self._free.append(None)
        if self._short:
            self._serve()

    on_closed = on_leaked = give
    """What a response's stream tells its owner."""

    def enqueue(self, waiter: Waiter) -> Ticket | None:
        """Wait for a permit: who is woken has it. Returns `None` if too many wait."""
        ticket = Ticket(waiter)
        with self._lock:
            has_room = len(self._waiting) < self._queue
            if has_room:
                self._waiting[ticket] = None
                self._look()
        self._serve()
        return ticket if has_room else None

    def abandon(self, ticket: Ticket) -> None:
        """Wait no longer, or give back what was handed over in the meantime."""
        self._gone.append(ticket)
        self._serve()

    def resize(self, limit: int) -> None:
        """Change the number of permits. Those in use are taken away when they end."""
        with self._lock:
            self._resize(limit)
        self._serve()

    def _resize(self, limit: int) -> None:
        self._surplus += self._limit - limit
        self._limit = limit
        if self._surplus < 0:
            self._free += [None] * -self._surplus
            self._surplus = 0
        self._look()

    def _look(self) -> None:
        self._short = bool(self._surplus or self._waiting)

    def _serve(self) -> None:
        # Nobody waits for the lock here: whoever has it may be the one in whose midst
        # garbage is collected. It comes here when it is done, or looks once more.
        while (self._gone or (self._short and self._free)) and self._lock.acquire(
            blocking=False
        ):
            try:
                self._settle()
            finally:
                self._lock.release()

    def _settle(self) -> None:
        while self._gone:
            ticket = self._gone.pop()
            if ticket.served:
                self._free.append(None)
            self._waiting.pop(ticket, None)
        self._look()
        with suppress(IndexError):  # no permit is left
            while self._short:
                self._free.pop()
                self._hand_over()
                self._look()

    def _hand_over(self) -> None:
        if self._surplus:
            self._surplus -= 1
            return
        while self._waiting:
            ticket, _ = self._waiting.popitem(last=False)
            ticket.served = True
            try:
                ticket.waiter.wake()
            except RuntimeError:  # its event loop was closed around it
                ticket.served = False
            else:
                return
        self._free.append(None)
