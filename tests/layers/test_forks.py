"""A forked child waits for no thread of its parent, and has its limits for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from support.forks import in_a_child, needs_fork
from support.rates import asking, told
from support.world import LIBRARIES

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    AdaptiveThrottle,
    CircuitBreaker,
    ConcurrencyLimit,
    RateLimit,
    RetryBudget,
)
from httpx_resilient._core import lock as locks
from httpx_resilient._core.clock import Clock
from httpx_resilient._layers.circuit_breaker.queue import ProbePlace
from httpx_resilient._layers.circuit_breaker.state import HalfOpen
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.queue import RatePlace

pytestmark = needs_fork


@pytest.fixture(params=["forked", "told"])
def answer_of(request: pytest.FixtureRequest) -> Callable[[Callable[[], Any]], str]:
    """
    Return what a function answers in a child.

    The second time it is called in this process, as if that were a child: coverage is
    not measured in children.
    """

    def told(ask: Callable[[], Any]) -> str:
        locks.in_child()
        return repr(ask())

    return in_a_child if request.param == "forked" else told


URL = "http://localhost/"
KEY = ("http", "localhost", None)

LAYERS: dict[str, Callable[[Any, Any], Any]] = {
    "budget": lambda ours, inner: ours.RetryingTransport(inner, budget=RetryBudget()),
    "deadline": lambda ours, inner: ours.DeadlineTransport(inner, 10),
    "breaker": lambda ours, inner: ours.CircuitBreakingTransport(
        inner, CircuitBreaker()
    ),
    "throttle": lambda ours, inner: ours.ThrottlingTransport(inner, AdaptiveThrottle()),
    "rate limit": lambda ours, inner: ours.RateLimitingTransport(
        inner, RateLimit(1000)
    ),
    "concurrency": lambda ours, inner: ours.ConcurrencyLimitingTransport(
        inner, ConcurrencyLimit(1)
    ),
    "adaptive": lambda ours, inner: ours.ConcurrencyLimitingTransport(
        inner, AdaptiveConcurrencyLimit(1)
    ),
    "failover": lambda ours, inner: ours.FailoverTransport(inner, [URL, "http://b"]),
}


@contextmanager
def held_by_a_thread(held: list[Any]) -> Generator[None]:
    """Let another thread hold locks meanwhile."""
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        for lock in held:
            lock.acquire()
        taken.set()
        over.wait()
        for lock in held:
            lock.release()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("is_used", [False, True], ids=["new", "used"])
def test_a_child_sends_while_a_thread_of_its_parent_holds_all_locks(
    library: str, layer: str, is_used: bool
) -> None:
    http, ours = LIBRARIES[library]
    mock = http.MockTransport(lambda request: http.Response(200))
    transport = LAYERS[layer](ours, mock)
    with http.Client(transport=transport) as client:
        if is_used:
            client.get(URL)
        with held_by_a_thread(list(locks._LOCKS)):
            assert in_a_child(lambda: client.get(URL).status_code) == "200"
        assert client.get(URL).status_code == 200


def test_a_budget_is_withdrawn_from_in_a_child() -> None:
    budget = RetryBudget(most=10)
    url = httpx.URL(URL)
    budget.refund(url, 0)
    with held_by_a_thread(list(locks._LOCKS)):
        answer = in_a_child(lambda: (budget.spend(url, Clock.now()), budget.states()))
    assert answer == "(True, {'http://localhost': 9.0})"
    assert budget.states() == {"http://localhost": 10.0}


@pytest.mark.parametrize("per_origin", [True, False])
def test_requests_of_the_parent_take_no_permit_in_a_child(
    answer_of: Any, per_origin: bool
) -> None:
    limit = ConcurrencyLimit(1, per_origin=per_origin)
    permit = limit.semaphore(KEY).try_acquire()
    # A thread that serves the queue is lost in the child, too.
    baton = limit.semaphore(KEY)._batons.pop()

    def ask() -> Any:
        mine = limit.semaphore(KEY).try_acquire()
        return mine is not None, [tuple(state) for state in limit.states().values()]

    assert answer_of(ask) == "(True, [(1, 1, 0)])"
    assert permit is not None
    assert baton is not None


def test_a_request_of_the_forking_thread_returns_its_permit_to_its_own_limit(
    answer_of: Any,
) -> None:
    """It was sent before the fork, and ends in both processes."""
    limit = ConcurrencyLimit(1)
    semaphore = limit.semaphore(KEY)
    permit: Any = semaphore.try_acquire()

    def ask() -> Any:
        semaphore.release(permit)
        mine = limit.semaphore(KEY)
        permits = [mine.try_acquire(), mine.try_acquire()]
        return [each is not None for each in permits]

    assert answer_of(ask) == "[True, False]"


def test_requests_of_the_parent_do_not_wait_and_are_not_in_flight_in_a_child(
    answer_of: Any,
) -> None:
    limit = RateLimit(max_wait=1000)
    told(limit, (KEY, 0, -1.0), ServerQuota(None, 1, 100.0), Clock.now())
    visit: Any = limit.take(KEY, asking(Clock.now()))
    place = RatePlace()
    limit.join(KEY, place)
    batons = [each._batons.pop() for each in limit._queues[KEY].values()]

    def ask() -> Any:
        (state,) = limit.states().values()
        mine = limit.take(KEY, asking(Clock.now()))
        limit.leave(KEY, place)
        told(limit, visit, None, Clock.now())
        return state.waiting, state.remaining, mine is not None

    assert answer_of(ask) == "(0, 1, True)"
    assert len(batons) == 1


def test_a_probe_of_the_parent_does_not_prevent_one_in_a_child(answer_of: Any) -> None:
    breaker = CircuitBreaker()
    now = Clock.now()
    breaker.circuits.apply(KEY, lambda _: (HalfOpen(1, (now,), bodies=(now,)), None))
    place = ProbePlace()
    breaker.queues[KEY].join(place)
    breaker.circuits.apply(("http", "other", None), lambda state: (state, None))

    def ask() -> Any:
        probe = breaker.enter(KEY, now)
        return probe == [now], len(breaker.queues), [*breaker.states()]

    assert answer_of(ask) == "(True, 0, ['http://other', 'http://localhost'])"
