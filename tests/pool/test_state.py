"""The state of the pool: which request gets which connection. No IO, no clock."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
)
from support.pools import GET, POST, A, B, Desk, lease, pool_of, waiter

from httpx_resilient._core.state.store import MAX_KEYS
from httpx_resilient._pool.following import TIMER_TOLERANCE
from httpx_resilient._pool.idle import LINGER
from httpx_resilient._pool.limits import PoolLimits
from httpx_resilient._pool.origins import MAX_STREAMS
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.state import Pool


class TestLost:
    """A connection whose server closes it, which the event loop notices."""

    def test_an_idle_one_frees_its_slot_and_is_not_closed_again(self) -> None:
        desk = Desk(pool_of(1))
        desk.release(slot := desk.acquire_one())
        desk.pool.lost(slot, desk.now)
        assert not desk.pool.slots
        assert not desk.pool.idle
        assert desk.closed == []

    def test_it_shows_how_long_its_server_waits(self) -> None:
        desk = Desk(pool_of(1))
        desk.release(slot := desk.acquire_one())
        desk.pool.lost(slot, desk.now + 3)
        timeout = slot.destination.origin.idle_timeout
        assert timeout.trusted < 3

    def test_one_in_use_stays_with_its_request(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.acquire_one()
        desk.pool.lost(slot, desk.now)
        assert desk.pool.slots == {slot}
        desk.release(slot)
        assert list(desk.pool.idle) == [slot]


class TestSlots:
    def test_an_idle_connection_is_reused(self) -> None:
        desk = Desk(pool_of(10))
        first = desk.acquire_one()
        desk.release(first)
        assert desk.acquire_one() is first

    def test_the_most_recently_used_connection_is_reused_first(self) -> None:
        desk = Desk(pool_of(10))
        older, newer = desk.acquire_one(), desk.acquire_one()
        desk.release(older)
        desk.release(newer)
        assert desk.acquire_one() is newer

    def test_a_pool_that_is_full_leases_no_slot(self) -> None:
        desk = Desk(pool_of(2))
        assert desk.acquire(A)
        assert desk.acquire(B)
        assert desk.acquire(A) is None

    def test_the_least_recently_used_connection_is_evicted_for_another_origin(
        self,
    ) -> None:
        desk = Desk(pool_of(2))
        older, newer = desk.acquire_one(A), desk.acquire_one(A)
        desk.release(older)
        desk.release(newer)
        desk.acquire_one(B)
        assert desk.closed == ["connection 1"]
        assert desk.acquire_one(A) is newer

    def test_a_retired_connection_is_closed_and_its_slot_is_free(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.acquire_one()
        slot.retire()
        slot.retire()
        desk.release(slot)
        assert desk.closed == ["connection 1"]
        assert desk.acquire_one() is not slot
        assert desk.pool.origins[A].retired == 1

    def test_a_slot_that_never_had_a_transport_is_discarded(self) -> None:
        pool = pool_of(1)
        leased = lease()
        assert pool.acquire(pool.destination(A), leased, 0, GET)
        pool.release(leased.resource, 0)
        assert not pool.slots

    def test_closing_the_pool_closes_each_connection_once_it_is_idle(self) -> None:
        desk = Desk(pool_of(3))
        used, idle = desk.acquire_one(A), desk.acquire_one(B)
        desk.release(idle)
        assert desk.pool.shut(desk.now) == [used]
        assert desk.closed == ["connection 2"]
        desk.release(used)
        assert desk.closed == ["connection 2", "connection 1"]
        assert not desk.pool.slots


class TestEviction:
    def test_an_idle_connection_expires(self) -> None:
        desk = Desk(pool_of(2, expiry=5))
        slot = desk.acquire_one()
        desk.release(slot)
        desk.now = 5.1
        assert desk.acquire_one() is not slot
        assert desk.closed == ["connection 1"]

    def test_surplus_connections_stay_open_during_a_burst(self) -> None:
        desk = Desk(pool_of(10, max_idle=2))
        for slot in [desk.acquire_one() for _ in range(10)]:
            desk.release(slot)
        assert not desk.pool.closing

    def test_the_oldest_surplus_connections_are_closed_after_a_burst(self) -> None:
        desk = Desk(pool_of(10, max_idle=2))
        for slot in [desk.acquire_one() for _ in range(10)]:
            desk.release(slot)
        desk.now = LINGER
        desk.acquire_one()
        assert desk.closed == [f"connection {n}" for n in range(1, 9)]

    def test_with_max_idle_0_a_connection_is_closed_at_once(self) -> None:
        desk = Desk(pool_of(2, max_idle=0))
        desk.release(desk.acquire_one())
        assert desk.closed == ["connection 1"]


class TestQueue:
    def test_requests_to_one_origin_are_served_in_order_of_arrival(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.acquire_one()
        tickets = [desk.enqueue(name=n) for n in range(3)]
        for _ in tickets:
            desk.release(slot)
        assert desk.served == [0, 1, 2]

    def test_a_connection_goes_to_a_request_to_its_own_origin(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.acquire_one(A)
        desk.enqueue(B, "b")
        desk.enqueue(A, "a")
        desk.release(slot)
        assert desk.served == ["a"]

    def test_a_request_is_overtaken_only_a_bounded_number_of_times(self) -> None:
        desk = Desk(pool_of(3))
        slots = [desk.acquire_one(A) for _ in range(3)]
        ticket = desk.enqueue(B, "b")
        rounds = 0
        while ticket.lease.resource is None:
            desk.enqueue(A, "a")
            desk.release(slots[rounds % 3])
            rounds += 1
        assert rounds == 2 * 3 + 1

    def test_a_connection_without_requests_to_its_origin_makes_room_for_the_oldest_request(
        self,
    ) -> None:
        desk = Desk(pool_of(1))
        slot = desk.acquire_one(A)
        ticket = desk.enqueue(B, "b")
        desk.release(slot)
        assert desk.served == ["b"]
        assert ticket.lease.resource is not slot
        assert desk.closed == ["connection 1"]

    def test_a_request_that_withdrew_is_not_served(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.acquire_one()
        gone, _ = desk.enqueue(name="gone"), desk.enqueue(name="stays")
        desk.pool.withdraw(gone)
        desk.release(slot)
        assert desk.served == ["stays"]

    def test_a_retired_connection_makes_room_for_the_oldest_request(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.acquire_one(A)
        ticket = desk.enqueue(B, "b")
        slot.retire()
        desk.release(slot)
        assert ticket.lease.resource not in {None, slot}


class TestSharing:
    """A connection of HTTP/2 serves many requests at a time."""

    def test_requests_share_a_connection(self) -> None:
        desk = Desk(pool_of(10, multiplexed=True))
        desk.share_one()
        assert len({desk.acquire() for _ in range(MAX_STREAMS - 1)}) == 1
        assert desk.opened == 1

    def test_a_shared_connection_takes_no_more_requests_than_its_capacity(self) -> None:
        desk = Desk(pool_of(10, multiplexed=True))
        desk.share_one()
        for _ in range(MAX_STREAMS):
            desk.acquire_one()
        assert desk.opened == 2

    def test_a_waiting_request_is_served_when_another_one_ends(self) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        slot = desk.share_one()
        for _ in range(MAX_STREAMS - 1):
            desk.acquire_one()
        desk.enqueue(name="next")
        desk.release(slot)
        assert desk.served == ["next"]

    def test_a_connection_that_replaces_another_one_is_shared_when_it_is_open(
        self,
    ) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        slot = desk.share_one(A)
        first, second = desk.enqueue(B), desk.enqueue(B)
        desk.release(slot)
        assert second.lease.resource is None
        desk.pool.negotiated(first.lease.resource, MAX_STREAMS)
        assert first.lease.resource is second.lease.resource is not None

    def test_a_request_is_overtaken_only_a_bounded_number_of_times_by_sharers(
        self,
    ) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        slot = desk.share_one(A)
        desk.enqueue(B, name="other")
        for _ in range(2 * MAX_STREAMS):
            desk.release(desk.acquire_one(A))
        desk.enqueue(A, name="late")
        desk.release(slot)
        assert desk.served == ["other"]

    def test_sharing_goes_on_when_the_request_that_was_overtaken_withdraws(
        self,
    ) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        slot = desk.share_one(A)
        other = desk.enqueue(B)
        for _ in range(2 * MAX_STREAMS):
            desk.release(desk.acquire_one(A))
        held_back = desk.enqueue(A)
        desk.pool.withdraw(other)
        assert held_back.lease.resource is slot

    def test_requests_wait_while_the_first_connection_negotiates(self) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        desk.acquire_one()
        desk.enqueue()
        assert desk.opened == 1

    def test_all_requests_share_the_first_connection_if_it_multiplexes(self) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        leader = desk.acquire_one()
        tickets = [desk.enqueue() for _ in range(5)]
        desk.pool.negotiated(leader, 100)
        assert {ticket.lease.resource for ticket in tickets} == {leader}

    def test_each_request_gets_a_slot_of_its_own_if_the_first_connection_does_not_multiplex(
        self,
    ) -> None:
        desk = Desk(pool_of(3, multiplexed=None))
        leader = desk.acquire_one()
        tickets = [desk.enqueue(name=n) for n in range(4)]
        desk.pool.negotiated(leader, None)
        served = [ticket.lease.resource is not None for ticket in tickets]
        assert served == [True, True, False, False]
        desk.release(leader)
        assert tickets[3].lease.resource is None
        assert len({ticket.lease.resource for ticket in tickets[:3]} | {leader}) == 3

    def test_if_the_first_connection_fails_another_one_negotiates(self) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        leader = desk.acquire_one()
        second, third = desk.enqueue(name=2), desk.enqueue(name=3)
        leader.retire()
        desk.release(leader)
        assert second.lease.resource is not None
        assert third.lease.resource is None
        desk.pool.negotiated(second.lease.resource, 100)
        assert third.lease.resource is second.lease.resource

    def test_a_retired_connection_takes_no_request_and_is_closed_after_the_last_one(
        self,
    ) -> None:
        desk = Desk(pool_of(10, multiplexed=True))
        slot = desk.share_one()
        assert desk.acquire_one() is slot
        slot.retire()
        assert desk.acquire_one() is not slot
        desk.release(slot)
        assert not desk.pool.closing
        desk.release(slot)
        assert desk.closed == ["connection 1"]

    def test_a_connection_is_no_longer_shared_once_the_server_stops_multiplexing(
        self,
    ) -> None:
        desk = Desk(pool_of(10, multiplexed=True))
        slot = desk.acquire_one()
        desk.pool.negotiated(slot, None)
        assert desk.acquire_one() is not slot

    def test_a_shared_connection_without_requests_is_idle(self) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        slot = desk.acquire_one(A)
        desk.release(slot)
        desk.acquire_one(B)
        assert desk.closed == ["connection 1"]


class TestFollowing:
    """Requests wait for the connection that another one opens."""

    def test_one_that_waits_no_longer_is_passed_over(self) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        leader = desk.acquire_one()
        dead = waiter(is_dead=True)
        desk.pool.enqueue(desk.pool.destination(A), lease(), dead)
        second = desk.enqueue(name=2)
        desk.pool.negotiated(leader, None)
        assert second.lease.resource is not None
        assert len(desk.pool.slots) == 2

    def test_only_the_one_that_opens_a_connection_tells_others_of_its_failure(
        self,
    ) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        leader, other = desk.acquire_one(A), desk.acquire_one(B)
        follower = desk.enqueue(A)
        desk.pool.negotiated(other, 100)
        desk.pool.refuse_followers(other, OSError(), math.inf)
        assert follower.error is None
        desk.pool.refuse_followers(leader, OSError(), math.inf)
        assert follower.error is not None

    def test_one_that_has_got_a_connection_does_not_give_up(self) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        leader, follower = desk.acquire_one(), desk.enqueue()
        desk.pool.negotiated(leader, 100)
        assert not desk.pool.give_up(follower)

    def test_one_that_gives_up_leaves_a_later_leader_alone(self) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        desk.acquire_one()
        first, second, third = (desk.enqueue(name=n) for n in range(3))
        assert desk.pool.give_up(first)
        assert second.lease.resource is not None  # it leads now
        assert desk.pool.give_up(third)
        assert desk.pool.destination(A).leader is second.lease.resource


class TestOrigins:
    def test_the_number_of_unused_origins_is_bounded(self) -> None:
        desk = Desk(pool_of(10))
        for number in range(3 * MAX_KEYS):
            desk.pool.destination(("http", str(number), None))
        assert len(desk.pool.origins) == MAX_KEYS

    def test_an_origin_in_use_is_not_evicted(self) -> None:
        desk = Desk(pool_of(10))
        slot = desk.acquire_one(A)
        for number in range(3 * MAX_KEYS):
            desk.pool.destination(("http", str(number), None))
        assert desk.pool.destination(A) is slot.destination


@settings(max_examples=300, stateful_step_count=60, deadline=None)
class Requests(RuleBasedStateMachine):
    """Requests in any order: no slot is lost, and no request waits in vain."""

    sent = Bundle("sent")
    queued = Bundle("queued")

    def __init__(self) -> None:
        super().__init__()
        multiplexed = {"1": False, "2": True}
        self.pool = Pool(
            PoolLimits(4, 2, 5, 20),
            lambda key: multiplexed.get(key[1]),
            lambda connection: connection % 5 != 0,
        )
        self.now = 0.0
        self.opened: list[int] = []
        self.closed: list[int] = []
        self.tickets: list[Any] = []
        self.in_flight = 0

    def begin(self, slot: Slot) -> Slot:
        if slot.transport is None:
            slot.transport = slot.connection = len(self.opened)
            self.pool.connected(slot, slot.connection, self.now)
            self.opened.append(slot.transport)
        self.in_flight += 1
        return slot

    @rule(
        target=queued,
        host=st.sampled_from(["1", "2", "?", "??"]),
        request=st.sampled_from([GET, POST]),
        is_dead=st.sampled_from([False, False, False, True]),
    )
    def request(self, host: str, request: Any, is_dead: bool) -> Any:
        destination, leased = self.pool.destination(("https", host, None)), lease()
        if self.pool.acquire(destination, leased, self.now, request):
            return ("sent", self.begin(leased.resource))
        patience = 1.0 if host == "?" else 5.0
        waits = waiter(is_dead=is_dead)
        ticket = self.pool.enqueue(destination, leased, waits, patience)
        self.tickets.append(ticket)
        return ("waits", ticket)

    @rule(target=sent, this=consumes(queued))
    def is_admitted_or_times_out(self, this: Any) -> Any:
        kind, leased = this
        if kind == "sent":
            return leased
        self.tickets.remove(leased)
        if leased.lease.resource is None:
            self.pool.withdraw(leased)
            return None
        return self.begin(leased.lease.resource)

    @rule(this=consumes(queued))
    def is_cancelled(self, this: Any) -> None:
        kind, leased = this
        if kind == "sent":
            self.end(leased, reusable=False)
        else:
            self.tickets.remove(leased)
            self.pool.withdraw(leased)
            if leased.lease.resource is not None:
                self.pool.release(leased.lease.resource, self.now)

    @rule(slot=sent, multiplexed=st.booleans())
    def negotiates(self, slot: Slot | None, multiplexed: bool) -> None:
        if slot is not None and slot.destination.leader is slot:
            self.pool.negotiated(slot, 100 if multiplexed else None)

    @rule(this=consumes(queued))
    def waits_no_longer_for_another_ones_connection(self, this: Any) -> None:
        kind, leased = this
        if kind == "sent":
            self.end(leased, reusable=True)
            return
        self.tickets.remove(leased)
        if not self.pool.give_up(leased):
            self.pool.withdraw(leased)
            if leased.lease.resource is not None:
                self.pool.release(leased.lease.resource, self.now)

    @rule(slot=sent, waited=st.sampled_from([0.5, 3.0, math.inf]))
    def cannot_be_opened(self, slot: Slot | None, waited: float) -> None:
        if slot is not None and slot.destination.leader is slot:
            followers = [t for t in self.tickets if self.pool.follows(t)]
            self.pool.refuse_followers(slot, OSError(), waited)
            told = [t for t in followers if t.error is not None]
            assert all(t.patience <= waited + TIMER_TOLERANCE for t in told)

    @rule(slot=consumes(sent), reusable=st.booleans())
    def ends(self, slot: Slot | None, reusable: bool) -> None:
        if slot is not None:
            self.end(slot, reusable=reusable)

    def end(self, slot: Slot, *, reusable: bool) -> None:
        if not reusable:
            slot.retire()
        self.pool.release(slot, self.now)
        self.in_flight -= 1

    @rule(seconds=st.sampled_from([0.1, 1.0, 6.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        assert len(self.pool.slots) <= 4
        assert all(
            slot.streams <= max(slot.capacity, 1) or slot.capacity == 1
            for slot in self.pool.slots
        )

    @invariant()
    def every_connection_is_in_a_slot_or_closed_once(self) -> None:
        self.closed += [each.transport for each in self.pool.closing]
        self.pool.closing.clear()
        living = [s.transport for s in self.pool.slots if s.transport is not None]
        assert sorted(self.closed + living) == self.opened

    @invariant()
    def no_request_waits_while_a_slot_is_free(self) -> None:
        waiting = [each for each in self.pool.queue if each.lease.resource is None]
        idle = len(self.pool.idle)
        for ticket in waiting:
            full = len(self.pool.slots) == 4 and not idle
            assert full or ticket.destination.is_negotiating
            assert not ticket.destination.shared

    @invariant()
    def the_counters_add_up(self) -> None:
        granted = sum(each.lease.resource is not None for each in self.tickets)
        active = sum(each.active for each in self.pool.destinations())
        assert active == sum(slot.streams for slot in self.pool.slots)
        assert active == self.in_flight + granted


TestRequests = Requests.TestCase
