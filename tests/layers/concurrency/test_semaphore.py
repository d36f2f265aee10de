"""The permits of one origin, and the queue for them. No IO and no clock."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
)

from httpx_resilient._core.io.waiters import AsyncioWaiter, ThreadWaiter, TrioWaiter
from httpx_resilient._layers.concurrency.semaphore import Gate, Ticket


def gate_of(limit: int, queue: int = 1000) -> Gate:
    return Gate("https://example.org", limit, queue)


def a_full_one(limit: int = 1, queue: int = 1000) -> Gate:
    gate = gate_of(limit, queue)
    while gate.take():
        pass
    return gate


class Queue:
    """Waits at a gate, under names."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.served: list[str] = []

    def join(self, name: str) -> Any:
        waiter: Any = SimpleNamespace(wake=lambda: self.served.append(name))
        return self.gate.enqueue(waiter)


def test_there_are_as_many_permits_as_the_limit_says() -> None:
    gate = gate_of(2)
    assert [gate.take() for _ in range(3)] == [True, True, False]


def test_one_that_is_given_back_can_be_taken_again() -> None:
    gate = a_full_one()
    gate.give()
    assert gate.take()
    assert not gate.take()


def test_those_who_wait_are_served_in_order() -> None:
    queue = Queue(a_full_one())
    for name in "abc":
        queue.join(name)
    for _ in "abc":
        queue.gate.give()
    assert queue.served == ["a", "b", "c"]


def test_nobody_overtakes_those_who_wait() -> None:
    queue = Queue(a_full_one(limit=2))
    queue.join("a")
    queue.join("b")
    queue.gate.give()
    assert not queue.gate.take()


def test_not_even_while_another_thread_is_about_to_serve_them() -> None:
    queue = Queue(a_full_one())
    queue.join("a")
    with queue.gate._lock:
        queue.gate.give()
        assert not queue.gate.take()
    queue.gate._serve()
    assert queue.served == ["a"]


def test_a_full_queue_takes_nobody_in() -> None:
    queue = Queue(a_full_one(queue=1))
    assert queue.join("a") is not None
    assert queue.join("b") is None


def test_one_that_left_is_not_served() -> None:
    queue = Queue(a_full_one())
    gone = queue.join("gone")
    queue.join("stays")
    queue.gate.abandon(gone)
    queue.gate.give()
    assert queue.served == ["stays"]


def test_one_that_left_too_late_passes_on_what_it_got() -> None:
    queue = Queue(a_full_one())
    gone = queue.join("gone")
    queue.join("next")
    queue.gate.give()
    queue.gate.abandon(gone)
    assert queue.served == ["gone", "next"]


def test_a_permit_that_was_freed_meanwhile_is_not_waited_for() -> None:
    queue = Queue(gate_of(1))
    queue.join("a")
    assert queue.served == ["a"]


def test_a_higher_limit_lets_those_in_who_wait() -> None:
    queue = Queue(a_full_one())
    for name in "abc":
        queue.join(name)
    queue.gate.resize(3)
    assert queue.served == ["a", "b"]


def test_a_lower_limit_counts_as_soon_as_enough_have_ended() -> None:
    queue = Queue(a_full_one(limit=3))
    queue.join("a")
    queue.gate.resize(1)
    queue.gate.give()
    queue.gate.give()
    assert queue.served == []
    queue.gate.give()
    assert queue.served == ["a"]


def test_a_limit_that_was_lowered_and_raised_is_what_it_was() -> None:
    gate = a_full_one(limit=3)
    gate.resize(1)
    gate.resize(3)
    gate.give()
    assert gate.take()
    assert not gate.take()


@pytest.mark.parametrize("kind", [AsyncioWaiter, TrioWaiter])
def test_one_whose_event_loop_is_no_more_is_passed_over(kind: Any) -> None:
    async def make() -> Any:
        return kind()

    run = asyncio.run(make()) if kind is AsyncioWaiter else trio.run(make)
    queue = Queue(a_full_one())
    gone = queue.gate.enqueue(run)
    queue.join("next")
    queue.gate.give()
    assert queue.served == ["next"]
    queue.gate.abandon(gone)
    assert queue.gate.state == (1, 1, 0)


def test_and_if_nobody_else_waits_the_permit_is_free() -> None:
    gate = a_full_one()
    gate.enqueue(asyncio.run(made_in_a_loop()))
    gate.give()
    assert gate.take()


async def made_in_a_loop() -> AsyncioWaiter:
    return AsyncioWaiter()


