"""The adaptive limit: its samples, its decisions, and the capacity that it finds."""

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
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_io import FakeIO, run_flow

from httpx_resilient import AdaptiveConcurrencyLimit, ConcurrencyLimitingTransport
from httpx_resilient._core.origin import origin_key
from httpx_resilient._layers.concurrency.adaptive_semaphore import AdaptiveSemaphore
from httpx_resilient._layers.concurrency.semaphore import (
    FairSemaphore,
    PermitRequest,
)
from httpx_resilient._layers.concurrency.vegas import (
    MIN_SAMPLES,
    TIMED_OUT,
    Sample,
    Vegas,
    Window,
    has_too_many_in_flight,
    is_window_over,
    update,
)

GET = httpx.Request("GET", "https://example.org/")

CALM = Vegas(limit=20, least=1, most=100, since=0.0, current=0.1, usual=0.1)


def samples(seconds: float | None, in_flight: int = 20, number: int = 40) -> list[Any]:
    return [(seconds, in_flight)] * number


def adaptive(initial: int = 20) -> AdaptiveSemaphore:
    return AdaptiveConcurrencyLimit(initial).semaphore(origin_key(GET.url))


def state_of(semaphore: AdaptiveSemaphore) -> Vegas:
    return semaphore._vegas


def samples_of(semaphore: AdaptiveSemaphore) -> list[Sample]:
    """Return the samples of the current window."""
    return semaphore._samples


def end_window(semaphore: AdaptiveSemaphore, started: float, now: float) -> None:
    """End a window, as a second thread that found it over does."""
    semaphore._end_window(started, now)


def send(limit: AdaptiveConcurrencyLimit, io: FakeIO) -> None:
    run_flow(ConcurrencyLimitingTransport(None, limit), GET, io)


class TestTheSampleOf:
    def samples(self, outcome: Any) -> list[Sample]:
        limit = AdaptiveConcurrencyLimit(20)
        with contextlib.suppress(httpx.TransportError):
            send(limit, FakeIO(outcome, takes=0.05))
        return samples_of(limit.semaphore(origin_key(GET.url)))

    @pytest.mark.parametrize("status", [101, 200, 304, 404])
    def test_an_answer_below_500_is_the_time_until_its_headers(
        self, status: int
    ) -> None:
        assert self.samples(status) == [(0.05, 1)]

    @pytest.mark.parametrize(
        "outcome",
        [429, 503, 504, httpx.ReadTimeout("late"), httpx.ConnectTimeout("late")],
        ids=repr,
    )
    def test_an_overload_or_a_timeout_is_a_drop(self, outcome: Any) -> None:
        assert self.samples(outcome) == [(None, 1)]

    @pytest.mark.parametrize(
        "outcome",
        [500, 502, httpx.ReadError("broken"), httpx.PoolTimeout("none free here")],
        ids=repr,
    )
    def test_another_failure_is_not_recorded(self, outcome: Any) -> None:
        assert self.samples(outcome) == []

    def test_a_cancelled_request_is_not_recorded(self) -> None:
        class Cancelled(FakeIO):
            async def send(self, request: Any, context: Any = None) -> Any:
                raise asyncio.CancelledError

        limit = AdaptiveConcurrencyLimit(20)
        with pytest.raises(asyncio.CancelledError):
            send(limit, Cancelled())
        semaphore = limit.semaphore(origin_key(GET.url))
        assert samples_of(semaphore) == []
        assert semaphore.state == (20, 0, 0)


