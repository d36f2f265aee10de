"""What is done beside the requests: repairs, leaks, forks. No wire."""

from __future__ import annotations

import asyncio
import math
import socket
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from support.pools import GET, A, Desk, lease, pool_of, waiter

import httpx_resilient
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._pool.lease import Lease
from httpx_resilient._pool.leases import Leases
from httpx_resilient._pool.loop_reaper import LoopReaper, Watch
from httpx_resilient._pool.outcome import Outcomes
from httpx_resilient._pool.reaper import ThreadReaper
from httpx_resilient._pool.repair import lost_slots, repair

LEASE: Any = httpx_resilient._FAMILY.stream_class(Lease)


def leases_of_pool(size: int = 2) -> Any:
    return Leases(partial(pool_of, size), ThreadReaper, EventEmitter(None))


class TestRepair:
    def test_what_a_transition_had_in_hand_is_dropped(self) -> None:
        desk = Desk(pool_of(2))
        desk.pool.in_hand = slot = desk.acquire_one()
        repair(desk.pool, 0.0)
        assert not desk.pool.slots
        assert (slot.streams, slot.destination.active) == (0, 0)
        assert desk.closed == ["connection 1"]

    def test_the_rest_is_derived_from_the_slots(self) -> None:
        desk = Desk(pool_of(9, multiplexed=True))
        shared = desk.share_one()
        full = desk.share_one(("https", "full", None))
        full.capacity = 1
        idle, lost = (desk.acquire_one(("https", host, None)) for host in ("b", "c"))
        for slot in (idle, lost):
            slot.streams = 0
        lost.transport = None
        lost.destination.leader = lost
        repair(desk.pool, 0.0)
        assert list(desk.pool.idle) == [idle]
        assert list(shared.destination.shared) == [shared]
        assert lost not in desk.pool.slots
        assert lost.destination.leader is None
        assert not full.destination.shared

    def test_a_slot_between_two_places_is_idle(self) -> None:
        desk = Desk(pool_of(9))
        slot = desk.acquire_one()
        slot.streams = 0
        repair(desk.pool, 0.0)
        assert list(desk.pool.idle) == [slot]
        assert desk.acquire_one() is slot

    def test_a_request_that_was_served_leaves_the_queue(self) -> None:
        desk = Desk(pool_of(1))
        slot = desk.acquire_one()
        served, other = desk.enqueue(name="served"), desk.enqueue(name="other")
        served.lease.resource = slot
        desk.pool.queue.clear()
        repair(desk.pool, 0.0)
        assert desk.served == ["served"]
        assert list(desk.pool.queue) == [other]

    def test_a_connection_that_is_closed_already_is_not_closed_again(self) -> None:
        desk = Desk(pool_of(2))
        slot = desk.acquire_one()
        transport = slot.transport
        desk.pool.close(slot)
        slot.transport = transport
        desk.pool.leaving = slot
        repair(desk.pool, 0.0)
        assert desk.closed == ["connection 1"]

    def test_a_request_that_follows_another_one_goes_on_following(self) -> None:
        desk = Desk(pool_of(2, multiplexed=None))
        leader, follower = desk.acquire_one(), desk.enqueue()
        repair(desk.pool, 0.0)
        assert desk.pool.follows(follower)
        assert leader.destination.leader is leader

    def test_a_transition_that_raises_leaves_the_lock_free(self) -> None:
        leases = leases_of_pool()

        def interrupted() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            leases.change(interrupted)
        assert leases.lock.acquire(blocking=False)

    def test_an_interrupted_release_ends_the_lease(self) -> None:
        leases = leases_of_pool()
        pool, held = leases.pool, lease()
        pool.acquire(pool.destination(A), held, 0.0, GET)

        def interrupted(slot: Any, now: float) -> None:
            raise KeyboardInterrupt

        pool.release = interrupted
        with pytest.raises(KeyboardInterrupt):
            leases.release(held, reusable=True, complete=True)
        assert held.resource is None
        assert not pool.slots


