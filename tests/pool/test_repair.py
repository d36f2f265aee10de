"""The repair of a pool: whatever cuts a transition short, its state is whole again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.interruptions import Interrupter, Interruption

from httpx_resilient._core.clock import Clock
from httpx_resilient._pool.leases import Leases
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.state import Pool
from httpx_resilient._pool.supply import PoolLimits

GET: Any = SimpleNamespace(method="GET", extensions={})
SILENT: Any = lambda *_: None  # noqa: E731 - an emitter without a listener
IDLE_REAPER: Any = SimpleNamespace(
    watched=None, watch=lambda _: None, stop=lambda: None
)
NEVER = 10**6

cuts = st.one_of(st.just(NEVER), st.integers(0, 400))
"""Instructions of the package after which a transition is cut."""


numbers = st.integers(0, 20)
"""The number of a request among those that are held."""


def make() -> Pool:
    multiplexed = {"1": False, "2": True}
    return Pool(
        PoolLimits(4, 2, 5),
        lambda key: multiplexed.get(key[1]),
        lambda connection: connection % 5 != 0,
    )


class Unwatched:
    """A lease without a finalizer, whose instructions would count, too."""

    resource: Any = None


class Effects(Clock):
    def waiter(self) -> Any:
        return SimpleNamespace(wake=lambda: True)


@settings(max_examples=200, stateful_step_count=40, deadline=None)
class Interruptions(RuleBasedStateMachine):
    """Requests in any order, whose transitions are cut anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.real, Clock.now = Clock.now, staticmethod(lambda: self.now)
        self.leases = Leases(make, lambda _: IDLE_REAPER, SILENT)
        self.held: list[tuple[Any, Any]] = []
        """Each request, and its ticket if it had to wait."""
        self.lost: list[Any] = []
        """Requests that were cut while they joined the queue, and may be served."""
        self.opened = 0
        self.closed: list[int] = []

    @contextlib.contextmanager
    def cut(self, after: int) -> Iterator[None]:
        with contextlib.suppress(Interruption):
            if after == NEVER:
                yield
            else:
                with Interrupter(after):
                    yield

    def teardown(self) -> None:
        Clock.now = staticmethod(self.real)

    def choose(self, number: int, *, served: bool) -> tuple[Any, Any]:
        found = [each for each in self.held if (each[0].resource is not None) is served]
        return found[number % len(found)]

    def leak(self, lease: Any) -> None:
        """End a lease as its finalizer does."""
        if lease.resource.is_lost_by(lease):
            self.leases.on_leaked(lease.resource)
        lease.resource = None

    def served(self, *, served: bool) -> bool:
        return any((lease.resource is not None) is served for lease, _ in self.held)

    @rule(host=st.sampled_from(["1", "2", "?", "??"]), cut=cuts)
    def begins(self, host: str, cut: int) -> None:
        lease: Any = Unwatched()
        context: Any = SimpleNamespace(
            request=GET, origin=("https", host, None), deadline=None
        )
        effects: Any = Effects()
        ticket, is_acquired = None, False
        with contextlib.suppress(Interruption), Interrupter(cut):
            ticket = self.leases.acquire(lease, context, effects, None)
            is_acquired = True
        if is_acquired:
            self.held.append((lease, ticket))
        else:
            self.leases.release(lease, reusable=True, complete=True)
            self.lost.append(lease)

    @precondition(lambda self: self.served(served=True))
    @rule(number=numbers, reusable=st.booleans(), complete=st.booleans(), cut=cuts)
    def ends(self, number: int, reusable: bool, complete: bool, cut: int) -> None:
        chosen = self.choose(number, served=True)
        self.held.remove(chosen)
        lease, _ = chosen
        with self.cut(cut):
            self.leases.release(lease, reusable=reusable, complete=complete)
        if lease.resource is not None:  # what nobody refers to is collected
            self.leak(lease)

    @precondition(lambda self: self.served(served=False))
    @rule(number=numbers, cut=cuts)
    def is_withdrawn(self, number: int, cut: int) -> None:
        chosen = self.choose(number, served=False)
        lease, ticket = chosen
        with self.cut(cut):
            self.leases.withdraw(ticket)
        if ticket in ticket.destination.waiting:
            return  # it was cut before: the lease will be served and collected
        self.held.remove(chosen)

    @precondition(lambda self: self.served(served=True))
    @rule(number=numbers, multiplexed=st.booleans(), cut=cuts)
    def negotiates(self, number: int, multiplexed: bool, cut: int) -> None:
        lease, _ = self.choose(number, served=True)
        with self.cut(cut):
            self.leases.negotiated(lease.resource, 100 if multiplexed else None)

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0]), cut=cuts)
    def time_passes(self, seconds: float, cut: int) -> None:
        self.now += seconds
        with self.cut(cut):
            self.leases.change(self.leases.pool.idle.evict_expired, self.now)

    @invariant()
    def the_lock_is_free(self) -> None:
        assert self.leases.lock.acquire(blocking=False)
        self.leases.lock.release()
        assert self.leases.pool.in_hand is None

    @invariant()
    def every_connection_is_in_a_slot_or_closed_once(self) -> None:
        while found := [each for each in self.lost if each.resource is not None]:
            self.leak(found[0])
            self.leases._reclaim()
        self.leases._reclaim()
        pool = self.leases.pool
        for slot in pool.slots:
            if slot.transport is None and slot.streams:
                self.opened += 1
                slot.transport = slot.connection = self.opened
        self.closed += [each.transport for each in pool.closing]
        pool.closing.clear()
        living = [each.transport for each in pool.slots if each.transport is not None]
        assert sorted(self.closed + living) == list(range(1, self.opened + 1))

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        pool = self.leases.pool
        assert len(pool.slots) <= 4
        for slot in pool.slots:
            assert slot.streams <= max(slot.capacity, 1) or slot.capacity == 1

    @invariant()
    def the_counters_add_up(self) -> None:
        pool = self.leases.pool
        using = [each.resource for each, _ in self.held if each.resource in pool.slots]
        assert len(using) == sum(slot.streams for slot in pool.slots)
        assert len(using) == sum(each.active for each in pool.destinations())

    @invariant()
    def slots_without_requests_are_idle(self) -> None:
        pool = self.leases.pool
        unused = {slot for slot in pool.slots if not slot.streams}
        assert unused == set(pool.idle)
        for destination in pool.destinations():
            mine = [each for each in pool.idle if each.destination is destination]
            assert mine == list(destination.idle)
            assert all(has_room(each) for each in destination.shared)

    @invariant()
    def no_request_waits_while_a_slot_is_free(self) -> None:
        pool = self.leases.pool
        for destination in pool.destinations():
            for ticket in destination.waiting:
                assert ticket.lease.resource is None
                full = len(pool.slots) == 4 and not pool.idle
                assert full or destination.is_negotiating
                assert ticket in pool.queue or destination.is_negotiating


def has_room(slot: Slot) -> bool:
    return 0 < slot.streams < slot.capacity and not slot.retired


TestInterruptions = Interruptions.TestCase


def test_a_connection_whose_eviction_is_cut_anywhere_is_closed_once() -> None:
    after, is_cut = 0, True
    while is_cut:
        leases = Leases(make, lambda _: IDLE_REAPER, SILENT)
        pool, lease = leases.pool, Unwatched()
        pool.acquire(pool.destination(("https", "1", None)), lease, 0, GET)
        lease.resource.transport = lease.resource.connection = 1
        leases.release(lease, reusable=True, complete=True)
        interrupter = Interrupter(after)
        with contextlib.suppress(Interruption), interrupter:
            leases.change(pool.idle.evict_oldest)
        if pool.idle:
            leases.change(pool.idle.evict_oldest)
        assert [each.transport for each in pool.closing] == [1]
        assert not pool.slots
        after, is_cut = after + 1, bool(interrupter.where)
