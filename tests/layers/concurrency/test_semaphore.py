"""The fair semaphore: its permits and its queue, without IO and without a clock."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
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

from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.io.sync_io import ThreadWaiter
from httpx_resilient._core.io.waiters import AsyncioWaiter, TrioWaiter
from httpx_resilient._layers.concurrency.semaphore import (
    FairSemaphore,
    PermitRequest,
)


def semaphore_of(limit: int, queue: int = 1000) -> FairSemaphore:
    return FairSemaphore("https://example.org", limit, queue)


def exhausted(limit: int = 1, queue: int = 1000) -> FairSemaphore:
    """Return a semaphore whose permits are all in use."""
    semaphore = semaphore_of(limit, queue)
    while semaphore.try_acquire():
        pass
    return semaphore


def release_while_locked(semaphore: FairSemaphore) -> bool:
    """Release a permit while another thread has the lock; return if it can be taken."""
    with semaphore._lock:
        semaphore.release()
        return semaphore.try_acquire()


def finish_release(semaphore: FairSemaphore) -> None:
    """Run the part of a release that follows once the lock is free."""
    semaphore._wake()


def release_during_a_refusal(semaphore: FairSemaphore) -> None:
    """Release a permit while `enqueue` has the lock and checks if the queue is full."""

    class Waiting(OrderedDict[PermitRequest, None]):
        def __len__(self) -> int:
            if not semaphore._free and semaphore._lock.locked():
                semaphore.release()
            return super().__len__()

    semaphore._waiting = Waiting(semaphore._waiting)


def fake_waiter(wake: Callable[[], Any] = int) -> Any:
    """Return a waiter that is alive and calls a function when it is woken."""

    def wake_and_live() -> bool:
        wake()
        return True

    return SimpleNamespace(wake=wake_and_live, is_dead=False)


class Queue:
    """The queue of a semaphore, whose requests have names."""

    def __init__(self, semaphore: FairSemaphore) -> None:
        self.semaphore = semaphore
        self.granted: list[str] = []

    def join(self, name: str) -> Any:
        return self.semaphore.enqueue(fake_waiter(lambda: self.granted.append(name)))


def test_there_are_as_many_permits_as_the_limit_says() -> None:
    semaphore = semaphore_of(2)
    assert [semaphore.try_acquire() for _ in range(3)] == [True, True, False]


def test_a_released_permit_can_be_acquired_again() -> None:
    semaphore = exhausted()
    semaphore.release()
    assert semaphore.try_acquire()
    assert not semaphore.try_acquire()


def test_permits_are_granted_in_the_order_of_arrival() -> None:
    queue = Queue(exhausted())
    for name in "abc":
        queue.join(name)
    for _ in "abc":
        queue.semaphore.release()
    assert queue.granted == ["a", "b", "c"]


def test_a_new_request_does_not_overtake_the_queue() -> None:
    queue = Queue(exhausted(limit=2))
    queue.join("a")
    queue.join("b")
    queue.semaphore.release()
    assert not queue.semaphore.try_acquire()


def test_a_new_request_does_not_overtake_while_another_thread_has_the_lock() -> None:
    queue = Queue(exhausted())
    queue.join("a")
    assert not release_while_locked(queue.semaphore)
    finish_release(queue.semaphore)
    assert queue.granted == ["a"]


def test_a_full_queue_refuses_a_request() -> None:
    queue = Queue(exhausted(queue=1))
    assert queue.join("a") is not None
    assert queue.join("b") is None


def test_a_request_that_left_the_queue_is_granted_no_permit() -> None:
    queue = Queue(exhausted())
    gone = queue.join("gone")
    queue.join("stays")
    queue.semaphore.abandon(gone)
    queue.semaphore.release()
    assert queue.granted == ["stays"]


def test_a_request_that_leaves_after_its_grant_passes_the_permit_on() -> None:
    queue = Queue(exhausted())
    gone = queue.join("gone")
    queue.join("next")
    queue.semaphore.release()
    queue.semaphore.abandon(gone)
    assert queue.granted == ["gone", "next"]


def test_a_request_that_joins_while_a_permit_is_free_is_granted_it_at_once() -> None:
    queue = Queue(semaphore_of(1))
    queue.join("a")
    assert queue.granted == ["a"]


def test_a_higher_limit_grants_permits_to_waiting_requests() -> None:
    queue = Queue(exhausted())
    for name in "abc":
        queue.join(name)
    queue.semaphore.resize(3)
    assert queue.granted == ["a", "b"]


def test_a_lower_limit_destroys_surplus_permits_as_they_are_released() -> None:
    queue = Queue(exhausted(limit=3))
    queue.join("a")
    queue.semaphore.resize(1)
    queue.semaphore.release()
    queue.semaphore.release()
    assert queue.granted == []
    queue.semaphore.release()
    assert queue.granted == ["a"]


def test_a_limit_that_is_lowered_and_raised_again_has_its_permits_back() -> None:
    semaphore = exhausted(limit=3)
    semaphore.resize(1)
    semaphore.resize(3)
    semaphore.release()
    assert semaphore.try_acquire()
    assert not semaphore.try_acquire()


@pytest.mark.parametrize("kind", [AsyncioWaiter, TrioWaiter])
def test_a_waiter_of_a_closed_event_loop_is_skipped(kind: Any) -> None:
    async def make() -> Any:
        return kind()

    run = asyncio.run(make()) if kind is AsyncioWaiter else trio.run(make)
    queue = Queue(exhausted())
    gone = queue.semaphore.enqueue(run)
    queue.join("next")
    queue.semaphore.release()
    assert queue.granted == ["next"]
    queue.semaphore.abandon(gone)
    assert queue.semaphore.state == (1, 1, 0)


def test_a_permit_is_free_if_the_only_waiter_belongs_to_a_closed_event_loop() -> None:
    semaphore = exhausted()
    semaphore.enqueue(asyncio.run(made_in_a_loop()))
    semaphore.release()
    assert semaphore.try_acquire()


async def made_in_a_loop() -> AsyncioWaiter:
    return AsyncioWaiter()


def test_a_permit_that_is_released_during_a_grant_is_granted_too() -> None:
    """A finalizer may release it while the lock is held."""
    semaphore = exhausted(limit=2)
    waiters = [fake_waiter(semaphore.release), fake_waiter()]
    requests: Any = [semaphore.enqueue(waiter) for waiter in waiters]
    semaphore.release()
    assert [request.is_granted for request in requests] == [True, True]


def test_a_request_that_leaves_during_a_grant_is_skipped() -> None:
    """The finalizer of its flow may run while the lock is held."""
    semaphore = exhausted()
    waiters = [fake_waiter(lambda: semaphore.abandon(requests[1]))]
    waiters += [fake_waiter()] * 2
    requests: Any = [semaphore.enqueue(waiter) for waiter in waiters]
    semaphore.release()
    semaphore.release()
    assert [request.is_granted for request in requests] == [True, False, True]
    assert semaphore.state == (1, 1, 0)


def test_a_permit_that_is_released_during_a_refusal_is_granted() -> None:
    queue = Queue(exhausted(queue=1))
    queue.join("a")
    release_during_a_refusal(queue.semaphore)
    assert queue.join("b") is None
    assert queue.granted == ["a"]


def test_threads_never_hold_more_permits_than_the_limit() -> None:
    semaphore = semaphore_of(3)
    inside = [0]
    seen: list[int] = []
    counting = threading.Lock()

    def count(change: int) -> None:
        with counting:
            inside[0] += change
            seen.append(inside[0])

    def work() -> None:
        for _ in range(300):
            if not semaphore.try_acquire():
                waiter = ThreadWaiter()
                request: Any = semaphore.enqueue(waiter)
                run_sync(waiter.wait(10))
                assert request.is_granted
            count(1)
            count(-1)
            semaphore.release()

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
    assert semaphore.state == (3, 0, 0)


@settings(max_examples=100, stateful_step_count=50, deadline=None)
class Requests(RuleBasedStateMachine):
    """Requests in any order. The model is a list and two numbers."""

    sent = Bundle("sent")
    queued = Bundle("queued")

    def __init__(self) -> None:
        super().__init__()
        self.semaphore = semaphore_of(3, queue=4)
        self.limit = 3
        self.in_flight = 0
        self.waiting: list[PermitRequest] = []
        self.granted: list[PermitRequest] = []

    def grant(self) -> None:
        while self.waiting and self.in_flight < self.limit:
            self.granted.append(self.waiting.pop(0))
            self.in_flight += 1

    @rule(target=queued)
    def request(self) -> Any:
        free = self.in_flight < self.limit and not self.waiting
        assert self.semaphore.try_acquire() == free
        if free:
            self.in_flight += 1
            return None
        request = self.semaphore.enqueue(fake_waiter())
        if len(self.waiting) == 4:
            assert request is None
            return "refused"
        assert request is not None
        self.waiting.append(request)
        return request

    @rule(target=sent, this=consumes(queued))
    def goes_on_or_gives_up(self, this: Any) -> bool:
        if this is None:
            return True
        if this in self.waiting:
            self.waiting.remove(this)
            self.semaphore.abandon(this)
        return this in self.granted

    @rule(this=consumes(queued))
    def is_cancelled(self, this: Any) -> None:
        if this in self.waiting:
            self.waiting.remove(this)
            self.semaphore.abandon(this)
        elif this != "refused":
            self.semaphore.release() if this is None else self.semaphore.abandon(this)
            self.in_flight -= 1
        self.grant()

    @rule(permit=consumes(sent))
    def ends(self, permit: bool) -> None:
        if permit:
            self.semaphore.release()
            self.in_flight -= 1
        self.grant()

    @rule(limit=st.integers(1, 6))
    def the_limit_changes(self, limit: int) -> None:
        self.semaphore.resize(limit)
        self.limit = limit
        self.grant()

    @invariant()
    def the_state_is_that_of_the_model(self) -> None:
        assert self.semaphore.state == (self.limit, self.in_flight, len(self.waiting))

    @invariant()
    def permits_are_granted_in_the_order_of_arrival(self) -> None:
        assert all(request.is_granted for request in self.granted)
        assert not any(request.is_granted for request in self.waiting)


TestRequests = Requests.TestCase
