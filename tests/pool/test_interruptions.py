"""Interruptions of the pool: a signal handler that raises at any moment loses nothing."""

from __future__ import annotations

import gc
import random
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest
from support.gates import (
    in_total,
    is_whole,
    leases_of,
    pool_of,
    pooling,
    stream,
    until,
)
from support.interruptions import Interrupter, Interruption, TimeLimit
from support.server import Server
from support.stub_connections import Pair, handled, stub_connections
from support.world import World, run

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import begin
from httpx_resilient._core.io.loops import running_loop
from httpx_resilient._core.io.sync_io import SyncEffects

pytestmark = [
    pytest.mark.anyio,
    # A response that its reader never got is lost, as it should be.
    pytest.mark.filterwarnings("ignore:a response was neither read nor closed"),
    # Python raises nothing from a finalizer, also not what interrupts it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Work = Callable[["Pair", Interrupter], Awaitable[None]]


async def on_a_new_connection(pair: Pair, interrupter: Interrupter) -> None:
    with interrupter:
        await pair.get()


async def on_a_connection_used_before(pair: Pair, interrupter: Interrupter) -> None:
    await pair.get()
    with interrupter:
        await pair.get()


async def that_fails(pair: Pair, interrupter: Interrupter) -> None:
    with pytest.raises((pair.world.library.ReadError, Interruption, TimeLimit)):
        with interrupter:
            await pair.send("fails")


async def whose_body_is_closed(pair: Pair, interrupter: Interrupter) -> None:
    response = await pair.send()
    with interrupter:
        await pair.world.close(response)


async def that_waits(pair: Pair, interrupter: Interrupter) -> None:
    """It is served from the queue when somebody else closes a response."""
    held = [await pair.send() for _ in range(2)]
    wait = Clock.block_until

    def wait_for_another_thread(lock: Any, seconds: float | None) -> bool:
        if len(held) == 2:
            closing = threading.Thread(target=held.pop().close)
            closing.start()
            closing.join()
        return wait(lock, seconds)

    async def close_later() -> None:
        await until(
            pair.world, lambda: interrupter.where or pair.transport.stats().waiting
        )
        await held.pop().aclose()

    try:
        if pair.world.sync:
            Clock.block_until = staticmethod(wait_for_another_thread)
            with interrupter:
                await pair.get()
        else:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(close_later)
                await caught(interrupter, pair.get)
    finally:
        Clock.block_until = staticmethod(wait)
        for each in held:
            await pair.world.close(each)


async def that_serves_the_queue(pair: Pair, interrupter: Interrupter) -> None:
    """Its end hands its connection to a request of somebody else, who is innocent."""
    held = [await pair.send() for _ in range(2)]
    served: list[bool] = []

    async def innocent() -> None:
        await pair.get()
        served.append(True)

    async def end() -> None:
        await until(pair.world, lambda: pair.transport.stats().waiting)
        await caught(interrupter, lambda: pair.world.close(held.pop()))

    if pair.world.sync:  # signals come to the main thread
        waiting = threading.Thread(target=run, args=[innocent], daemon=True)
        waiting.start()
        await end()
        waiting.join(5)
    else:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(innocent)
            await end()
    assert served
    for each in held:
        await pair.world.close(each)


async def caught(interrupter: Interrupter, work: Callable[[], Awaitable[Any]]) -> None:
    """Do something that may be interrupted."""
    try:
        with interrupter:
            await work()
    except (Interruption, TimeLimit):
        pass


async def while_the_pool_is_closed(pair: Pair, interrupter: Interrupter) -> None:
    response = await pair.send()
    await pair.get()
    try:
        with interrupter:
            await pair.close()
    finally:
        await pair.world.close(response)


WORKS = [
    on_a_new_connection,
    on_a_connection_used_before,
    that_fails,
    whose_body_is_closed,
    that_waits,
    that_serves_the_queue,
    while_the_pool_is_closed,
]


@pytest.fixture
def few_to_collect() -> Iterator[None]:
    """Let a collection take less than a millisecond."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


async def interrupt_everywhere(
    pair: Callable[[], Pair], work: Work, *, every: int, error: type[BaseException]
) -> int:
    """Interrupt a request at each so many instructions. Returns the interruptions."""
    after = interruptions = 0
    while True:
        interrupter = Interrupter(after, error)
        made = pair()
        try:
            await work(made, interrupter)
        except (Interruption, TimeLimit):
            interruptions += 1
        try:
            await made.is_whole()
        except BaseException as failure:
            where = f"interrupted after {after} instructions in {interrupter.where}"
            failure.add_note(where)
            raise
        if interrupter.left >= 0:
            return interruptions
        after += every


@pytest.mark.parametrize("error", [Interruption, TimeLimit])
@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__)
async def test_a_request_interrupted_anywhere_leaves_the_pool_whole(
    world: World,
    work: Work,
    error: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    few_to_collect: None,
) -> None:
    stub_connections(world, monkeypatch)
    # Every instruction once, and some of them in each of the other worlds.
    thorough = (
        world.sync and world.library.__name__ == "httpx" and error is Interruption
    )
    every = 1 if thorough else 13
    await work(Pair(world), Interrupter(10**9, error))  # imports, caches
    await interrupt_everywhere(lambda: Pair(world), work, every=every, error=error)


RANDOM = """
import random, signal, sys
import {library} as http
from {ours} import RetryingTransport

class TimeLimit(Exception): ...

def interrupt(*_):
    raise kind()

chance = random.Random(int(sys.argv[2]))
limits = http.Limits(max_connections=2)
client = http.Client(
    transport=RetryingTransport(trust_env=False, limits=limits),
    timeout=http.Timeout(5, pool=2),
)
signal.signal(signal.SIGALRM, interrupt)
client.get(sys.argv[1])
interrupted = 0
while interrupted < 300:
    kind = chance.choice([TimeLimit, KeyboardInterrupt])
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00005, 0.003))
            client.get(sys.argv[1])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except (TimeLimit, KeyboardInterrupt):
        interrupted += 1
