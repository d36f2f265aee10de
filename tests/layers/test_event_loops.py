"""Event loops that end with requests in them: no other loop's request pays for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio
from support.dead_loops import abandon, collect, trio_complains, until
from support.rates import asking
from support.world import LIBRARIES

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    CircuitBreaker,
    ConcurrencyLimit,
    HedgePolicy,
    RateLimit,
)
from httpx_resilient._core.clock import Clock
from httpx_resilient._layers.circuit_breaker.state import HalfOpen

pytestmark = pytest.mark.parametrize(
    "runtime", ["asyncio", pytest.param("trio", marks=trio_complains)]
)

URL = "http://localhost/"
KEY = ("http", "localhost", None)


@pytest.fixture(autouse=True)
def silent() -> None:
    """Do not log the tasks that are destroyed while they wait."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


class Calls:
    """Asynchronous clients of a layer, around a server that answers on demand."""

    def __init__(self, library: str, runtime: str, layer: str, *state: Any) -> None:
        self.http, ours = LIBRARIES[library]
        self.runtime = runtime
        self.sent: list[str] = []
        self.failed = False
        inner = self.http.MockTransport(self.answer)
        self.transport = getattr(ours, layer)(inner, *state)

    async def answer(self, request: Any) -> Any:
        path = request.url.path
        self.sent.append(path)
        if path == "/fails" and len(self.sent) == 1:
            await until(lambda: len(self.sent) == 2)
            self.failed = True
            return self.http.Response(503, stream=self.http.ByteStream(b"busy"))
        if path in {"/hang", "/fails"}:
            await anyio.sleep_forever()
        return self.http.Response(200)

    def get(self, path: str = "", pool: float = 5.0) -> Callable[[], Any]:
        async def main() -> Any:
            timeout = self.http.Timeout(10, pool=pool)
            client = self.http.AsyncClient(transport=self.transport, timeout=timeout)
            return (await client.get(URL + path)).status_code

        return main

    def get_until(
        self, met: Callable[[], Any], act: Callable[[], None]
    ) -> Callable[[], Any]:
        """Send a request, and act once a condition is met meanwhile."""

        async def main() -> Any:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(act_once_met)
                return await self.get()()

        async def act_once_met() -> None:
            await until(met)
            act()

        return main

    def run(self, main: Callable[[], Any]) -> Any:
        """Run in a new event loop."""
        return asyncio.run(main()) if self.runtime == "asyncio" else trio.run(main)


both = pytest.mark.parametrize("library", LIBRARIES)
of_each_kind = pytest.mark.parametrize(
    "kind", [ConcurrencyLimit, AdaptiveConcurrencyLimit]
)


def queue_of(limit: RateLimit) -> Any:
    return limit._queues[KEY][None]


def state_of(limit: Any) -> tuple[int, int]:
    (state,) = limit.states().values()
    return state.in_flight, state.waiting


def the_permit_returns(limit: Any, kept: list[Any], calls: Calls) -> None:
    """Assert that the only permit returns when an abandoned request is collected."""
    assert state_of(limit) == (1, 0)
    collect(kept)
    assert state_of(limit) == (0, 0)
    assert calls.run(calls.get()) == 200


@both
@of_each_kind
def test_a_request_that_an_ended_loop_has_sent_returns_its_permit(
    library: str, runtime: str, kind: Any
) -> None:
    limit = kind(1)
    calls = Calls(library, runtime, "ConcurrencyLimitingTransport", limit)
    kept = abandon(runtime, (calls.get("hang"), lambda: calls.sent))
    the_permit_returns(limit, kept, calls)


@both
def test_a_request_that_an_ended_loop_has_queued_is_passed_over(
    library: str, runtime: str
) -> None:
    limit = ConcurrencyLimit(1, queue=1)
    calls = Calls(library, runtime, "ConcurrencyLimitingTransport", limit)
    permits = [limit.semaphore(KEY).try_acquire()]
    kept = abandon(runtime, (calls.get(), lambda: state_of(limit) == (1, 1)))
    assert state_of(limit) == (1, 0)

    # It joins the queue behind the dead request, and is served instead of it.
    queued = calls.get_until(lambda: state_of(limit) == (1, 1), permits.clear)
    assert calls.run(queued) == 200
    collect(kept)
    assert state_of(limit) == (0, 0)
    assert calls.sent == ["/"]


@both
def test_a_permit_that_was_granted_to_an_ended_loop_is_granted_again(
    library: str, runtime: str
) -> None:
    """The loop ended after the grant, before the request has seen it."""
    limit = ConcurrencyLimit(1)
    semaphore = limit.semaphore(KEY)
    calls = Calls(library, runtime, "ConcurrencyLimitingTransport", limit)
    permits: list[Any] = [semaphore.try_acquire()]

    def granted() -> bool:
        if semaphore.state.waiting:
            permits.clear()
        return not permits

    kept = abandon(runtime, (calls.get("hang"), granted))
    the_permit_returns(limit, kept, calls)