class TestAWindow:
    def test_ends_once_if_two_threads_find_it_over(self) -> None:
        semaphore = adaptive()
        permits = []
        for _ in range(MIN_SAMPLES):
            permits.append(semaphore.try_acquire())
            semaphore.record(200, 0.9, 1.0)
        assert None not in permits
        state = state_of(semaphore)
        assert state.since == 1.0
        end_window(semaphore, 0.9, 1.0)
        assert state_of(semaphore).limit == state.limit

    def test_ends_with_two_samples_for_each_permit(self) -> None:
        assert not is_window_over(CALM, 0.1, 39, 0.5)
        assert is_window_over(CALM, 0.1, 40, 0.5)

    def test_ends_with_twenty_samples_under_a_low_limit(self) -> None:
        few = CALM._replace(limit=2)
        assert not is_window_over(few, 0.1, MIN_SAMPLES - 1, 0.5)
        assert is_window_over(few, 0.1, MIN_SAMPLES, 0.5)

    def test_ends_after_a_second_with_the_smaller_number_of_samples(self) -> None:
        assert is_window_over(CALM._replace(limit=100), 0.1, MIN_SAMPLES, 1.0)
        assert is_window_over(CALM._replace(limit=2), 0.1, 4, 1.0)

    def test_does_not_end_with_a_request_that_started_before_the_window(self) -> None:
        assert not is_window_over(CALM._replace(since=1.0), 0.9, 1000, 2.0)

    def test_does_not_end_within_its_first_100_ms(self) -> None:
        assert not is_window_over(CALM, 0.01, 1000, 0.09)


class TestTheLimit:
    def test_stays_after_the_first_window_which_has_no_known_beginning(self) -> None:
        state = Vegas(20, 1, 100)
        assert update(state, samples(0.1), 7.0) == state._replace(since=7.0)

    def test_grows_without_a_queue_at_the_server(self) -> None:
        assert update(CALM, samples(0.1), 1.0).limit == pytest.approx(21.3, abs=0.01)

    def test_stays_with_a_short_queue_at_the_server(self) -> None:
        """40 requests in a second take 0.115 s longer than usual: 4.6 are queued."""
        longer = CALM._replace(current=0.22)
        assert update(longer, samples(0.22), 1.0).limit == 20

    def test_shrinks_with_a_long_queue_at_the_server(self) -> None:
        longer = CALM._replace(current=0.4)
        assert update(longer, samples(0.4), 1.0).limit == 18

    def test_does_not_grow_while_less_than_half_of_it_is_used(self) -> None:
        assert update(CALM, samples(0.1, in_flight=9), 1.0).limit == 20

    def test_is_at_most_five_times_the_requests_in_flight(self) -> None:
        assert update(CALM, samples(0.1, in_flight=2), 1.0).limit == 10

    def test_is_halved_if_all_requests_are_dropped(self) -> None:
        assert update(CALM, samples(None), 1.0).limit == 10

    def test_shrinks_by_half_of_the_share_of_drops(self) -> None:
        some = samples(0.1, number=30) + samples(None, number=10)
        assert update(CALM, some, 1.0).limit == 20 * (1 - 0.25 / 2)

    def test_has_durations_that_ignore_drops(self) -> None:
        state = update(CALM, samples(None), 1.0)
        assert (state.current, state.usual, state.past) == (0.1, 0.1, ())

    def test_stays_within_its_bounds(self) -> None:
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
    def test_keeps_its_rules_after_any_sequence_of_windows(
        self, windows: list[list[Sample]]
    ) -> None:
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
    def test_shrinks_if_more_requests_in_flight_do_not_raise_the_throughput(
        self,
        throughput: Callable[[int], float],
        seconds: Callable[[int], float],
        too_many: bool,
    ) -> None:
        past = [Window(n, throughput(n), seconds(n)) for n in range(10, 20)]
        assert has_too_many_in_flight(past) == too_many
        assert not has_too_many_in_flight(past[:4])