class TestLeaks:
    def test_a_request_whose_loop_has_ended_is_not_woken_for_it(self) -> None:
        leases, woken = leases_of_pool(1), []
        pool, held = leases.pool, lease()
        destination = pool.destination(A)
        pool.acquire(destination, held, 0.0, GET)
        pool.enqueue(destination, lease(), waiter(is_dead=True))
        pool.enqueue(destination, lease(), waiter(lambda: woken.append(1)))
        leases.on_leaked(held.resource)
        assert woken == [1]

    def test_what_leaks_during_a_release_or_a_withdrawal_is_released(self) -> None:
        leases = leases_of_pool(3)
        pool, destination = leases.pool, leases.pool.destination(A)
        held = [lease() for _ in range(3)]
        for each in held:
            pool.acquire(destination, each, 0.0, GET)
        lost = [held[1].resource]

        class Leaking:
            """The lock. What leaks while it is taken is in the list after it."""

            def __enter__(self) -> None:
                """It is free."""

            def __exit__(self, *_: object) -> None:
                if lost:
                    slot = lost.pop()
                    slot.is_lost_by(None)
                    slot.lessee = lambda: None
                    leases._leaked.append(slot)

        ticket = pool.enqueue(destination, lease(), waiter())
        leases.lock = Leaking()
        leases.withdraw(ticket)
        lost.append(held[2].resource)
        leases.release(held[0], reusable=True, complete=True)
        assert not leases._leaked
        assert destination.active == 0

    def test_a_lease_that_was_found_lost_does_not_end_the_next_one(self) -> None:
        leases = leases_of_pool(1)
        pool = leases.pool
        first, second = lease(), lease()
        pool.acquire(pool.destination(A), first, 0.0, GET)
        slot = first.resource
        slot.transport = slot.connection = "connection"
        pool.release(slot, 0.0)
        pool.acquire(pool.destination(A), second, 0.0, GET)
        assert second.resource is slot
        assert not slot.is_lost_by(first)
        leases._leaked.append(slot)  # as it was before it was found
        leases._reclaim()
        assert slot.streams == 1
        assert lost_slots(pool) == []
        del second
        assert lost_slots(pool) == [slot]


class TestFork:
    def test_a_child_begins_with_an_empty_pool_and_closes_its_copies(self) -> None:
        ours, theirs = socket.socketpair()
        leases = leases_of_pool()
        pool, held = leases.pool, lease()
        pool.acquire(pool.destination(A), held, 0.0, GET)
        held.resource.connection = SimpleNamespace(get_extra_info=lambda _: ours)
        pool.acquire(pool.destination(A, object()), lease(), 0.0, GET)
        leases._leaked.append(held.resource)
        leases.forked()
        assert not leases.pool.slots
        assert not leases._leaked
        assert ours.fileno() == -1
        theirs.close()


def test_the_idle_connections_of_a_loop_that_has_ended_are_closed() -> None:
    pool = pool_of(2)
    held = lease()
    pool.acquire(pool.destination(A, ClosedLoop()), held, 0.0, GET)
    held.resource.transport = "connection"
    pool.release(held.resource, 0.0)
    assert pool.forget_ended_loops()
    assert [each.transport for each in pool.closing] == ["connection"]
    assert not pool.idle


class ClosedLoop:
    """An event loop that has ended."""

    def is_closed(self) -> bool:
        return True


def test_a_lease_without_a_slot_reports_to_the_owners_that_have_joined() -> None:
    leaked: list[Any] = []
    owner: Any = SimpleNamespace(on_leaked=leaked.append)
    made = LEASE(None)
    made.is_released = False
    made.others = ((owner, "resource"),)
    del made
    assert leaked == ["resource"]


def test_a_lease_that_was_interrupted_when_it_was_made_ends_silently() -> None:
    made = LEASE.__new__(LEASE)
    del made


class TestReaperOfALoop:
    class Owner:
        has_idle = has_surplus = False

        def next_eviction(self) -> float:
            return math.inf

    def test_it_begins_only_in_the_loop_that_runs(self) -> None:
        reaper = LoopReaper(self.Owner())  # type: ignore[arg-type]  # it evicts nothing
        reaper.watch(object())
        assert not reaper._watches

    def test_without_an_expiry_it_sets_no_timer(self) -> None:
        reaper = LoopReaper(self.Owner())  # type: ignore[arg-type]  # it evicts nothing
        watch = Watch()
        reaper._set_timer(object(), watch)
        assert watch.timer is None

    def test_a_timer_of_an_earlier_watch_does_nothing(self) -> None:
        reaper = LoopReaper(self.Owner())  # type: ignore[arg-type]  # it evicts nothing

        async def main() -> None:
            loop = asyncio.get_running_loop()
            reaper._fire(loop, Watch())
            await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == 1

        asyncio.run(main())


def test_a_connection_whose_trace_function_was_not_called_is_shared_too() -> None:
    desk = Desk(pool_of(9, multiplexed=None))
    leader = desk.acquire_one()
    follower = desk.enqueue()
    leases = SimpleNamespace(
        negotiated=desk.pool.negotiated, change=lambda f, *a: f(*a), pool=desk.pool
    )
    outcomes: Any = Outcomes(None, leases, asynchronous=True, http2=True)  # type: ignore[arg-type]  # stubs
    response = SimpleNamespace(
        extensions={"http_version": b"HTTP/2"}, headers=SimpleNamespace(raw=[])
    )
    outcomes.answered(leader, response, 0.0)
    assert follower.lease.resource is leader


def test_a_dead_request_of_the_same_destination_is_passed_over_by_a_release() -> None:
    desk = Desk(pool_of(1))
    slot = desk.acquire_one()
    desk.pool.enqueue(desk.pool.destination(A), lease(), waiter(is_dead=True))
    desk.release(slot)
    assert list(desk.pool.idle) == [slot]


def test_a_connection_with_unasked_bytes_is_not_taken() -> None:
    desk = Desk(pool_of(2))
    slot = desk.acquire_one()
    desk.release(slot)
    slot.unasked = ([b"unasked"],)
    assert desk.acquire_one() is not slot
