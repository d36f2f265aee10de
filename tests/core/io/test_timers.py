"""The timer of a deadline, which a wait in a queue moves while it runs."""

from __future__ import annotations

import math
import time
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from httpx_resilient._core.deadline import Deadline, PausingDeadline, set_deadline
from httpx_resilient._core.io.async_io import AsyncEffects
from httpx_resilient._core.io.sync_io import SyncEffects

pytestmark = pytest.mark.anyio

SOON = 0.05
LONG = 3 * SOON

EFFECTS = AsyncEffects()


@pytest.fixture(params=["asyncio", "trio"])
def runtime(request: pytest.FixtureRequest) -> str:
    return request.param


def pausing(seconds: float, outer: Deadline | None = None) -> PausingDeadline:
    deadline, now = PausingDeadline(), time.monotonic()
    deadline.at = deadline.own = now + seconds
    deadline.total, deadline.since, deadline.outer = seconds, now, outer
    return deadline


async def waiting(deadline: Deadline, before: float, seconds: float) -> str:
    """Do something, wait in a queue, and do something again."""
    await anyio.sleep(before)
    deadline.pause(EFFECTS)
    try:
        await anyio.sleep(seconds)
    finally:
        deadline.resume(EFFECTS)
    await anyio.sleep(before)
    return "an answer"


@pytest.mark.parametrize("before", [0.0, SOON / 10])
async def test_a_timer_does_not_fire_while_its_deadline_pauses(before: float) -> None:
    deadline = pausing(SOON)
    answer = waiting(deadline, before, LONG)
    assert await EFFECTS.within(SOON, answer, deadline) == "an answer"
    assert deadline.timer is None


async def test_a_timer_fires_when_its_deadline_goes_on() -> None:
    deadline = pausing(SOON)
    with pytest.raises(TimeoutError):
        await EFFECTS.within(SOON, waiting(deadline, SOON * 0.7, LONG), deadline)
    assert time.monotonic() >= deadline.at - 0.001
    assert deadline.at - deadline.since >= SOON + LONG


async def test_a_timer_fires_at_the_deadline_around_while_its_deadline_pauses() -> None:
    now = time.monotonic()
    outer = set_deadline(now + 2 * SOON, 2 * SOON, now, None)
    deadline = pausing(SOON, outer)
    with pytest.raises(TimeoutError):
        await EFFECTS.within(SOON, waiting(deadline, 0.0, 10), deadline)
    assert deadline.at == outer.at


async def test_a_timer_that_runs_no_more_stays_as_it_is() -> None:
    deadline = pausing(SOON)
    timers: list[Any] = []

    async def answer() -> None:
        await anyio.lowlevel.checkpoint()
        timers.append(deadline.timer)

    await EFFECTS.within(SOON, answer(), deadline)
    EFFECTS.reschedule(timers[0], SOON)
    EFFECTS.reschedule(timers[0], math.inf)


def test_a_synchronous_client_has_no_timer() -> None:
    SyncEffects().reschedule(None, SOON)