@both
def test_the_first_request_in_the_queue_of_a_rate_limit_is_passed_over(
    library: str, runtime: str
) -> None:
    limit = RateLimit(20, max_wait=30)
    calls = Calls(library, runtime, "RateLimitingTransport", limit)
    limit.take(KEY, asking(Clock.now()))

    def waiting() -> bool:
        return bool(limit._queues)

    kept = abandon(runtime, (calls.get(), waiting))

    async def get_three() -> Any:
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(calls.get())
            return await calls.get()()

    with pytest.MonkeyPatch.context() as patch:
        # Not even the search for the dead is needed.
        patch.setattr("httpx_resilient._core.state.fair_queue.SCAN_PAUSE", 1000)
        assert calls.run(get_three) == 200
    collect(kept)
    assert calls.sent == ["/"] * 3
    assert not limit._queues


@both
def test_a_request_behind_one_whose_loop_ends_later_looks_who_is_ahead(
    library: str, runtime: str
) -> None:
    """Nobody else comes, and no timer of the ended loop fires."""
    limit = RateLimit(20, max_wait=30)
    calls = Calls(library, runtime, "RateLimitingTransport", limit)
    limit.take(KEY, asking(Clock.now() + 0.3))
    ended = asyncio.new_event_loop()
    kept = [ended.create_task(calls.get()())]
    ended.run_until_complete(asyncio.sleep(0.01))
    assert len(queue_of(limit)) == 1

    behind = calls.get_until(lambda: len(queue_of(limit)) == 2, ended.close)
    assert calls.run(behind) == 200
    collect(kept)
    assert calls.sent == ["/"]


@both
def test_a_probe_of_an_ended_loop_allows_another_one(
    library: str, runtime: str
) -> None:
    breaker = CircuitBreaker()
    breaker.circuits.apply(KEY, lambda _: (HalfOpen(1), None))
    calls = Calls(library, runtime, "CircuitBreakingTransport", breaker)
    kept = abandon(runtime, (calls.get("hang"), lambda: calls.sent))
    collect(kept)
    (circuit,) = breaker.circuits.states().values()
    assert isinstance(circuit, HalfOpen)
    assert circuit.probes == ()
    assert calls.run(calls.get()) == 200


def waiting(breaker: CircuitBreaker) -> int:
    return sum(len(queue) for queue in breaker.queues.values())


@both
def test_a_request_of_an_ended_loop_that_waits_for_a_probe_is_passed_over(
    library: str, runtime: str
) -> None:
    breaker = CircuitBreaker()
    breaker.circuits.apply(KEY, lambda _: (HalfOpen(1), None))
    calls = Calls(library, runtime, "CircuitBreakingTransport", breaker)
    probe: Any = breaker.enter(KEY, Clock.now())
    kept = abandon(runtime, (calls.get(), lambda: waiting(breaker)))

    async def give_back_and_get() -> Any:
        async def give_back() -> None:
            while waiting(breaker) < 2:  # noqa: ASYNC110 - nobody sets an event
                await anyio.sleep(0.001)
            probe.give_back(Clock.now())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(give_back)
            return await calls.get()()

    assert calls.run(give_back_and_get) == 200
    collect(kept)
    assert calls.sent == ["/"]


@both
@pytest.mark.parametrize("path", ["hang", "fails"])
def test_a_hedged_request_of_an_ended_loop_leaves_nothing_behind(
    library: str, runtime: str, path: str
) -> None:
    """One of both may have failed already, and its response is open."""
    limit = ConcurrencyLimit(2)
    calls = Calls(library, runtime, "ConcurrencyLimitingTransport", limit)
    ours = LIBRARIES[library][1]
    calls.transport = ours.HedgingTransport(calls.transport, HedgePolicy(0.001))

    def both_are_sent() -> bool:
        return len(calls.sent) == 2 and calls.failed == (path == "fails")

    kept = abandon(runtime, (calls.get(path), both_are_sent))
    collect(kept)
    assert state_of(limit) == (0, 0)
    assert calls.run(calls.get()) == 200
    assert len(calls.sent) == 3


@both
@pytest.mark.parametrize(
    ("layer", "state"),
    [("DeadlineTransport", 60), ("FailoverTransport", [URL, "http://other"])],
)
def test_a_layer_is_used_in_one_loop_after_another(
    library: str, runtime: str, layer: str, state: Any
) -> None:
    calls = Calls(library, runtime, layer, state)
    kept = abandon(runtime, (calls.get("hang"), lambda: calls.sent))
    collect(kept)
    for _ in range(2):
        assert calls.run(calls.get()) == 200


@both
@pytest.mark.parametrize(
    ("layer", "state"),
    [
        ("ConcurrencyLimitingTransport", ConcurrencyLimit(2)),
        ("RateLimitingTransport", RateLimit(2000)),
        ("HedgingTransport", HedgePolicy(0.001)),
        ("DeadlineTransport", 60),
        ("FailoverTransport", [URL, "http://other"]),
    ],
)
def test_two_loops_in_two_threads_share_a_layer(
    library: str, runtime: str, layer: str, state: Any
) -> None:
    calls = Calls(library, runtime, layer, state)
    statuses: list[int] = []

    async def get_many() -> None:
        async def get() -> None:
            statuses.append(await calls.get()())

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(get)

    threads = [threading.Thread(target=calls.run, args=[get_many]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 40
