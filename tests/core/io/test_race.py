"""Two runners that race on a real event loop, the second one started late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from httpx_resilient._core.io.async_io import AsyncIO
from httpx_resilient._core.io.protocol import Runner, run_sync
from httpx_resilient._core.io.sync_io import SyncIO

pytestmark = pytest.mark.anyio

SOON = 0.01

on_asyncio = pytest.mark.parametrize("runtime", ["asyncio"])


@pytest.fixture(params=["asyncio", "trio"])
def runtime(request: pytest.FixtureRequest) -> str:
    return request.param


class Stop(BaseException):
    """An exception that no flow catches."""


class Race:
    """Two runners that a test ends, and a record of what they did."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.calls = 0
        self.refused = 0
        self.started = anyio.Event()
        self.events = {"first": anyio.Event(), "second": anyio.Event()}
        self.outcomes: dict[str, bool | BaseException] = {}
        self.last: Callable[[], object] = lambda: None
        """Called before the second runner ends."""

    async def run(self) -> None:
        await AsyncIO[Any, Any](None, carries=False).race(
            SOON, self.runner("first"), self.second
        )

    def second(self) -> Runner | float | None:
        self.calls += 1
        return None if self.calls <= self.refused else self.runner("second")

    async def runner(self, name: str) -> bool:
        if name == "second":
            self.started.set()
        try:
            await self.events[name].wait()
        except BaseException:  # raised again below
            with anyio.CancelScope(shield=True):
                await anyio.sleep(SOON)
            self.did.append(f"{name} was cancelled")
            raise
        self.did.append(name)
        outcome = self.outcomes[name]
        if name == "second":
            self.last()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def end(self, name: str, outcome: bool | BaseException) -> None:
        self.outcomes[name] = outcome
        self.events[name].set()


@asynccontextmanager
async def running(race: Race) -> AsyncIterator[anyio.CancelScope]:
    """Run a race in a task, and wait for its end."""

    async def run() -> None:
        with scope:
            await race.run()
        # A cancellation that was left behind would be raised here.
        await anyio.lowlevel.checkpoint()
        race.did.append("over")

    scope = anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        yield scope


async def until(met: Callable[[], object]) -> None:
    for _ in range(10_000):
        if met():
            return
        await anyio.sleep(0.001)
    pytest.fail("the condition was not met")


async def test_a_first_runner_that_ends_in_time_starts_no_second() -> None:
    race = Race()
    race.end("first", True)
    await race.run()
    await anyio.sleep(2 * SOON)
    assert (race.did, race.calls) == (["first"], 0)


async def test_a_second_runner_that_wins_cancels_the_first_and_awaits_it() -> None:
    race = Race()
    async with running(race):
        await race.started.wait()
        race.end("second", True)
    assert race.did == ["second", "first was cancelled", "over"]


async def test_a_second_runner_is_asked_for_again_when_it_says_so() -> None:
    class Later(Race):
        def second(self) -> Runner | float | None:
            asked.append(anyio.current_time())
            return 4 * SOON if len(asked) == 1 else self.runner("second")

    asked: list[float] = []
    race = Later()
    async with running(race):
        await race.started.wait()
        race.end("second", True)
    assert asked[1] - asked[0] >= 3.5 * SOON


async def test_a_first_runner_that_wins_cancels_the_second_and_awaits_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    race = Race()
    async with running(race):
        await race.started.wait()
        race.end("first", True)
    assert race.did == ["first", "second was cancelled", "over"]
    assert caplog.messages == []


@pytest.mark.parametrize("won", [True, False])
async def test_a_second_runner_that_fails_does_not_end_the_race(won: bool) -> None:
    race = Race()
    async with running(race):
        await race.started.wait()
        race.end("second", False)
        await until(lambda: race.did)
        await anyio.sleep(SOON)
        race.end("first", won)
    assert race.did == ["second", "first", "over"]


