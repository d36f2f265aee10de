"""A limit on concurrency that learns: what it hears, what it decides, what it finds."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import math
import random
import statistics
from collections import deque
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_io import FakeIO

from httpx_resilient import AdaptiveConcurrencyLimit, ConcurrencyLimitingTransport
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._layers.concurrency.semaphore import Gate
from httpx_resilient._layers.concurrency.vegas import (
    SAMPLES,
    TIMED_OUT,
    AdaptiveGate,
    Sample,
    Vegas,
    Window,
    are_too_many,
    is_over,
    update,
)

GET = httpx.Request("GET", "https://example.org/")

CALM = Vegas(limit=20, least=1, most=100, since=0.0, recent=0.1, usual=0.1)


def samples(seconds: float | None, in_flight: int = 20, number: int = 40) -> list[Any]:
    return [(seconds, in_flight)] * number


class TestWhatItHears:
    def heard(self, outcome: Any) -> list[Sample]:
        limit = AdaptiveConcurrencyLimit(20)
        transport = ConcurrencyLimitingTransport(None, limit)
        gate = limit.gate(GET.url)
        gate._vegas = CALM
        io = FakeIO(outcome, takes=0.05)
        with contextlib.suppress(httpx.TransportError):
            run_sync(transport._handle(GET, io))
        return gate._samples

    @pytest.mark.parametrize("status", [101, 200, 304, 404])
    def test_how_long_the_headers_took(self, status: int) -> None:
        assert self.heard(status) == [(0.05, 1)]

    @pytest.mark.parametrize(
        "outcome",
        [429, 503, 504, httpx.ReadTimeout("late"), httpx.ConnectTimeout("late")],
        ids=repr,
    )
    def test_drops(self, outcome: Any) -> None:
        assert self.heard(outcome) == [(None, 1)]

    @pytest.mark.parametrize(
        "outcome",
        [500, 502, httpx.ReadError("broken"), httpx.PoolTimeout("none free here")],
        ids=repr,
    )
    def test_nothing_else(self, outcome: Any) -> None:
        assert self.heard(outcome) == []

    def test_nothing_of_what_is_cancelled(self) -> None:
        class Cancelled(FakeIO):
            async def send(self, request: Any) -> Any:
                raise asyncio.CancelledError

        limit = AdaptiveConcurrencyLimit(20)
        transport = ConcurrencyLimitingTransport(None, limit)
        with pytest.raises(asyncio.CancelledError):
            run_sync(transport._handle(GET, Cancelled()))
        gate = limit.gate(GET.url)
        assert gate._samples == []
        assert gate.state == (20, 0, 0)

    def test_a_window_once_if_two_threads_find_it_over(self) -> None:
        gate = adaptive()
        for _ in range(SAMPLES):
            assert gate.take()
            gate.note(200, 0.9, 1.0)
        limit = gate._vegas.limit
        assert gate._vegas.since == 1.0
        gate._learn(0.9, 1.0)
        assert gate._vegas.limit == limit


class TestWhenAWindowIsOver:
    def test_with_two_requests_for_each_of_the_limit(self) -> None:
        assert not is_over(CALM, 0.1, 39, 0.5)
        assert is_over(CALM, 0.1, 40, 0.5)

    def test_with_enough_to_tell_something(self) -> None:
        few = CALM._replace(limit=2)
        assert not is_over(few, 0.1, SAMPLES - 1, 0.5)
        assert is_over(few, 0.1, SAMPLES, 0.5)

    def test_after_a_second_fewer_do(self) -> None:
        assert is_over(CALM._replace(limit=100), 0.1, SAMPLES, 1.0)
        assert is_over(CALM._replace(limit=2), 0.1, 4, 1.0)

    def test_not_with_a_request_that_started_before_it(self) -> None:
        assert not is_over(CALM._replace(since=1.0), 0.9, 1000, 2.0)

    def test_not_at_once(self) -> None:
        assert not is_over(CALM, 0.01, 1000, 0.09)


class TestWhatItDecides:
    def test_the_first_window_only_tells_when_it_ended(self) -> None:
        state = Vegas(20, 1, 100)
        assert update(state, samples(0.1), 7.0) == state._replace(since=7.0)

    def test_without_a_queue_at_the_server_it_grows(self) -> None:
        assert update(CALM, samples(0.1), 1.0).limit == pytest.approx(21.3, abs=0.01)

    def test_with_a_short_queue_it_stays(self) -> None:
        """40 in a second, each 0.115 s longer than usual: 4.6 of them wait."""
        longer = CALM._replace(recent=0.22)
        assert update(longer, samples(0.22), 1.0).limit == 20

    def test_with_a_long_queue_it_shrinks(self) -> None:
        longer = CALM._replace(recent=0.4)
        assert update(longer, samples(0.4), 1.0).limit == 18

    def test_it_does_not_grow_while_it_is_not_used(self) -> None:
        assert update(CALM, samples(0.1, in_flight=9), 1.0).limit == 20

    def test_it_is_at_most_five_times_what_is_in_flight(self) -> None:
        assert update(CALM, samples(0.1, in_flight=2), 1.0).limit == 10

    def test_if_all_are_dropped_it_is_halved(self) -> None:
        assert update(CALM, samples(None), 1.0).limit == 10

    def test_if_some_are_dropped_half_their_share_is_taken(self) -> None:
        some = samples(0.1, number=30) + samples(None, number=10)
        assert update(CALM, some, 1.0).limit == 20 * (1 - 0.25 / 2)

    def test_drops_do_not_pass_for_fast_or_slow_requests(self) -> None:
        state = update(CALM, samples(None), 1.0)
        assert (state.recent, state.usual, state.past) == (0.1, 0.1, ())

    def test_it_stays_in_its_bounds(self) -> None:
        assert update(CALM._replace(limit=100), samples(0.1, 100), 1.0).limit == 100
        assert update(CALM._replace(limit=1), samples(None, 1), 1.0).limit == 1

    @given(
        st.lists(
            st.lists(
                st.tuples(
                    st.none() | st.floats(0.001, 60),
                    st.integers(1, 200),
                ),
                min_size=1,
                max_size=30,
            ),
            max_size=30,
        )
    )
    def test_whatever_it_hears(self, windows: list[list[Sample]]) -> None:
        state = CALM
        for number, window in enumerate(windows, start=1):
            before, state = state, update(state, window, float(number))
            most = max(in_flight for _, in_flight in window)
            assert 1 <= state.limit <= min(100, 5 * most)
            grew = state.limit > before.limit
            assert not grew or all(seconds is not None for seconds, _ in window)
            assert not grew or most >= before.limit / 2
            assert len(state.past) <= 20

    @pytest.mark.parametrize(
        ("throughput", "seconds", "too_many"),
        [
            (lambda n: 10.0 * n, lambda n: 0.1, False),  # the server keeps up
            (lambda n: 100.0, lambda n: n / 100, True),  # it is full
            (lambda n: 1000.0 / n, lambda n: n * n / 1000, True),  # it breaks down
            (lambda n: 100.0, lambda n: 0.1, False),  # nothing depends on anything
        ],
    )
    def test_the_guard_sees_what_more_in_flight_are_good_for(
        self,
        throughput: Callable[[int], float],
        seconds: Callable[[int], float],
        too_many: bool,
    ) -> None:
        past = [Window(n, throughput(n), seconds(n)) for n in range(10, 20)]
        assert are_too_many(past) == too_many
        assert not are_too_many(past[:4])


class Simulated:
    """
    A server with some workers, and clients that always have one more request each.

    Above as many requests as it has workers each takes longer, in proportion: then
    less is done in all. Nothing of it takes real time.
    """

    def __init__(
        self, gate: Gate, *, workers: int, patience: float = math.inf, seed: int = 7
    ) -> None:
        self.gate = gate
        self.workers = workers
        self.seconds = 0.05
        self.patience = patience
        self.now = 0.0
        self.done = 0
        self.limits: list[int] = []
        self._chance = random.Random(seed)
        self._inside = self._busy = 0
        self._queue: deque[Any] = deque()
        self._events: list[Any] = []
        self._order = itertools.count()

    def run(self, seconds: float, *, clients: int = 0) -> Simulated:
        """Returns itself, with what was done and the limits in the second half."""
        for _ in range(clients):
            self._arrive()
        start, end = self.now, self.now + seconds
        self.done, self.limits = 0, []
        while self._events and self._events[0][0] < end:
            self.now, _, event, *about = heapq.heappop(self._events)
            event(*about)
            if self.now > start + seconds / 2:
                self.limits.append(self.gate.state.limit)
        self.now = end
        return self

    @property
    def limit(self) -> float:
        return statistics.mean(self.limits)

    def _after(self, seconds: float, event: Callable[..., None], *about: Any) -> None:
        entry = (self.now + seconds, next(self._order), event, *about)
        heapq.heappush(self._events, entry)

    def _arrive(self) -> None:
        if self.gate.take():
            self._send()
        else:
            self.gate.enqueue(self)

    def wake(self) -> None:
        # Not at once: the one who gives the permit is not done yet.
        self._after(0, self._send)

    def _send(self) -> None:
        request = {"started": self.now, "open": True}
        self._inside += 1
        self._queue.append(request)
        if self.patience < math.inf:
            self._after(self.patience, self._end, request, True)
        self._work()

    def _work(self) -> None:
        while self._queue and self._busy < self.workers:
            self._busy += 1
            strain = max(1.0, self._inside / self.workers)
            takes = self.seconds * strain * self._chance.uniform(0.5, 1.5)
            self._after(takes, self._answer, self._queue.popleft())

    def _answer(self, request: Any) -> None:
        self._busy -= 1
        self._inside -= 1
        self._end(request, False)
        self._work()

    def _end(self, request: Any, dropped: bool) -> None:
        # The server goes on with what nobody waits for any more.
        if not request["open"]:
            return
        request["open"] = False
        self.done += not dropped
        if isinstance(self.gate, AdaptiveGate):
            status = TIMED_OUT if dropped else 200
            self.gate.note(status, request["started"], self.now)
        self.gate.give()
        self._arrive()


def adaptive(initial: int = 20) -> AdaptiveGate:
    return AdaptiveConcurrencyLimit(initial).gate(GET.url)


class TestWhatItFinds:
    """40 workers with 0.05 s for each request can do 800 in a second."""

    def test_a_server_that_gets_too_much_does_less(self) -> None:
        """What all of this is for."""
        assert (
            Simulated(Gate("", 300, 999), workers=40).run(20, clients=300).done < 3000
        )

    @pytest.mark.parametrize(
        ("workers", "initial"), [(10, 5), (10, 40), (40, 5), (40, 200), (100, 20)]
    )
    def test_the_capacity(self, workers: int, initial: int) -> None:
        server = Simulated(adaptive(initial), workers=workers)
        server.run(30, clients=300).run(20)
        assert 0.6 * workers < server.limit < 1.4 * workers
        assert server.done > 0.75 * 20 * workers / 0.05

    def test_less_when_there_is_less(self) -> None:
        server = Simulated(adaptive(), workers=40)
        before = server.run(30, clients=300).limit
        server.workers = 10
        assert server.run(30).limit < before / 2
        server.workers = 40
        assert server.run(30).limit > before / 2

    def test_less_at_first_when_all_gets_slower(self) -> None:
        """Until that is the usual."""
        server = Simulated(adaptive(), workers=40)
        before = server.run(30, clients=300).limit
        server.seconds = 0.5
        assert min(server.run(10).limits) < before / 2
        server.run(60)
        assert server.run(20).limit > before / 2

    def test_next_to_nothing_while_no_answer_comes_in_time(self) -> None:
        """All take the same time then, which could pass for a server that keeps up."""
        server = Simulated(adaptive(), workers=40, patience=1)
        before = server.run(30, clients=300).limit
        server.seconds = 5
        assert server.run(30).limit == 1
        assert server.done < 100
        server.seconds = 0.05
        server.run(10)
        assert server.run(20).limit > before / 2

    def test_next_to_nothing_while_all_is_refused(self) -> None:
        """Which is fast, and could pass for a fast server."""
        gate = adaptive()
        now = 0.0
        for number in range(2000):
            now = number / 100
            assert gate.take()
            gate.note(503, now, now + 0.001)
            gate.give()
        assert gate.state == (1, 0, 0)

    def test_as_much_as_is_needed_where_there_is_enough(self) -> None:
        server = Simulated(adaptive(), workers=400)
        assert server.run(30, clients=50).limit > 50
        assert max(server.limits) <= 5 * 50
