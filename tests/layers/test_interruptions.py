"""An exception of a signal handler that strikes at any moment loses nothing."""

from __future__ import annotations

import gc
import threading
from typing import Any

import httpx
import pytest
from support.rates import asking, in_flight
from support.stepwise import (
    Interruption,
    SoftTimeLimit,
    interrupted_by_signals,
    strikes,
    unclosed_responses,
)
from support.world import LIBRARIES

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    CircuitBreaker,
    ConcurrencyLimit,
    RateLimit,
    RetryBudget,
)
from httpx_resilient._core.clock import Clock
from httpx_resilient._layers.circuit_breaker.state import HalfOpen
from httpx_resilient.testing import virtual_time

URL = "http://localhost/"
KEY = ("http", "localhost", None)

both = pytest.mark.parametrize("library", LIBRARIES)
of_each_kind = pytest.mark.parametrize("error", [Interruption, SoftTimeLimit])


class Sender:
    """Sends requests of a synchronous client through a layer."""

    def __init__(self, library: str, layer: str, state: Any, **headers: str) -> None:
        self.http, ours = LIBRARIES[library]
        self.headers = headers
        self.transport = getattr(ours, layer)(
            self.http.MockTransport(self.answer), state
        )
        self()  # the first request builds what the others need

    def answer(self, _: Any) -> Any:
        stream = self.http.ByteStream(b"answer")
        return self.http.Response(200, headers=self.headers, stream=stream)

    def __call__(self) -> None:
        request = self.http.Request("GET", URL)
        response = self.transport.handle_request(request)
        try:
            for _ in response.stream:
                pass
        finally:
            response.close()


def concurrency(limit: Any) -> tuple[int, int]:
    (state,) = limit.states().values()
    return state.in_flight, state.waiting


@both
@of_each_kind
@pytest.mark.parametrize("kind", [ConcurrencyLimit, AdaptiveConcurrencyLimit])
def test_a_request_that_is_struck_at_any_call_returns_its_permit(
    library: str, kind: Any, error: Any
) -> None:
    limit = kind(1)
    send = Sender(library, "ConcurrencyLimitingTransport", limit)
    for number in strikes(send, error=error):
        assert concurrency(limit) == (0, 0), f"struck at call {number}"
    send()


@both
def test_a_request_that_is_struck_at_any_instruction_returns_its_permit(
    library: str,
) -> None:
    """CPython handles signals at calls only, but another interpreter may not."""
    limit = ConcurrencyLimit(1)
    send = Sender(library, "ConcurrencyLimitingTransport", limit)
    for number in strikes(send, opcodes=True):
        if concurrency(limit) != (0, 0):
            gc.collect()  # an exception and its frame refer to each other
        assert concurrency(limit) == (0, 0), f"struck at instruction {number}"
    send()