def test_what_is_collected_while_a_permit_is_handed_over_is_not_overlooked() -> None:
    """Garbage is collected at any moment, also while the gate's lock is held."""
    gate = a_full_one(limit=2)
    waiters: Any = [SimpleNamespace(wake=gate.give), SimpleNamespace(wake=int)]
    tickets: Any = [gate.enqueue(waiter) for waiter in waiters]
    gate.give()
    assert [ticket.served for ticket in tickets] == [True, True]


def test_nor_is_one_that_leaves_then() -> None:
    """As when the flow that waits is itself garbage."""
    gate = a_full_one()
    waiters: Any = [SimpleNamespace(wake=lambda: gate.abandon(tickets[1]))]
    waiters += [SimpleNamespace(wake=int)] * 2
    tickets: Any = [gate.enqueue(waiter) for waiter in waiters]
    gate.give()
    gate.give()
    assert [ticket.served for ticket in tickets] == [True, False, True]
    assert gate.state == (1, 1, 0)


def test_nor_what_is_given_back_while_one_more_is_refused() -> None:
    gate = a_full_one(queue=1)
    queue = Queue(gate)

    class Waiting(OrderedDict[Ticket, None]):
        def __len__(self) -> int:
            if not gate._free and gate._lock.locked():
                gate.give()
            return super().__len__()

    queue.join("a")
    gate._waiting = Waiting(gate._waiting)
    assert queue.join("b") is None
    assert queue.served == ["a"]


def test_threads_never_have_more_permits_than_there_are() -> None:
    gate = gate_of(3)
    inside = [0]
    seen: list[int] = []
    counting = threading.Lock()

    def count(change: int) -> None:
        with counting:
            inside[0] += change
            seen.append(inside[0])

    def work() -> None:
        for _ in range(300):
            if not gate.take():
                waiter = ThreadWaiter()
                ticket: Any = gate.enqueue(waiter)
                waiter._event.wait(10)
                assert ticket.served
            count(1)
            count(-1)
            gate.give()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert max(seen) <= 3
    assert gate.state == (3, 0, 0)


@settings(max_examples=100, stateful_step_count=50, deadline=None)
class Requests(RuleBasedStateMachine):
    """Whatever requests do, in whatever order: a list and two numbers tell the same."""

    sent = Bundle("sent")
    queued = Bundle("queued")

    def __init__(self) -> None:
        super().__init__()
        self.gate = gate_of(3, queue=4)
        self.limit = 3
        self.in_flight = 0
        self.waiting: list[Ticket] = []
        self.served: list[Ticket] = []

    def settle(self) -> None:
        while self.waiting and self.in_flight < self.limit:
            self.served.append(self.waiting.pop(0))
            self.in_flight += 1

    @rule(target=queued)
    def request(self) -> Any:
        free = self.in_flight < self.limit and not self.waiting
        assert self.gate.take() == free
        if free:
            self.in_flight += 1
            return None
        waiter: Any = SimpleNamespace(wake=lambda: None)
        ticket = self.gate.enqueue(waiter)
        if len(self.waiting) == 4:
            assert ticket is None
            return "refused"
        assert ticket is not None
        self.waiting.append(ticket)
        return ticket

    @rule(target=sent, this=consumes(queued))
    def goes_on_or_gives_up(self, this: Any) -> bool:
        if this is None:
            return True
        if this in self.waiting:
            self.waiting.remove(this)
            self.gate.abandon(this)
        return this in self.served

    @rule(this=consumes(queued))
    def is_cancelled(self, this: Any) -> None:
        if this in self.waiting:
            self.waiting.remove(this)
            self.gate.abandon(this)
        elif this != "refused":
            self.gate.give() if this is None else self.gate.abandon(this)
            self.in_flight -= 1
        self.settle()

    @rule(permit=consumes(sent))
    def ends(self, permit: bool) -> None:
        if permit:
            self.gate.give()
            self.in_flight -= 1
        self.settle()

    @rule(limit=st.integers(1, 6))
    def the_limit_changes(self, limit: int) -> None:
        self.gate.resize(limit)
        self.limit = limit
        self.settle()

    @invariant()
    def the_numbers_are_right(self) -> None:
        assert self.gate.state == (self.limit, self.in_flight, len(self.waiting))

    @invariant()
    def those_are_served_who_came_first(self) -> None:
        assert all(ticket.served for ticket in self.served)
        assert not any(ticket.served for ticket in self.waiting)


TestRequests = Requests.TestCase
