"""The block of `virtual_time`: entering it, its seed, and leaving it."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from typing import Any
from unittest import mock

import anyio
import httpx
import pytest
import tenacity
import trio
import trio.testing
from support.mocks import BUSY, ORIGIN
from support.world import World, in_async

from httpx_resilient import RetryingTransport, attempts_of
from httpx_resilient._core.clock import Clock, acquire_within, sleep
from httpx_resilient._core.io.async_io import AsyncEffects
from httpx_resilient.testing import no_waits, virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def library() -> str:
    """The library makes no difference here."""
    return "httpx"


def advance_and_raise() -> None:
    """Leave a block by an exception, an hour later on its clock."""

    def fail() -> None:
        clock.advance(3600)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), virtual_time() as clock:
        fail()


class TestLeavingByAnException:
    def test_restores_the_clock_of_the_library(self) -> None:
        advance_and_raise()
        assert Clock.now is time.monotonic
        assert Clock.wall_time is time.time
        assert Clock.block is sleep
        assert Clock.block_until is acquire_within
        assert AsyncEffects.now is time.monotonic

    @pytest.mark.parametrize("runtime", ["asyncio"])
    async def test_restores_the_clock_and_the_selector_of_asyncio(self) -> None:
        loop: Any = asyncio.get_running_loop()
        advance_and_raise()
        assert "time" not in vars(loop)
        assert "select" not in vars(loop._selector)
        assert loop.time() == pytest.approx(time.monotonic(), abs=1)

    @pytest.mark.parametrize("runtime", ["trio"])
    async def test_restores_a_real_clock_on_trio_that_keeps_the_virtual_time(
        self,
    ) -> None:
        before = trio.current_time()
        advance_and_raise()
        assert type(trio.lowlevel.current_clock()) is not trio.testing.MockClock
        assert trio.current_time() - before == pytest.approx(3600, abs=1)


class TestLeaving:
    @in_async
    async def test_lets_pending_timers_wait_as_long_in_real_time(
        self, world: World
    ) -> None:
        with anyio.move_on_after(0.2) as ended:
            with virtual_time() as clock:
                await world.sleep(0.1)
                assert clock.elapsed == pytest.approx(0.1)
            await world.sleep(0.05)
            assert not ended.cancel_called
            await world.sleep(5)
        assert ended.cancelled_caught

    def test_restores_a_custom_clock_of_a_trio_run(self) -> None:
        class CustomClock(trio.abc.Clock):
            def start_clock(self) -> None:
                pass

            def current_time(self) -> float:
                return time.monotonic()

            def deadline_to_sleep_time(self, deadline: float) -> float:
                return deadline - self.current_time()

        custom = CustomClock()

        async def test() -> None:
            with virtual_time():
                await trio.sleep(60)
            assert trio.lowlevel.current_clock() is custom

        trio.run(test, clock=custom)

    def test_allows_to_enter_the_same_clock_again_from_zero(self) -> None:
        clock = virtual_time()
        with clock:
            clock.advance(1)
        with clock:
            assert clock.elapsed == 0


class TestEnteringIsRefused:
    @pytest.mark.parametrize("inner", [virtual_time, no_waits])
    @pytest.mark.parametrize("outer", [virtual_time, no_waits])
    def test_inside_another_block_but_not_after_it(
        self, outer: Any, inner: Any
    ) -> None:
        with outer():
            with pytest.raises(RuntimeError, match="is already active"), inner():
                pass
        with inner():
            pass

    def test_inside_its_own_block(self) -> None:
        clock = virtual_time()
        with clock, pytest.raises(RuntimeError, match="is already active"), clock:
            pass
        with clock:
            assert clock.elapsed == 0

    def test_while_another_thread_is_inside_a_block(self) -> None:
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

    def test_on_a_loop_without_a_selector_and_leaves_nothing_behind(self) -> None:
        uvloop = pytest.importorskip("uvloop", reason="uvloop does not support Windows")

        async def test() -> None:
            with pytest.raises(RuntimeError, match=r"cannot move .* uvloop.Loop"):
                virtual_time().__enter__()
            with no_waits():
                pass

        uvloop.run(test())

    def test_on_a_version_of_trio_with_other_internals(self) -> None:
        async def test() -> None:
            with mock.patch.dict(sys.modules, {"trio._core._run": None}):
                with pytest.raises(RuntimeError, match="cannot exchange the clock"):
                    virtual_time().__enter__()

        trio.run(test)


def test_advancing_is_refused_outside_the_block() -> None:
    clock = virtual_time()
    clock.__exit__()
    with pytest.raises(RuntimeError, match="inside its `with` block"):
        clock.advance(1)


def test_an_event_loop_that_starts_inside_the_block_is_refused() -> None:
    async def get() -> None:
        async with httpx.AsyncClient(transport=RetryingTransport(BUSY)) as client:
            await client.get(ORIGIN)

    with virtual_time(), pytest.raises(RuntimeError, match="enter it in a coroutine"):
        asyncio.run(get())


class TestSeed:
    @pytest.mark.parametrize(
        "wait",
        [
            tenacity.wait_random(0, 10),
            tenacity.wait_random_exponential(multiplier=1),
            tenacity.wait_exponential_jitter(),
        ],
    )
    def test_decides_the_waits_of_every_strategy(self, wait: Any) -> None:
        def waits(seed: int) -> list[float]:
            retrying = RetryingTransport(
                BUSY, wait=wait, stop=tenacity.stop_after_attempt(7), budget=False
            )
            with virtual_time(seed=seed), httpx.Client(transport=retrying) as client:
                return [attempt.wait for attempt in attempts_of(client.get(ORIGIN))]

        assert waits(1) == waits(1) != waits(2)

    def test_leaves_no_trace_in_the_random_module_after_the_block(self) -> None:
        before = random.getstate()
        with virtual_time(seed=3):
            random.random()
        assert random.getstate() == before

    def test_of_none_leaves_the_random_module_alone(self) -> None:
        before = random.getstate()
        with virtual_time(seed=None):
            assert random.getstate() == before