for _ in range(10):
    assert client.get(sys.argv[1]).status_code == 200
client.close()
"""


@pytest.mark.parametrize("runtime", ["sync"])
async def test_300_random_interruptions_leave_the_pool_whole(
    world: World, server: Server
) -> None:
    """The signals of a timer also come in the midst of the library's own transport."""
    seed = str(random.randrange(10**6))
    code = RANDOM.format(library=world.library.__name__, ours=world.ours.__name__)
    ended = await anyio.run_process(
        [sys.executable, "-c", code, server.url, seed], check=False
    )
    assert ended.returncode == 0, f"seed {seed}: {ended.stderr.decode()[-2000:]}"


@pytest.mark.parametrize("wrong", [None, 5], ids=str)
async def test_a_wrong_timeout_loses_no_place(
    world: World, server: Server, wrong: Any
) -> None:
    """It is an error of the caller, which shows while all connections are taken."""
    transport = pooling(world)
    async with world.client(transport) as client:
        holding = await stream(client, server.url)
        request = world.library.Request("GET", server.url)
        request.extensions["timeout"] = wrong
        for _ in range(3):
            with pytest.raises((TypeError, AttributeError)):
                await handled(world, transport, request)
        assert in_total(transport) == {"active": 1, "opened": 1}
        await world.read(holding)
        await is_whole(world, transport, client, server)


async def test_a_request_that_is_served_after_its_thread_or_task_was_lost_gives_its_place_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing withdrew it from the queue, and nothing will ever read its answer."""
    stub_connections(world, monkeypatch)
    pair = Pair(world)
    held = [await pair.send() for _ in range(2)]
    leases = leases_of(pair.transport, world)
    leases.acquire(*abandoned(pair, leases))
    assert pair.transport.stats().waiting == 1
    for each in held:
        await world.close(each)
    await pair.get()
    assert in_total(pair.transport).keys().isdisjoint({"active", "waiting"})
    await pair.is_whole()


def abandoned(pair: Pair, leases: Any) -> tuple[Any, ...]:
    """Return the arguments of an acquisition whose lease nobody else refers to."""
    side = pool_of(pair.transport, pair.world)
    lease = side._lease_class(leases)
    effects = SyncEffects() if pair.world.sync else side._async_effects
    context = begin(pair.request("", 5), effects)
    return lease, context, effects, None if pair.world.sync else running_loop()