class Simulated:
    """
    A simulated server with workers, whose clients always have one more request each.

    With more requests than workers, each request takes proportionally longer. So the
    throughput falls under overload. The simulation takes no real time.
    """

    def __init__(
        self,
        semaphore: FairSemaphore,
        *,
        workers: int,
        patience: float = math.inf,
        seed: int = 7,
    ) -> None:
        self.semaphore = semaphore
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
        """Run. Afterwards `done` counts the answers, `limits` are of the second half."""
        for _ in range(clients):
            self._arrive()
        start, end = self.now, self.now + seconds
        self.done, self.limits = 0, []
        while self._events and self._events[0][0] < end:
            self.now, _, event, *about = heapq.heappop(self._events)
            event(*about)
            if self.now > start + seconds / 2:
                self.limits.append(self.semaphore.state.limit)
        self.now = end
        return self

    @property
    def limit(self) -> float:
        return statistics.mean(self.limits)

    def _after(self, seconds: float, event: Callable[..., None], *about: Any) -> None:
        entry = (self.now + seconds, next(self._order), event, *about)
        heapq.heappush(self._events, entry)

    def _arrive(self) -> None:
        permit = self.semaphore.try_acquire()
        if permit is not None:
            self._send(permit)
            return

        def wake() -> bool:
            # Not at once, because the release of the permit has not returned yet.
            self._after(0, lambda: self._send(queued.permit))
            return True

        queued = PermitRequest(SimpleNamespace(wake=wake, is_dead=False))  # type: ignore[arg-type]  # nothing awaits it
        self.semaphore.enqueue(queued, self.now)

    def _send(self, permit: Any) -> None:
        request = {"started": self.now, "open": True, "permit": permit}
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
        # The server goes on with a request whose client has given up.
        if not request["open"]:
            return
        request["open"] = False
        self.done += not dropped
        if isinstance(self.semaphore, AdaptiveSemaphore):
            status = TIMED_OUT if dropped else 200
            self.semaphore.record(status, request["started"], self.now)
        self.semaphore.release(request["permit"])
        self._arrive()


class TestTheCapacity:
    """40 workers with 0.05 s for each request can answer 800 in a second."""

    def test_of_a_server_is_lost_without_an_adaptive_limit(self) -> None:
        """The server could answer 16,000."""
        server = Simulated(FairSemaphore("", 300, 999), workers=40)
        assert server.run(20, clients=300).done < 3000

    @pytest.mark.parametrize(
        ("workers", "initial"), [(10, 5), (10, 40), (40, 5), (40, 200), (100, 20)]
    )
    def test_of_a_server_is_found_from_any_initial_limit(
        self, workers: int, initial: int
    ) -> None:
        server = Simulated(adaptive(initial), workers=workers)
        server.run(30, clients=300).run(20)
        assert 0.6 * workers < server.limit < 1.4 * workers
        assert server.done > 0.75 * 20 * workers / 0.05

    def test_that_falls_and_rises_again_is_followed(self) -> None:
        server = Simulated(adaptive(), workers=40)
        before = server.run(30, clients=300).limit
        server.workers = 10
        assert server.run(30).limit < before / 2
        server.workers = 40
        assert server.run(30).limit > before / 2

    def test_of_a_server_that_gets_slower_is_underestimated_at_first(self) -> None:
        """Until the longer duration is the usual one."""
        server = Simulated(adaptive(), workers=40)
        before = server.run(30, clients=300).limit
        server.seconds = 0.5
        assert min(server.run(10).limits) < before / 2
        server.run(60)
        assert server.run(20).limit > before / 2

    def test_of_a_server_whose_answers_all_come_too_late_is_one(self) -> None:
        """All requests take the same time, as those of a server that keeps up."""
        server = Simulated(adaptive(), workers=40, patience=1)
        before = server.run(30, clients=300).limit
        server.seconds = 5
        assert server.run(30).limit == 1
        assert server.done < 100
        server.seconds = 0.05
        server.run(10)
        assert server.run(20).limit > before / 2

    def test_of_a_server_that_refuses_all_requests_is_one(self) -> None:
        """Refusals are as fast as the answers of a fast server."""
        semaphore = adaptive()
        now = 0.0
        for number in range(2000):
            now = number / 100
            permit = semaphore.try_acquire()
            assert permit is not None
            semaphore.record(503, now, now + 0.001)
            semaphore.release(permit)
        assert semaphore.state == (1, 0, 0)

    def test_above_the_demand_is_found_up_to_five_times_the_demand(self) -> None:
        server = Simulated(adaptive(), workers=400)
        assert server.run(30, clients=50).limit > 50
        assert max(server.limits) <= 5 * 50