@both
@of_each_kind
def test_a_request_that_is_struck_while_it_is_queued_returns_its_permit(
    library: str, error: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = ConcurrencyLimit(1)
    send = Sender(library, "ConcurrencyLimitingTransport", limit)
    semaphore = limit.semaphore(KEY)
    held: list[Any] = []

    def release_and_wait(lock: Any, seconds: float | None) -> bool:
        semaphore.release(held.pop())
        return acquire(lock, 10)

    acquire = Clock.block_until
    monkeypatch.setattr(Clock, "block_until", release_and_wait)

    def exhaust() -> None:
        held[:] = [semaphore.try_acquire()]
        assert held != [None]

    for number in strikes(send, prepare=exhaust, error=error):
        held.clear()
        assert concurrency(limit) == (0, 0), f"struck at step {number}"
    assert not held


def rate(limit: RateLimit) -> tuple[int, int]:
    """Return the requests that are counted as in flight, and those that wait."""
    (key,) = limit._rates.states()
    (public,) = limit.states().values()
    return in_flight(limit, key), public.waiting


@both
@of_each_kind
def test_a_request_that_is_struck_is_not_counted_as_in_flight(
    library: str, error: Any
) -> None:
    quota = {"x-ratelimit-remaining": "900", "x-ratelimit-reset-after": "60"}
    limit = RateLimit()
    send = Sender(library, "RateLimitingTransport", limit, **quota)
    send()
    for number in strikes(send, error=error):
        assert rate(limit) == (0, 0), f"struck at call {number}"


@both
@of_each_kind
@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-remaining": "900"}])
def test_a_request_that_is_struck_while_it_waits_for_its_turn_leaves_the_queue(
    library: str, error: Any, headers: dict[str, str]
) -> None:
    def spend() -> None:
        clock.advance(1)
        limit.take(KEY, asking(clock.now()))

    with virtual_time() as clock:
        limit = RateLimit(10)
        send = Sender(library, "RateLimitingTransport", limit, **headers)
        for number in strikes(send, prepare=spend, error=error):
            assert rate(limit) == (0, 0), f"struck at call {number}"


@both
@of_each_kind
def test_a_probe_that_is_struck_allows_another_probe(library: str, error: Any) -> None:
    breaker = CircuitBreaker()
    send = Sender(library, "CircuitBreakingTransport", breaker)

    def half_open() -> None:
        breaker.circuits.apply(KEY, lambda _: (HalfOpen(1), None))

    for number in strikes(send, prepare=half_open, error=error):
        (circuit,) = breaker.circuits.states().values()
        assert isinstance(circuit, HalfOpen), f"struck at call {number}"
        assert circuit.probes == (), f"struck at call {number}"


@both
@of_each_kind
def test_a_request_that_is_struck_while_it_waits_for_a_probe_leaves_the_queue(
    library: str, error: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker = CircuitBreaker()
    send = Sender(library, "CircuitBreakingTransport", breaker)
    probes: list[Any] = []

    def answer_and_wait(lock: Any, seconds: float | None) -> bool:
        probes.pop().give_back(Clock.now())
        return acquire(lock, 10)

    acquire = Clock.block_until
    monkeypatch.setattr(Clock, "block_until", answer_and_wait)

    def half_open() -> None:
        breaker.circuits.apply(KEY, lambda _: (HalfOpen(1), None))
        probes[:] = [breaker.enter(KEY, Clock.now())]

    for number in strikes(send, prepare=half_open, error=error):
        probes.clear()
        (circuit,) = breaker.circuits.states().values()
        assert isinstance(circuit, HalfOpen), f"struck at call {number}"
        assert circuit.probes == (), f"struck at call {number}"
        assert len(breaker.queues[KEY]) == 0, f"struck at call {number}"
    assert not probes


class Payer:
    """A request that pays for its retries."""

    withdrawn = 0.0


@of_each_kind
def test_a_withdrawal_that_is_struck_loses_no_token(error: Any) -> None:
    payer = Payer()
    account = RetryBudget(most=10).account(httpx.URL(URL))
    account.refunds.append(0.5)

    def withdraw() -> None:
        account.withdraw(0.0, 1.0, 0.0, payer)

    before = account.balance(0.0)
    for number in strikes(withdraw, error=error):
        total = account.balance(0.0) + payer.withdrawn
        assert total == before, f"struck at call {number}"
        account.refunds.append(payer.withdrawn)
        payer.withdrawn = 0.0
    assert account.balance(0.0) == before - 1


class Layers:
    """Sends requests through layers whose states are told by `whole`."""

    def __init__(self, library: str) -> None:
        quota = {"x-ratelimit-remaining": "900", "x-ratelimit-reset-after": "60"}
        self.rate, self.limit = RateLimit(), ConcurrencyLimit(2)
        self.breaker = CircuitBreaker()
        self.send = send = Sender(library, "RateLimitingTransport", self.rate, **quota)
        ours = LIBRARIES[library][1]
        limiting = ours.ConcurrencyLimitingTransport(send.transport, self.limit)
        send.transport = ours.CircuitBreakingTransport(limiting, self.breaker)
        self.account = RetryBudget(most=10).account(httpx.URL(URL))
        self.payer = Payer()
        send()

    def __call__(self) -> None:
        self.breaker.circuits.apply(KEY, lambda _: (HalfOpen(1), None))
        self.send()
        self.account.withdraw(0.0, 1.0, 0.0, self.payer)

    def settle(self) -> None:
        self.account.refunds.append(self.payer.withdrawn)
        self.payer.withdrawn = 0.0

    @property
    def whole(self) -> bool:
        (circuit,) = self.breaker.circuits.states().values()
        return (
            concurrency(self.limit) == (0, 0)
            and rate(self.rate) == (0, 0)
            and (not isinstance(circuit, HalfOpen) or circuit.probes == ())
            and self.account.balance(0.0) == 10
        )


# The interpreter only reports what a signal handler raises in a finalizer.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@both
@of_each_kind
def test_a_thousand_interruptions_by_signals_leave_everything_whole(
    library: str, error: Any
) -> None:
    layers = Layers(library)
    interrupted_by_signals(layers, 1000, error, layers.settle)
    assert layers.whole
    for _ in range(10):
        layers()
        layers.settle()
    assert layers.whole


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@both
def test_interruptions_of_one_thread_do_not_disturb_others_that_share_its_limits(
    library: str,
) -> None:
    """They wait for each other all the time."""
    quota = {"x-ratelimit-remaining": "100000", "x-ratelimit-reset-after": "60"}
    rate_limit, limit = RateLimit(5000), ConcurrencyLimit(2)
    send = Sender(library, "RateLimitingTransport", rate_limit, **quota)
    ours = LIBRARIES[library][1]
    send.transport = ours.ConcurrencyLimitingTransport(send.transport, limit)
    is_over = threading.Event()
    sent: list[int] = []

    def work() -> None:
        with unclosed_responses():
            while not is_over.is_set():
                send()
            sent.append(1)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    interrupted_by_signals(send, 300, Interruption)
    is_over.set()
    for thread in threads:
        thread.join(30)
    assert len(sent) == 4
    assert concurrency(limit) == (0, 0)
    assert rate(rate_limit) == (0, 0)
