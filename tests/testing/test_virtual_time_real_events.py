"""Virtual time beside real events: servers, threads, synchronous clients in a loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from unittest import mock

import anyio
import httpx
import pytest
from support.mocks import BUSY, EVERY_TEN_MINUTES, HEALTHY, ORIGIN
from support.server import Server, drip, reply, stall
from support.world import World, in_async

from httpx_resilient import (
    ConcurrencyLimit,
    ConcurrencyLimitingTransport,
    RateLimit,
    RateLimitingTransport,
    RetryingTransport,
)
from httpx_resilient._core.clock import Clock
from httpx_resilient.testing import virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def library() -> str:
    """The library makes no difference here."""
    return "httpx"


def once_a_minute() -> RateLimitingTransport:
    return RateLimitingTransport(HEALTHY, RateLimit(1, per=60, max_wait=1000))


def started(calls: Iterable[Callable[[], object]]) -> list[threading.Thread]:
    """Start a thread for each call."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    return threads


class TestServer:
    @pytest.mark.parametrize("patience", [0.5, 0.02])
    @in_async
    async def test_times_out_if_it_is_slower_than_the_patience(
        self, world: World, server: Server, patience: float
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

    @in_async
    async def test_is_awaited_in_real_time_without_a_timeout(
        self, world: World, server: Server
    ) -> None:
        server.play(drip(200, [b"late"], every=0.15))
        with virtual_time(patience=0.001):
            async with world.client(world.http()) as client:
                assert (await client.get(server.url, timeout=None)).text == "late"

    @in_async
    async def test_that_stalls_times_out_after_its_virtual_timeout(
        self, world: World, server: Server
    ) -> None:
        server.play(stall())
        with virtual_time() as clock:
            async with world.client(world.http()) as client:
                with pytest.raises(httpx.ReadTimeout):
                    await client.get(server.url, timeout=3600)
            assert clock.elapsed == pytest.approx(3600)

    def test_is_read_in_real_time_in_synchronous_code(self, server: Server) -> None:
        server.play(reply(503), drip(200, [b"late"], every=0.1))
        with virtual_time() as clock:
            transport = RetryingTransport(httpx.HTTPTransport(), **EVERY_TEN_MINUTES)
            with httpx.Client(transport=transport) as client:
                assert client.get(server.url).text == "late"
            assert clock.elapsed == pytest.approx(600)


@in_async
async def test_a_task_waits_in_real_time_for_a_thread_at_work(world: World) -> None:
    with virtual_time(patience=1) as clock:
        with anyio.fail_after(60):
            await anyio.to_thread.run_sync(time.sleep, 0.1)
        assert clock.elapsed < 1


@in_async
async def test_a_synchronous_client_inside_a_loop_advances_the_time_of_the_loop() -> (
    None
):
    with virtual_time() as clock:
        with httpx.Client(
            transport=RetryingTransport(BUSY, **EVERY_TEN_MINUTES)
        ) as client:
            client.get(ORIGIN)  # noqa: ASYNC212 - the blocking call is under test
        assert clock.elapsed == pytest.approx(3600)


@in_async
async def test_tasks_take_turns_at_a_rate_limit(world: World) -> None:
    with virtual_time() as clock:
        async with world.client(once_a_minute()) as client:
            await world.together(*[lambda: client.get(ORIGIN)] * 5)
        assert clock.elapsed == 240


class TestThread:
    def test_takes_its_turn_at_a_rate_limit(self) -> None:
        with virtual_time(patience=0.02) as clock:
            with httpx.Client(transport=once_a_minute()) as client:
                for thread in started([lambda: client.get(ORIGIN)] * 5):
                    thread.join()
            assert clock.elapsed == 240

    def test_that_waits_for_a_permit_is_woken_by_another_thread(self) -> None:
        answered = threading.Event()

        def handler(request: httpx.Request) -> httpx.Response:
            answered.wait(5)
            return httpx.Response(200)

        def get(timeout: float | None) -> Callable[[], object]:
            return lambda: client.get(ORIGIN, timeout=timeout)

        with virtual_time(patience=2) as clock:
            limited = ConcurrencyLimitingTransport(
                httpx.MockTransport(handler), ConcurrencyLimit(1)
            )
            with httpx.Client(transport=limited) as client:
                threads = started(map(get, (None, 60, None)))
                time.sleep(0.05)  # until one thread sends and the others wait
                answered.set()
                for thread in threads:
                    thread.join()
            assert clock.elapsed == 0

    def test_that_is_the_only_one_waits_for_a_lock_without_patience(self) -> None:
        with virtual_time(patience=30) as clock:
            with mock.patch(
                "httpx_resilient.testing._virtual_threads.active_count", return_value=1
            ):
                lock = threading.Lock()
                with lock:
                    assert not Clock.block_until(lock, 60)
            assert clock.elapsed == pytest.approx(60)