@pytest.mark.parametrize("won", [True, False])
async def test_a_first_runner_that_fails_waits_for_the_second(won: bool) -> None:
    race = Race()
    async with running(race):
        await race.started.wait()
        race.end("first", False)
        await until(lambda: race.did)
        await anyio.sleep(SOON)
        race.end("second", won)
    assert race.did == ["first", "second", "over"]


async def test_a_first_runner_that_fails_in_time_starts_no_second() -> None:
    race = Race()
    race.end("first", False)
    await race.run()
    assert (race.did, race.calls) == (["first"], 0)


async def test_a_second_runner_that_is_refused_may_start_later() -> None:
    race = Race()
    race.refused = 3
    async with running(race):
        await race.started.wait()
        race.end("second", True)
    assert race.calls == 4
    assert race.did == ["second", "first was cancelled", "over"]


@pytest.mark.parametrize("won", [True, False])
async def test_a_second_runner_that_never_starts_is_not_waited_for(won: bool) -> None:
    race = Race()
    race.refused = 10**9
    async with running(race):
        await until(lambda: race.calls)
        race.end("first", won)
    calls = race.calls
    await anyio.sleep(3 * SOON)
    assert (race.did, race.calls) == (["first", "over"], calls)


@pytest.mark.parametrize("name", ["first", "second"])
async def test_an_exception_of_one_runner_ends_both(name: str) -> None:
    race, stop = Race(), Stop()

    async def end() -> None:
        await race.started.wait()
        race.end(name, stop)

    async def run() -> None:
        with pytest.raises(Stop) as caught:
            await race.run()
        assert caught.value is stop

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end)
        tasks.start_soon(run)
    other = "second" if name == "first" else "first"
    assert race.did == [name, f"{other} was cancelled"]


async def test_a_cancellation_by_the_caller_ends_both_runners() -> None:
    race = Race()
    async with running(race) as scope:
        await race.started.wait()
        scope.cancel()
    assert sorted(race.did[:2]) == ["first was cancelled", "second was cancelled"]
    assert scope.cancelled_caught


async def test_a_cancellation_while_waiting_for_the_second_runner_ends_it() -> None:
    race = Race()
    async with running(race) as scope:
        await race.started.wait()
        race.end("first", False)
        await until(lambda: race.did)
        scope.cancel()
    assert race.did == ["first", "second was cancelled", "over"]
    assert scope.cancelled_caught


@pytest.mark.parametrize("order", ["win, cancel", "cancel, win"])
async def test_a_cancellation_by_the_caller_passes_at_any_moment_around_a_win(
    order: str,
) -> None:
    """The cancellation comes some turns of the loop before or after the win."""
    for turns in range(8):
        race = Race()
        async with running(race) as scope:
            await race.started.wait()
            first, then = lambda: race.end("second", True), scope.cancel
            if order == "cancel, win":
                first, then = then, first
            first()
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            then()
        assert race.did[-1] == "over"


# Only on asyncio.


@on_asyncio
@pytest.mark.parametrize("order", ["win, cancel", "cancel, win"])
async def test_a_task_cancelled_at_any_moment_around_a_win_ends_cancelled(
    order: str,
) -> None:
    before = asyncio.all_tasks()
    for turns in range(8):
        race = Race()
        task = asyncio.create_task(race.run())
        await race.started.wait()
        calls = [lambda race=race: race.end("second", True), task.cancel]
        if order == "cancel, win":
            calls.reverse()
        calls[0]()
        for _ in range(turns):
            await asyncio.sleep(0)
        was_over = task.done()
        calls[1]()
        await asyncio.wait({task})
        assert task.cancelled() or was_over or order == "win, cancel"
        assert asyncio.all_tasks() == before


