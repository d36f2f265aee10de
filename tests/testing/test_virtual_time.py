"""Hours pass in milliseconds, on asyncio, on trio and in synchronous code."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import anyio
import httpx
import pytest
import tenacity
import trio
import trio.testing
from support.server import Server, drip, reply, stall
from support.world import World

from httpx_resilient import (
    CircuitBreaker,
    CircuitBreakingTransport,
    CircuitOpen,
    ConcurrencyLimit,
    ConcurrencyLimitingTransport,
    DeadlineExceeded,
    DeadlineTransport,
    HedgePolicy,
    HedgingTransport,
    RateLimit,
    RateLimitingTransport,
    RetryingTransport,
    attempts_of,
)
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.async_io import AsyncIO
from httpx_resilient.testing import no_waits, virtual_time

pytestmark = pytest.mark.anyio

ORIGIN = "https://example.org/"
BUSY = httpx.MockTransport(lambda request: httpx.Response(503))
TEN_MINUTES: dict[str, Any] = {
    "wait": tenacity.wait_fixed(600),
    "stop": tenacity.stop_after_attempt(7),
    "budget": False,
}


@pytest.fixture
def library() -> str:
    """Nothing here depends on it."""
    return "httpx"


@pytest.fixture
def anyio_backend(runtime: str) -> str:
    return "asyncio" if runtime == "sync" else runtime


@pytest.fixture
def run(runtime: str) -> Callable[[Any], Any]:
    """Runs a coroutine function where its runtime is, which for sync is nowhere."""

    def of(test: Any) -> Any:
        if runtime != "sync":
            return anyio.run(test, backend=runtime)
        try:
            test().send(None)
        except StopIteration as finished:
            return finished.value
        pytest.fail("it waited")

    return of


asynchronous = pytest.mark.parametrize("runtime", ["asyncio", "trio"], indirect=True)


def slow(seconds: float) -> httpx.MockTransport:
    async def handler(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(seconds)
        return httpx.Response(200, request=request)

    return httpx.MockTransport(handler)


def test_an_hour_of_failures_is_over_at_once_and_exactly_as_foretold(
    world: World, run: Any
) -> None:
    async def calls() -> None:
        with virtual_time() as clock:
            wall = Clock.wall_time()
            async with world.client(RetryingTransport(BUSY, **TEN_MINUTES)) as client:
                response = await client.get(ORIGIN)
            assert clock.elapsed == pytest.approx(3600, abs=1e-6)
            assert Clock.wall_time() - wall == pytest.approx(3600, abs=1e-3)
        attempts = attempts_of(response)
        assert [attempt.wait for attempt in attempts] == [600] * 6 + [0]
        assert [attempt.duration for attempt in attempts] == [0] * 7

    started = time.monotonic()
    run(calls)
    assert time.monotonic() - started < 1


def test_no_attempt_begins_that_the_deadline_would_cut(world: World, run: Any) -> None:
    async def calls() -> None:
        retrying = RetryingTransport(BUSY, **TEN_MINUTES)
        with virtual_time() as clock:
            async with world.client(DeadlineTransport(retrying, 1500)) as client:
                response = await client.get(ORIGIN)
            assert clock.elapsed == pytest.approx(1200)
        assert len(attempts_of(response)) == 3

    run(calls)


@asynchronous
async def test_a_deadline_cuts_at_its_very_second(world: World) -> None:
    with virtual_time() as clock:
        async with world.client(DeadlineTransport(slow(7200), 3600)) as client:
            with pytest.raises(DeadlineExceeded):
                await client.get(ORIGIN, timeout=None)
        assert clock.elapsed == pytest.approx(3600, abs=0.002)


def test_a_breaker_opens_half_opens_and_closes(world: World, run: Any) -> None:
    statuses = [500] * 4 + [200] * 4
    inner = httpx.MockTransport(lambda request: httpx.Response(statuses.pop(0)))

    async def calls() -> None:
        def phase() -> str:
            (circuit,) = breaker.states().values()
            return circuit.phase

        with virtual_time() as clock:
            breaker = CircuitBreaker(minimum_calls=4, open_for=60)
            transport = CircuitBreakingTransport(inner, breaker)
            async with world.client(transport) as client:
                for _ in range(4):
                    await client.get(ORIGIN)
                with pytest.raises(CircuitOpen) as refused:
                    await client.get(ORIGIN)
                assert phase() == "open"
                assert 48 <= refused.value.retry_after <= 72
                clock.advance(refused.value.retry_after)
                await client.get(ORIGIN)
                assert phase() == "half-open"
                for _ in range(3):
                    await client.get(ORIGIN)
                assert phase() == "closed"

    run(calls)


def test_one_a_minute_are_sixty_in_fifty_nine_minutes(world: World, run: Any) -> None:
    async def calls() -> None:
        inner = httpx.MockTransport(lambda request: httpx.Response(200))
        with virtual_time(patience=0.001) as clock:
            limited = RateLimitingTransport(inner, RateLimit(1, per=60))
            async with world.client(limited) as client:
                for _ in range(60):
                    await client.get(ORIGIN)
            assert clock.elapsed == pytest.approx(59 * 60)

    run(calls)


@asynchronous
async def test_a_hedge_is_sent_at_its_delay(world: World) -> None:
    sent: list[float] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        sent.append(clock.elapsed)
        await anyio.sleep(1000 if len(sent) == 1 else 5)
        return httpx.Response(200)

    with virtual_time() as clock:
        hedging = HedgingTransport(httpx.MockTransport(handler), HedgePolicy(20))
        async with world.client(hedging) as client:
            await client.get(ORIGIN, timeout=None)
        assert sent == pytest.approx([0, 20])
        assert clock.elapsed == pytest.approx(25)


@asynchronous
async def test_tasks_sleep_at_the_same_time(world: World) -> None:
    ended: list[tuple[int, float]] = []

    async def sleep(seconds: int) -> None:
        await world.sleep(seconds)
        ended.append((seconds, round(clock.elapsed, 6)))

    with virtual_time() as clock:
        await world.together(lambda: sleep(10), lambda: sleep(5))
    assert ended == [(5, 5), (10, 10)]


@asynchronous
async def test_advancing_wakes_whoever_sleeps_until_then(world: World) -> None:
    begun = anyio.Event()

    async def sleep() -> None:
        begun.set()
        await world.sleep(3600)
        assert clock.elapsed == pytest.approx(4000)

    with virtual_time() as clock:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sleep)
            await begun.wait()
            clock.advance(4000)


@pytest.mark.parametrize("patience", [0.5, 0.02])
@asynchronous
async def test_a_real_server_has_patience_and_no_more(
    world: World, server: Server, patience: float
) -> None:
    server.play(drip(200, [b"late"], every=0.15))
    with virtual_time(patience=patience) as clock:
        async with world.client(world.http()) as client:
            if patience < 0.15:
                with pytest.raises(httpx.ReadTimeout):
                    await client.get(server.url, timeout=30)
            else:
                assert (await client.get(server.url, timeout=30)).text == "late"
        assert clock.elapsed < 0.01 or patience < 0.15


@asynchronous
async def test_a_server_without_a_timeout_is_waited_for_really(
    world: World, server: Server
) -> None:
    server.play(drip(200, [b"late"], every=0.15))
    with virtual_time(patience=0.001):
        async with world.client(world.http()) as client:
            assert (await client.get(server.url, timeout=None)).text == "late"


def test_a_real_server_is_read_in_synchronous_code(server: Server) -> None:
    server.play(reply(503), drip(200, [b"late"], every=0.1))
    with virtual_time() as clock:
        transport = RetryingTransport(httpx.HTTPTransport(), **TEN_MINUTES)
        with httpx.Client(transport=transport) as client:
            assert client.get(server.url).text == "late"
        assert clock.elapsed == pytest.approx(600)


@asynchronous
async def test_a_thread_at_work_is_waited_for(world: World) -> None:
    with virtual_time(patience=1) as clock:
        with anyio.fail_after(60):
            await anyio.to_thread.run_sync(time.sleep, 0.1)
        assert clock.elapsed < 1


@asynchronous
async def test_a_synchronous_client_in_a_loop_moves_the_time_of_it() -> None:
    with virtual_time() as clock:
        with httpx.Client(transport=RetryingTransport(BUSY, **TEN_MINUTES)) as client:
            client.get(ORIGIN)  # noqa: ASYNC212 - that is what this is about
        assert clock.elapsed == pytest.approx(3600)


def test_a_thread_is_woken_by_another_one() -> None:
    answered = threading.Event()

    def handler(request: httpx.Request) -> httpx.Response:
        answered.wait(5)
        return httpx.Response(200)

    with virtual_time(patience=2) as clock:
        limited = ConcurrencyLimitingTransport(
            httpx.MockTransport(handler), ConcurrencyLimit(1)
        )
        with httpx.Client(transport=limited) as client:
            threads = [
                threading.Thread(target=client.get, args=(ORIGIN,), kwargs=options)
                for options in ({"timeout": None}, {"timeout": 60}, {"timeout": None})
            ]
            for thread in threads:
                thread.start()
            time.sleep(0.05)  # all three wait by now, or find that they need not
            answered.set()
            for thread in threads:
                thread.join()
        assert clock.elapsed == 0


def once_a_minute() -> RateLimitingTransport:
    inner = httpx.MockTransport(lambda request: httpx.Response(200))
    return RateLimitingTransport(inner, RateLimit(1, per=60, max_wait=1000))


@asynchronous
async def test_tasks_pass_a_rate_limit_in_turn(world: World) -> None:
    with virtual_time() as clock:
        async with world.client(once_a_minute()) as client:
            await world.together(*[lambda: client.get(ORIGIN)] * 5)
        assert clock.elapsed == 240


def test_threads_pass_a_rate_limit_in_turn() -> None:
    with virtual_time(patience=0.02) as clock:
        with httpx.Client(transport=once_a_minute()) as client:
            threads = [
                threading.Thread(target=client.get, args=(ORIGIN,)) for _ in range(5)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert clock.elapsed == 240


def test_alone_a_thread_waits_in_vain_for_no_time() -> None:
    with virtual_time(patience=30) as clock:
        with mock.patch(
            "httpx_resilient.testing._virtual_threads.active_count", return_value=1
        ):
            assert not Clock.block_until(threading.Event(), 60)
        assert clock.elapsed == pytest.approx(60)


def test_the_same_seed_gives_the_same_waits_with_every_strategy() -> None:
    strategies = [
        tenacity.wait_random(0, 10),
        tenacity.wait_random_exponential(multiplier=1),
        tenacity.wait_exponential_jitter(),
    ]

    def waits(wait: Any, seed: int) -> list[float]:
        options = {**TEN_MINUTES, "wait": wait}
        with virtual_time(seed=seed):
            with httpx.Client(transport=RetryingTransport(BUSY, **options)) as client:
                return [attempt.wait for attempt in attempts_of(client.get(ORIGIN))]

    for wait in strategies:
        assert waits(wait, 1) == waits(wait, 1) != waits(wait, 2)


def test_chance_goes_on_afterwards_as_if_nothing_had_been() -> None:
    before = random.getstate()
    with virtual_time(seed=3):
        random.random()
    assert random.getstate() == before
    with virtual_time(seed=None):
        assert random.getstate() == before


class TestIsRestored:
    def test_in_synchronous_code(self) -> None:
        with pytest.raises(ZeroDivisionError), virtual_time():
            raise ZeroDivisionError
        assert Clock.now is time.monotonic
        assert Clock.wall_time is time.time
        assert Clock.block is time.sleep
        assert Clock.block_until is threading.Event.wait
        assert AsyncIO.now is time.monotonic

    def leave_by_an_exception(self) -> None:
        def fail() -> None:
            clock.advance(3600)
            raise ValueError("no way back")

        with pytest.raises(ValueError, match="no way back"), virtual_time() as clock:
            fail()

    @pytest.mark.parametrize("runtime", ["asyncio"], indirect=True)
    async def test_on_asyncio(self, runtime: str) -> None:
        loop: Any = asyncio.get_running_loop()
        self.leave_by_an_exception()
        assert "time" not in vars(loop)
        assert "select" not in vars(loop._selector)
        assert loop.time() == pytest.approx(time.monotonic(), abs=1)

    @pytest.mark.parametrize("runtime", ["trio"], indirect=True)
    async def test_on_trio(self, runtime: str) -> None:
        before = trio.current_time()
        self.leave_by_an_exception()
        assert type(trio.lowlevel.current_clock()) is not trio.testing.MockClock
        assert trio.current_time() - before == pytest.approx(3600, abs=1)

    @asynchronous
    async def test_what_waits_still_waits_as_long(self, world: World) -> None:
        with anyio.move_on_after(0.2) as ended:
            with virtual_time() as clock:
                await world.sleep(0.1)
                assert clock.elapsed == pytest.approx(0.1)
            await world.sleep(0.05)
            assert not ended.cancel_called
            await world.sleep(5)
        assert ended.cancelled_caught

    def test_on_a_clock_of_somebodys_own(self) -> None:
        class Own(trio.abc.Clock):
            def start_clock(self) -> None:
                pass

            def current_time(self) -> float:
                return time.monotonic()

            def deadline_to_sleep_time(self, deadline: float) -> float:
                return deadline - self.current_time()

        own = Own()

        async def test() -> None:
            with virtual_time():
                await trio.sleep(60)
            assert trio.lowlevel.current_clock() is own

        trio.run(test, clock=own)


def test_a_mock_clock_of_the_test_is_used() -> None:
    async def test() -> None:
        with virtual_time() as clock:
            await trio.sleep(60)
            clock.advance(10)
        assert (clock.elapsed, mock_clock.current_time()) == (70, 70)

    mock_clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(test, clock=mock_clock)


class TestIsRefused:
    @pytest.mark.parametrize("inner", [virtual_time, no_waits])
    @pytest.mark.parametrize("outer", [virtual_time, no_waits])
    def test_within_another_one(self, outer: Any, inner: Any) -> None:
        with outer():
            with pytest.raises(RuntimeError, match="is on already"), inner():
                pass
        with inner():
            pass

    def test_in_another_thread(self) -> None:
        errors: list[BaseException] = []

        def enter() -> None:
            try:
                virtual_time().__enter__()
            except RuntimeError as error:
                errors.append(error)

        with virtual_time():
            thread = threading.Thread(target=enter)
            thread.start()
            thread.join()
        assert "another thread" in str(errors[0])

    def test_the_same_one_twice_at_a_time(self) -> None:
        clock = virtual_time()
        with clock, pytest.raises(RuntimeError, match="is on already"), clock:
            pass
        with clock:
            assert clock.elapsed == 0

    def test_out_of_a_block(self) -> None:
        clock = virtual_time()
        clock.__exit__()
        with pytest.raises(RuntimeError, match="inside of its `with` block"):
            clock.advance(1)

    def test_by_a_loop_that_has_no_selector(self) -> None:
        uvloop = pytest.importorskip("uvloop", reason="there is none for Windows")

        async def test() -> None:
            with pytest.raises(RuntimeError, match=r"uvloop.Loop cannot be moved"):
                virtual_time().__enter__()
            with no_waits():  # nothing is left of the one that was refused
                pass

        uvloop.run(test())

    def test_by_a_trio_that_is_made_otherwise(self) -> None:
        async def test() -> None:
            with mock.patch.dict(sys.modules, {"trio._core._run": None}):
                with pytest.raises(RuntimeError, match="cannot be exchanged"):
                    virtual_time().__enter__()

        trio.run(test)

    def test_by_a_loop_that_begins_later(self) -> None:
        async def get() -> None:
            async with httpx.AsyncClient(transport=RetryingTransport(BUSY)) as client:
                await client.get(ORIGIN)

        with virtual_time(), pytest.raises(RuntimeError, match="enter it in a corou"):
            asyncio.run(get())

    @pytest.mark.parametrize(
        ("options", "error"),
        [({"patience": -1}, ValueError), ({"patience": "1"}, TypeError)],
    )
    def test_with_no_number(self, options: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="patience"):
            virtual_time(**options)

    def test_to_go_back(self) -> None:
        with virtual_time() as clock, pytest.raises(ValueError, match="seconds"):
            clock.advance(-1)


async def test_a_stalled_server_ends_as_its_timeout_says(
    server: Server, runtime: str
) -> None:
    if runtime == "sync":  # blocking reads are real
        return
    server.play(stall())
    with virtual_time() as clock:
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport()) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(server.url, timeout=3600)
        assert clock.elapsed == pytest.approx(3600)


def test_a_seed_is_refused_where_it_is_given() -> None:
    seed: Any = "one"
    for make in virtual_time, no_waits:
        with pytest.raises(
            TypeError, match="seed is a whole number, or None; got 'one'"
        ):
            make(seed=seed)
