"""The state of the pool: who gets which connection. No IO, and no clock but a number."""

from __future__ import annotations

from types import SimpleNamespace
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

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.state.store import MOST
from httpx_resilient._pool.slots import STREAMS, Slot
from httpx_resilient._pool.state import LINGER, Pool

A: OriginKey = ("https", b"a", None)
B: OriginKey = ("https", b"b", None)


def pool_of(
    most: float,
    keep: float = 20,
    expiry: float = 5,
    *,
    multiplexed: bool | None = False,
) -> Pool:
    return Pool(most, keep, expiry, lambda _: multiplexed)


class Desk:
    """Takes places and gives them back, as requests do; opens what has to be opened."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.now = 0.0
        self.served: list[Any] = []
        self.opened = 0

    def opens(self, slot: Slot) -> Slot:
        if slot.transport is None:
            self.opened += 1
            slot.transport = f"connection {self.opened}"
        return slot

    def take(self, key: OriginKey = A) -> Slot | None:
        slot = self.pool.take(self.pool.origin(key), self.now)
        return slot and self.opens(slot)

    def must_take(self, key: OriginKey = A) -> Slot:
        slot = self.take(key)
        assert slot is not None
        return slot

    def wait(self, key: OriginKey = A, name: Any = None) -> Any:
        assert self.take(key) is None
        waiter = SimpleNamespace(wake=lambda: self.served.append(name))
        return self.pool.enqueue(self.pool.origin(key), waiter)

    def give(self, slot: Slot) -> None:
        self.pool.give(slot, self.now)


class TestPlaces:
    def test_a_free_connection_is_used_again(self) -> None:
        desk = Desk(pool_of(10))
        first = desk.must_take()
        desk.give(first)
        assert desk.must_take() is first

    def test_the_newest_is_used_first(self) -> None:
        desk = Desk(pool_of(10))
        older, newer = desk.must_take(), desk.must_take()
        desk.give(older)
        desk.give(newer)
        assert desk.must_take() is newer

    def test_there_are_never_more_than_allowed(self) -> None:
        desk = Desk(pool_of(2))
        assert desk.take(A)
        assert desk.take(B)
        assert desk.take(A) is None

    def test_another_origins_oldest_idle_one_gives_way(self) -> None:
        desk = Desk(pool_of(2))
        older, newer = desk.must_take(A), desk.must_take(A)
        desk.give(older)
        desk.give(newer)
        desk.must_take(B)
        assert desk.pool.closing == ["connection 1"]
        assert desk.must_take(A) is newer

    def test_a_retired_one_is_closed_and_its_place_free(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.must_take()
        desk.pool.retire(slot)
        desk.pool.retire(slot)
        desk.give(slot)
        assert desk.pool.closing == ["connection 1"]
        assert desk.must_take() is not slot
        assert desk.pool.origin(A).retired == 1

    def test_a_renewed_one_keeps_its_place(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.must_take()
        assert desk.pool.renew(slot)
        assert desk.pool.closing == ["connection 1"]
        assert desk.take() is None

    def test_one_that_is_given_up_is_not_renewed(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.must_take()
        desk.pool.retire(slot)
        assert not desk.pool.renew(slot)

    def test_a_place_without_a_connection_is_not_kept(self) -> None:
        pool = pool_of(1)
        slot = pool.take(pool.origin(A), 0)
        assert slot is not None
        pool.give(slot, 0)
        assert not pool.slots

    def test_draining_closes_all_also_those_in_use(self) -> None:
        desk = Desk(pool_of(3))
        used, idle = desk.must_take(A), desk.must_take(B)
        desk.give(idle)
        desk.pool.drain()
        assert sorted(desk.pool.closing) == ["connection 1", "connection 2"]
        desk.give(used)
        assert not desk.pool.slots


class TestTime:
    def test_an_idle_one_expires(self) -> None:
        desk = Desk(pool_of(2, expiry=5))
        slot = desk.must_take()
        desk.give(slot)
        desk.now = 5.1
        assert desk.must_take() is not slot
        assert desk.pool.closing == ["connection 1"]

    def test_in_a_burst_all_are_kept(self) -> None:
        desk = Desk(pool_of(10, keep=2))
        for slot in [desk.must_take() for _ in range(10)]:
            desk.give(slot)
        assert not desk.pool.closing

    def test_after_a_burst_the_oldest_are_closed(self) -> None:
        desk = Desk(pool_of(10, keep=2))
        for slot in [desk.must_take() for _ in range(10)]:
            desk.give(slot)
        desk.now = LINGER
        desk.must_take()
        assert desk.pool.closing == [f"connection {n}" for n in range(1, 9)]

    def test_to_keep_none_is_to_close_at_once(self) -> None:
        desk = Desk(pool_of(2, keep=0))
        desk.give(desk.must_take())
        assert desk.pool.closing == ["connection 1"]


class TestWaiting:
    def test_those_of_one_origin_are_served_in_order(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.must_take()
        tickets = [desk.wait(name=n) for n in range(3)]
        for _ in tickets:
            desk.give(slot)
        assert desk.served == [0, 1, 2]

    def test_a_connection_goes_to_one_that_can_use_it(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.must_take(A)
        desk.wait(B, "b")
        desk.wait(A, "a")
        desk.give(slot)
        assert desk.served == ["a"]

    def test_but_nobody_is_passed_over_for_long(self) -> None:
        desk = Desk(pool_of(3))
        slots = [desk.must_take(A) for _ in range(3)]
        ticket = desk.wait(B, "b")
        rounds = 0
        while ticket.slot is None:
            desk.wait(A, "a")
            desk.give(slots[rounds % 3])
            rounds += 1
        assert rounds == 2 * 3 + 1

    def test_of_different_origins_it_is_the_longest_waiting(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.must_take(A)
        ticket = desk.wait(B, "b")
        desk.give(slot)
        assert desk.served == ["b"]
        assert ticket.slot is not slot
        assert desk.pool.closing == ["connection 1"]

    def test_one_that_left_is_not_served(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.must_take()
        gone, _ = desk.wait(name="gone"), desk.wait(name="stays")
        desk.pool.abandon(gone, 0)
        desk.give(slot)
        assert desk.served == ["stays"]

    def test_one_that_left_too_late_passes_on_what_it_got(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.must_take()
        gone, _ = desk.wait(name="gone"), desk.wait(name="next")
        desk.give(slot)
        desk.pool.abandon(gone, 0)
        assert desk.served == ["gone", "next"]

    def test_a_retired_one_makes_room_for_the_longest_waiting(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.must_take(A)
        ticket = desk.wait(B, "b")
        desk.pool.retire(slot)
        desk.give(slot)
        assert ticket.slot not in {None, slot}


class TestSharing:
    """HTTP/2: one connection, many requests."""

    def test_requests_share_a_connection(self) -> None:
        desk = Desk(pool_of(10, multiplexed=True))
        assert len({desk.take() for _ in range(STREAMS)}) == 1
        assert desk.opened == 1

    def test_up_to_its_room(self) -> None:
        desk = Desk(pool_of(10, multiplexed=True))
        for _ in range(STREAMS + 1):
            desk.must_take()
        assert desk.opened == 2

    def test_those_who_wait_are_let_in_as_others_end(self) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        *_, slot = [desk.must_take() for _ in range(STREAMS)]
        desk.wait(name="next")
        desk.give(slot)
        assert desk.served == ["next"]

    def test_one_that_takes_the_place_of_another_is_shared_at_once(self) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        slot = desk.must_take(A)
        first, second = desk.wait(B), desk.wait(B)
        desk.give(slot)
        assert first.slot is second.slot is not None

    def test_but_nobody_is_passed_over_for_long_by_those_who_share(self) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        slot = desk.must_take(A)
        desk.wait(B, name="other")
        for _ in range(2 * STREAMS):
            desk.give(desk.must_take(A))
        desk.wait(A, name="late")
        desk.give(slot)
        assert desk.served == ["other"]

    def test_and_goes_on_if_that_one_waits_no_more(self) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        slot = desk.must_take(A)
        other = desk.wait(B)
        for _ in range(2 * STREAMS):
            desk.give(desk.must_take(A))
        held_back = desk.wait(A)
        desk.pool.abandon(other, desk.now)
        assert held_back.slot is slot

    def test_until_it_is_known_the_first_goes_alone(self) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        desk.must_take()
        desk.wait()
        assert desk.opened == 1

    def test_when_it_is_known_all_others_follow(self) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        leader = desk.must_take()
        tickets = [desk.wait() for _ in range(5)]
        desk.pool.learn(leader, multiplexed=True)
        assert {ticket.slot for ticket in tickets} == {leader}

    def test_or_each_goes_alone(self) -> None:
        desk = Desk(pool_of(3, multiplexed=None))
        leader = desk.must_take()
        tickets = [desk.wait(name=n) for n in range(4)]
        desk.pool.learn(leader, multiplexed=False)
        assert desk.served == [0, 1]
        desk.give(leader)
        assert desk.served == [0, 1, 2]
        assert len({ticket.slot for ticket in tickets[:3]} | {leader}) == 3

    def test_if_the_first_fails_another_leads(self) -> None:
        desk = Desk(pool_of(10, multiplexed=None))
        leader = desk.must_take()
        second, third = desk.wait(name=2), desk.wait(name=3)
        desk.pool.retire(leader)
        desk.give(leader)
        assert second.slot is not None
        assert third.slot is None
        desk.pool.learn(second.slot, multiplexed=True)
        assert third.slot is second.slot

    def test_a_retired_one_lets_nobody_in_and_ends_with_the_last(self) -> None:
        desk = Desk(pool_of(10, multiplexed=True))
        slot = desk.must_take()
        assert desk.must_take() is slot
        desk.pool.retire(slot)
        assert not desk.pool.renew(slot)
        assert desk.must_take() is not slot
        desk.give(slot)
        assert not desk.pool.closing
        desk.give(slot)
        assert desk.pool.closing == ["connection 1"]

    def test_one_that_others_use_is_not_renewed(self) -> None:
        desk = Desk(pool_of(10, multiplexed=True))
        slot = desk.must_take()
        desk.must_take()
        assert not desk.pool.renew(slot)

    def test_a_server_may_change_its_mind(self) -> None:
        desk = Desk(pool_of(10, multiplexed=True))
        slot = desk.must_take()
        desk.pool.learn(slot, multiplexed=False)
        assert desk.must_take() is not slot

    def test_one_that_is_empty_is_idle(self) -> None:
        desk = Desk(pool_of(1, multiplexed=True))
        slot = desk.must_take(A)
        desk.give(slot)
        desk.must_take(B)
        assert desk.pool.closing == ["connection 1"]


class TestMemory:
    def test_origins_are_forgotten_when_there_are_too_many(self) -> None:
        desk = Desk(pool_of(10))
        for number in range(3 * MOST):
            desk.pool.origin(("http", str(number), None))
        assert len(desk.pool.origins) == MOST

    def test_but_not_one_that_is_in_use(self) -> None:
        desk = Desk(pool_of(10))
        slot = desk.must_take(A)
        for number in range(3 * MOST):
            desk.pool.origin(("http", str(number), None))
        assert desk.pool.origin(A) is slot.origin


@settings(max_examples=300, stateful_step_count=60, deadline=None)
class Requests(RuleBasedStateMachine):
    """Whatever requests do, in whatever order: nothing is lost, nobody forgotten."""

    sent = Bundle("sent")
    queued = Bundle("queued")

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool(4, 2, 5, lambda key: {"1": False, "2": True}.get(key[1]))
        self.now = 0.0
        self.opened: list[int] = []
        self.closed: list[int] = []
        self.tickets: list[Any] = []
        self.in_flight = 0

    def begin(self, slot: Slot) -> Slot:
        if slot.transport is None:
            slot.transport = len(self.opened)
            self.opened.append(slot.transport)
        self.in_flight += 1
        return slot

    @rule(target=queued, host=st.sampled_from(["1", "2", "?", "??"]))
    def request(self, host: str) -> Any:
        origin = self.pool.origin(("https", host, None))
        slot = self.pool.take(origin, self.now)
        if slot is not None:
            return ("sent", self.begin(slot))
        ticket = self.pool.enqueue(origin, SimpleNamespace(wake=lambda: None))
        self.tickets.append(ticket)
        return ("waits", ticket)

    @rule(target=sent, this=consumes(queued))
    def goes_on(self, this: Any) -> Any:
        kind, what = this
        if kind == "sent":
            return what
        self.tickets.remove(what)
        if what.slot is None:
            self.pool.abandon(what, self.now)
            return None
        return self.begin(what.slot)

    @rule(this=consumes(queued))
    def is_cancelled(self, this: Any) -> None:
        kind, what = this
        if kind == "sent":
            self.end(what, well=False)
        else:
            self.tickets.remove(what)
            self.pool.abandon(what, self.now)

    @rule(slot=sent, multiplexed=st.booleans())
    def tells(self, slot: Slot | None, multiplexed: bool) -> None:
        if slot is not None and slot.origin.leader is slot:
            self.pool.learn(slot, multiplexed=multiplexed)

    @rule(slot=consumes(sent), well=st.booleans())
    def ends(self, slot: Slot | None, well: bool) -> None:
        if slot is not None:
            self.end(slot, well=well)

    def end(self, slot: Slot, *, well: bool) -> None:
        if not well:
            self.pool.retire(slot)
        self.pool.give(slot, self.now)
        self.in_flight -= 1

    @rule(seconds=st.sampled_from([0.1, 1.0, 6.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def there_are_never_too_many(self) -> None:
        assert len(self.pool.slots) <= 4
        assert all(
            slot.streams <= max(slot.room, 1) or slot.room == 1
            for slot in self.pool.slots
        )

    @invariant()
    def every_connection_is_in_a_slot_or_closed_once(self) -> None:
        self.closed += self.pool.closing
        self.pool.closing.clear()
        living = [s.transport for s in self.pool.slots if s.transport is not None]
        assert sorted(self.closed + living) == self.opened

    @invariant()
    def nobody_waits_while_there_is_a_place(self) -> None:
        waiting = [each for each in self.tickets if each.slot is None]
        idle = sum(len(origin.idle) for origin in self.pool.origins.values())
        for ticket in waiting:
            full = len(self.pool.slots) == 4 and not idle
            assert full or ticket.origin.awaits_word
            assert not ticket.origin.shared

    @invariant()
    def the_numbers_add_up(self) -> None:
        granted = sum(each.slot is not None for each in self.tickets)
        active = sum(origin.active for origin in self.pool.origins.values())
        assert active == sum(slot.streams for slot in self.pool.slots)
        assert active == self.in_flight + granted


TestRequests = Requests.TestCase


def test_a_shared_connection_that_is_given_up_was_not_counted_as_reused() -> None:
    pool = Pool(1, 1, 5, lambda key: True)
    origin = pool.origin(("https", b"a", None))
    slot = pool.take(origin, 0.0)
    assert slot is not None
    assert pool.renew(slot)
    assert (origin.reused, origin.retired) == (0, 1)