@on_asyncio
@pytest.mark.parametrize("order", ["win, cancel", "cancel, win"])
async def test_a_task_cancelled_in_the_same_turn_as_a_win_ends_cancelled(
    order: str,
) -> None:
    """The cancellation passes, whichever of them interrupts first."""
    race, loop = Race(), asyncio.get_running_loop()
    task = asyncio.create_task(race.run())
    await race.started.wait()
    # The loop runs `call_soon` before the callbacks of a task that ends now.
    race.last = lambda: loop.call_soon(task.cancel)
    if order == "win, cancel":
        race.last = lambda: loop.call_soon(loop.call_soon, task.cancel)
    race.end("second", True)
    await asyncio.wait({task})
    assert task.cancelled()


@on_asyncio
async def test_a_task_cancelled_twice_still_waits_for_both_runners() -> None:
    race = Race()
    task = asyncio.create_task(race.run())
    await race.started.wait()
    task.cancel()
    await until(lambda: "first was cancelled" in race.did)
    task.cancel()
    await asyncio.wait({task})
    assert race.did == ["first was cancelled", "second was cancelled"]
    assert task.cancelled()


@on_asyncio
async def test_a_win_does_not_interrupt_the_cleanup_of_the_first_runner() -> None:
    race = Race()
    task = asyncio.create_task(race.run())
    await race.started.wait()
    task.cancel()
    await anyio.lowlevel.checkpoint()
    race.end("second", True)
    await asyncio.wait({task})
    assert race.did == ["second", "first was cancelled"]
    assert task.cancelled()


@on_asyncio
async def test_a_second_runner_cancelled_from_outside_does_not_end_the_race() -> None:
    race, before = Race(), asyncio.all_tasks()
    task = asyncio.create_task(race.run())
    await race.started.wait()
    (rival,) = asyncio.all_tasks() - before - {task}
    rival.cancel()
    await asyncio.wait({rival})
    race.end("first", True)
    await task
    assert race.did == ["second was cancelled", "first"]


@on_asyncio
async def test_a_race_leaves_no_cancellation_request_on_its_task() -> None:
    race = Race()

    async def run() -> int:
        await race.run()
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    task = asyncio.create_task(run())
    await race.started.wait()
    race.end("second", True)
    assert await task == 0


@pytest.mark.parametrize("runtime", ["trio"])
async def test_if_both_runners_raise_an_exception_group_has_both() -> None:
    race, stop = Race(), Stop()

    async def raising() -> bool:
        try:
            await anyio.sleep_forever()
        finally:
            raise stop
        return True

    race.end("second", Stop())
    with pytest.raises(BaseExceptionGroup) as caught:
        await AsyncIO[Any, Any](None, carries=False).race(SOON, raising(), race.second)
    assert len(caught.value.exceptions) == 2


# The first step of an awaitable.


class Refused(Exception):
    pass


async def test_begin_returns_the_value_of_an_awaitable_that_ends_at_once() -> None:
    async def answer() -> int:
        return 7

    value, rest = AsyncIO[Any, Any](None, carries=False).begin(answer())
    if rest is not None:
        value = await rest
    assert value == 7


@pytest.mark.parametrize("ends", ["returns", "goes on", "raises"])
async def test_the_rest_of_a_begun_awaitable_is_cancelled_as_if_it_was_awaited(
    ends: str,
) -> None:
    async def answer() -> str:
        try:
            await anyio.sleep_forever()
        except BaseException:
            if ends == "raises":
                raise Refused from None
            if ends == "goes on":
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(SOON)
        return ends

    _, rest = AsyncIO[Any, Any](None, carries=False).begin(answer())
    assert rest is not None
    with anyio.move_on_after(SOON):
        try:
            assert await rest == ends
        except Refused:
            assert ends == "raises"


def test_a_synchronous_client_runs_only_the_first_runner() -> None:
    async def first() -> bool:
        ran.append("first")
        return True

    ran: list[str] = []
    io = SyncIO[Any, Any](None)
    value, rest = io.begin(first())
    assert value is None
    run_sync(rest)
    run_sync(io.race(0, first(), lambda: None))
    assert ran == ["first", "first"]
