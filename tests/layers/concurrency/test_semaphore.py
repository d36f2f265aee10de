"""The fair semaphore: its permits and its queue, without IO and without a clock."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
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
from support.threads import in_threads

from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.io.sync_io import ThreadWaiter
from httpx_resilient._core.io.waiters import AsyncioWaiter, TrioWaiter
from httpx_resilient._core.state.fair_queue import SCAN_PAUSE
from httpx_resilient._layers.concurrency.semaphore import (
    FIRST_PERMITS,
    FairSemaphore,
    Permit,
    PermitRequest,
)


def semaphore_of(limit: int, queue: int = 1000) -> FairSemaphore:
    return FairSemaphore("https://example.org", limit, queue)


class Exhausted(FairSemaphore):
    """A semaphore whose permits are all in use."""

    def __init__(self, limit: int = 1, queue: int = 1000) -> None:
        super().__init__("https://example.org", limit, queue)
        self.held = [self.try_acquire() for _ in range(limit)]
        assert None not in self.held

    def release_one(self) -> None:
        permit = self.held.pop()
        assert permit is not None
        self.release(permit)


@contextmanager
def held_by_another_thread(semaphore: FairSemaphore) -> Generator[None]:
    """Let another thread serve the queue meanwhile, which looks again at the end."""
    baton = semaphore._batons.pop()
    yield
    semaphore.return_baton(baton)


def fake_waiter(wake: Callable[[], Any] = int, *, dead: bool = False) -> Any:
    """Return a waiter that calls a function when it is woken."""

    def wake_and_live() -> bool:
        wake()
        return not dead

    return SimpleNamespace(wake=wake_and_live, is_dead=dead)


def joined(semaphore: FairSemaphore, waiter: Any, now: float = 0.0) -> Any:
    """Join the queue. Return the request, or `None` if the queue is full."""
    request = PermitRequest(waiter)
    return request if semaphore.enqueue(request, now) else None


class Queue:
    """The queue of a semaphore, whose requests have names."""

    def __init__(self, semaphore: Any) -> None:
        self.semaphore = semaphore
        self.granted: list[str] = []
        self.requests: list[Any] = []
        """A permit that was granted to a request goes on if the request is lost."""

    def join(self, name: str) -> Any:
        waiter = fake_waiter(lambda: self.granted.append(name))
        request = joined(self.semaphore, waiter)
        self.requests.append(request)
        return request


def test_there_are_as_many_permits_as_the_limit_says() -> None:
    semaphore = semaphore_of(2)
    permits = [semaphore.try_acquire() for _ in range(3)]
    assert [permit is not None for permit in permits] == [True, True, False]


def test_a_released_permit_can_be_acquired_again() -> None:
    semaphore = Exhausted()
    semaphore.release_one()
    permit = semaphore.try_acquire()
    assert permit is not None
    assert semaphore.try_acquire() is None


def test_permits_are_granted_in_the_order_of_arrival() -> None:
    queue = Queue(Exhausted(limit=3))
    for name in "abc":
        queue.join(name)
    for _ in "abc":
        queue.semaphore.release_one()
    assert queue.granted == ["a", "b", "c"]


def test_a_new_request_does_not_overtake_the_queue() -> None:
    queue = Queue(Exhausted(limit=2))
    queue.join("a")
    queue.join("b")
    queue.semaphore.release_one()
    assert not queue.semaphore.try_acquire()


def test_a_new_request_does_not_overtake_while_another_thread_serves_the_queue() -> (
    None
):
    queue = Queue(Exhausted())
    queue.join("a")
    with held_by_another_thread(queue.semaphore):
        queue.semaphore.release_one()
        assert queue.semaphore.try_acquire() is None
        assert queue.granted == []
    assert queue.granted == ["a"]


def test_a_full_queue_refuses_a_request() -> None:
    queue = Queue(Exhausted(queue=1))
    assert queue.join("a") is not None
    assert queue.join("b") is None


def test_a_request_that_left_the_queue_is_granted_no_permit() -> None:
    queue = Queue(Exhausted())
    gone = queue.join("gone")
    queue.join("stays")
    queue.semaphore.leave(gone)
    queue.semaphore.release_one()
    assert queue.granted == ["stays"]


def test_a_request_that_leaves_after_its_grant_passes_the_permit_on() -> None:
    queue = Queue(Exhausted())
    gone = queue.join("gone")
    queue.join("next")
    queue.semaphore.release_one()
    queue.semaphore.leave(gone)
    assert queue.granted == ["gone", "next"]


def test_a_request_that_joins_while_a_permit_is_free_is_granted_it_at_once() -> None:
    queue = Queue(semaphore_of(1))
    queue.join("a")
    assert queue.granted == ["a"]


def test_a_higher_limit_grants_permits_to_waiting_requests() -> None:
    queue = Queue(Exhausted())
    for name in "abc":
        queue.join(name)
    queue.semaphore.resize(3)
    assert queue.granted == ["a", "b"]


def test_a_lower_limit_withdraws_surplus_permits_as_they_are_released() -> None:
    queue = Queue(Exhausted(limit=3))
    queue.join("a")
    queue.semaphore.resize(1)
    queue.semaphore.release_one()
    queue.semaphore.release_one()
    assert queue.granted == []
    queue.semaphore.release_one()
    assert queue.granted == ["a"]


def test_a_lower_limit_withdraws_free_permits_at_once() -> None:
    semaphore = semaphore_of(3)
    permits = [semaphore.try_acquire() for _ in range(3)]
    for permit in permits:
        assert permit is not None
        semaphore.release(permit)
    semaphore.resize(1)
    assert semaphore.state == (1, 0, 0)
    permits = [semaphore.try_acquire() for _ in range(2)]
    assert [permit is not None for permit in permits] == [True, False]


def test_a_limit_that_is_lowered_and_raised_again_has_its_permits_back() -> None:
    semaphore = Exhausted(limit=3)
    semaphore.resize(1)
    semaphore.resize(3)
    semaphore.release_one()
    permit = semaphore.try_acquire()
    assert permit is not None
    assert semaphore.try_acquire() is None


async def made(kind: Any) -> Any:
    return kind()


def of_an_ended_loop(kind: Any) -> Any:
    """Return a waiter whose event loop has ended."""
    run: Any = asyncio.run if kind is AsyncioWaiter else trio.run
    return asyncio.run(made(kind)) if run is asyncio.run else trio.run(made, kind)


in_both = pytest.mark.parametrize("kind", [AsyncioWaiter, TrioWaiter])


@in_both
def test_a_request_of_an_ended_event_loop_is_passed_over(kind: Any) -> None:
    queue = Queue(Exhausted())
    dead = joined(queue.semaphore, of_an_ended_loop(kind))
    queue.join("next")
    queue.semaphore.release_one()
    assert queue.granted == ["next"]
    queue.semaphore.leave(dead)
    assert queue.semaphore.state == (1, 1, 0)


@in_both
def test_a_permit_is_free_if_only_a_request_of_an_ended_event_loop_waits(
    kind: Any,
) -> None:
    semaphore = Exhausted()
    dead = joined(semaphore, of_an_ended_loop(kind))
    semaphore.release_one()
    assert semaphore.state == (1, 0, 0)
    assert dead.permit is None
    permit = semaphore.try_acquire()
    assert permit is not None


def test_a_request_of_an_ended_event_loop_does_not_fill_the_queue() -> None:
    queue = Queue(Exhausted(queue=1))
    joined(queue.semaphore, of_an_ended_loop(AsyncioWaiter))
    assert queue.join("next") is not None
    assert queue.semaphore.state == (1, 1, 1)


def test_a_full_queue_is_searched_for_the_dead_now_and_then() -> None:
    """A search of a thousand requests takes as long as ten refusals."""
    semaphore, now = Exhausted(queue=3), 100.0
    waiters = [fake_waiter() for _ in range(3)]
    for waiter in waiters:
        joined(semaphore, waiter)
    assert joined(semaphore, fake_waiter(), now) is None
    waiters[1].is_dead = True
    assert joined(semaphore, fake_waiter(), now) is None
    assert joined(semaphore, fake_waiter(), now + 4 * SCAN_PAUSE) is not None


def test_the_dead_can_be_dropped_at_any_time() -> None:
    semaphore = Exhausted()
    waiters = [fake_waiter() for _ in range(3)]
    for waiter in waiters:
        joined(semaphore, waiter)
    waiters[1].is_dead = True
    semaphore.drop_dead()
    assert semaphore.state == (1, 1, 2)


def test_a_permit_that_is_released_during_a_grant_is_granted_too() -> None:
    """A finalizer may release it while it interrupts the grant."""
    semaphore = Exhausted(limit=2)
    waiters = [fake_waiter(semaphore.release_one), fake_waiter()]
    requests = [joined(semaphore, waiter) for waiter in waiters]
    semaphore.release_one()
    assert [request.permit is not None for request in requests] == [True, True]


def test_a_request_that_leaves_during_a_grant_is_passed_over() -> None:
    """The finalizer of its flow may interrupt the grant."""
    semaphore = Exhausted()
    waiters = [fake_waiter(lambda: semaphore.leave(requests[1]))]
    waiters += [fake_waiter()] * 2
    requests = [joined(semaphore, waiter) for waiter in waiters]
    semaphore.release_one()
    semaphore.release(requests[0].permit)
    assert [request.permit is not None for request in requests] == [True, False, True]
    assert semaphore.state == (1, 1, 0)


def test_a_request_that_joins_during_a_grant_waits_for_its_turn() -> None:
    semaphore = Exhausted()
    requests: list[Any] = []

    def join() -> None:
        requests.append(joined(semaphore, fake_waiter()))

    requests.append(joined(semaphore, fake_waiter(join)))
    semaphore.release_one()
    assert semaphore.state == (1, 1, 1)
    assert [request.permit is not None for request in requests] == [True, False]
    assert semaphore.try_acquire() is None


def test_a_lost_permit_comes_back_and_is_granted() -> None:
    queue = Queue(semaphore_of(1))
    permits = [queue.semaphore.try_acquire()]
    queue.join("a")
    permits.clear()
    assert queue.granted == ["a"]


def test_a_granted_permit_comes_back_if_its_request_is_lost() -> None:
    semaphore = Exhausted()
    requests = [joined(semaphore, fake_waiter())]
    semaphore.release_one()
    assert semaphore.state == (1, 1, 0)
    requests.clear()
    assert semaphore.state == (1, 0, 0)


def test_a_lost_baton_comes_back_and_the_queue_is_served() -> None:
    queue = Queue(Exhausted())
    queue.join("a")
    batons = [queue.semaphore._batons.pop()]
    queue.semaphore.release_one()
    assert queue.granted == []
    batons.clear()
    assert queue.granted == ["a"]


def test_a_semaphore_that_is_collected_leaves_nothing_behind() -> None:
    semaphore = semaphore_of(3)
    permits = [semaphore.try_acquire() for _ in range(3)]
    assert permits[0] is not None
    semaphore.release(permits[0])
    gone = weakref.ref(semaphore)
    semaphore.itself = semaphore  # type: ignore[attr-defined]  # a reference cycle
    del semaphore
    gc.collect()
    assert gone() is None


def test_permits_are_made_when_they_are_needed() -> None:
    semaphore = semaphore_of(1000)
    permits = [semaphore.try_acquire() for _ in range(FIRST_PERMITS)]
    assert None not in permits
    assert semaphore._made == FIRST_PERMITS
    permits.append(semaphore.try_acquire())
    assert semaphore._made == 2 * FIRST_PERMITS
    assert semaphore.state == (1000, FIRST_PERMITS + 1, 0)


def test_a_permit_that_another_thread_takes_is_not_acquired() -> None:
    semaphore = semaphore_of(1)
    with held_by_another_thread(semaphore):
        assert semaphore.try_acquire() is None
    permit = semaphore.try_acquire()
    assert permit is not None


def test_a_permit_that_is_released_during_a_refusal_is_granted() -> None:
    semaphore = Exhausted(queue=1)
    queue = Queue(semaphore)
    with held_by_another_thread(semaphore):
        queue.join("a")
        semaphore.release_one()
        assert queue.join("b") is None
    assert queue.granted == ["a"]
    assert semaphore.state == (1, 1, 0)


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
            permit = semaphore.try_acquire()
            if permit is None:
                waiter = ThreadWaiter()
                request = joined(semaphore, waiter)
                run_sync(waiter.wait(10))
                permit = request.permit
                assert permit is not None
                request.permit = None
            count(1)
            count(-1)
            semaphore.release(permit)

    in_threads(work, 8)
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
        permit = self.semaphore.try_acquire()
        assert (permit is not None) == free
        if free:
            self.in_flight += 1
            return permit
        request = joined(self.semaphore, fake_waiter())
        if len(self.waiting) == 4:
            assert request is None
            return "refused"
        assert request is not None
        self.waiting.append(request)
        return request

    @rule(target=sent, this=consumes(queued))
    def goes_on_or_gives_up(self, this: Any) -> Any:
        if isinstance(this, Permit):
            return this
        if this in self.waiting:
            self.waiting.remove(this)
            self.semaphore.leave(this)
        return this.permit if this in self.granted else None

    @rule(this=consumes(queued))
    def is_cancelled(self, this: Any) -> None:
        if this in self.waiting:
            self.waiting.remove(this)
            self.semaphore.leave(this)
        elif this != "refused":
            is_permit = isinstance(this, Permit)
            self.semaphore.release(this) if is_permit else self.semaphore.leave(this)
            self.in_flight -= 1
        self.grant()

    @rule(permit=consumes(sent))
    def ends(self, permit: Any) -> None:
        if permit is not None:
            self.semaphore.release(permit)
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
        assert not any(request.permit for request in self.waiting)


TestRequests = Requests.TestCase
