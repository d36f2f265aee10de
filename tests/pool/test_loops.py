"""Event loops: a connection belongs to one, and a client may be used in several."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
import trustme
from support.gates import (
    Gate,
    burst,
    eventually,
    in_total,
    pool_of,
    pooling,
    state_of,
    until,
)
from support.server import Connection, Server, reply
from support.tls_server import TLSServer, trusting
from support.world import LIBRARIES, World

LOOPS = ["asyncio", "trio"]


@pytest.fixture
def world(library: str) -> World:
    return World(*LIBRARIES[library], sync=False)


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    errors = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert not errors


@pytest.fixture(params=["http", "https"])
def site(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Any]]:
    """A server, and what its clients verify it with."""
    if request.param == "http":
        with Server() as server:
            yield server, True
    else:
        authority = trustme.CA()
        with TLSServer(authority) as server:
            yield server, trusting(authority)


def run(backend: str, call: Callable[..., Any], *args: Any) -> Any:
    """Run in an event loop of its own, as a program or a test does."""
    return anyio.run(functools.partial(call, *args), backend=backend)


@pytest.mark.parametrize("backends", [LOOPS[:1] * 4, LOOPS[1:] * 4, LOOPS * 2], ids=str)
def test_a_client_is_used_in_one_event_loop_after_the_other(
    world: World, site: tuple[Server, Any], backends: list[str]
) -> None:
    server, verify = site
    transport = world.transport(verify=verify)
    client = world.client(transport)

    async def use(number: int) -> None:
        for method in ("GET", "POST"):
            response = await client.request(method, f"{server.url}{number}")
            assert response.status_code == 200

    for number, backend in enumerate(backends):
        run(backend, use, number)
        eventually(lambda: not server.open_connections)  # the loop has closed its own
    run("asyncio", client.aclose)
    sent = [(each.method, each.target) for each in server.received]
    assert sent == [
        (method, f"/{number}") for number in range(4) for method in ("GET", "POST")
    ]
    assert server.connections == 4


def test_a_client_is_used_in_loops_that_are_run_step_by_step(
    world: World, site: tuple[Server, Any]
) -> None:
    """As the plugins of pytest do: a loop for each test, closed after it."""
    server, verify = site
    client = world.client(world.transport(verify=verify))
    for _ in range(3):
        with asyncio.Runner() as runner:
            for method in ("GET", "POST"):
                assert runner.run(client.request(method, server.url)).status_code == 200
    asyncio.run(client.aclose())
    assert server.requests == 6
    assert server.connections == 3
    eventually(lambda: not server.open_connections)


@pytest.mark.filterwarnings(
    "ignore:unclosed", "ignore::pytest.PytestUnraisableExceptionWarning"
)
class TestALoopThatIsClosedInTheMidst:
    """A notebook, or a test that was interrupted: its tasks are never cancelled."""

    @pytest.fixture(autouse=True)
    def what_such_a_loop_leaves_is_collected_here(self) -> Iterator[None]:
        yield
        gc.collect()

    def leave(self, client: Any, server: Server, requests: int) -> list[Any]:
        """Close a loop while requests are under way. Returns their tasks."""
        before, loop = server.requests, asyncio.new_event_loop()
        tasks = [loop.create_task(client.get(server.url)) for _ in range(requests)]
        loop.run_until_complete(asyncio.sleep(0.05))
        assert server.requests == before + 1
        loop.close()
        return tasks

    @pytest.mark.parametrize("backend", LOOPS)
    def test_the_requests_of_the_next_loop_are_served(
        self, world: World, server: Server, backend: str
    ) -> None:
        gate = Gate()
        server.play(gate)
        transport = pooling(world)
        client = world.client(transport)
        tasks = self.leave(client, server, 4)
        assert in_total(transport) == {"active": 1, "waiting": 3}
        gate.let(10)

        async def use() -> None:
            with anyio.fail_after(5):
                for _ in range(3):
                    assert (await client.get(server.url)).status_code == 200
            assert in_total(transport) == {"idle": 1, "opened": 1, "reused": 2}
            await client.aclose()

        run(backend, use)
        assert server.requests == 4
        assert len(tasks) == 4
        silence(tasks)

    def test_its_connection_in_use_ends_at_the_server(
        self, world: World, server: Server
    ) -> None:
        gate = Gate()
        server.play(reply(), gate)
        transport = pooling(world)
        client = world.client(transport)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(client.get(server.url))
        task = loop.create_task(client.get(server.url))
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()
        gate.let(10)
        asyncio.run(get_and_close(client, server.url))
        eventually(lambda: not server.open_connections)
        silence([task])

    def test_an_innocent_loop_that_frees_a_connection_for_it_pays_nothing(
        self, world: World, server: Server
    ) -> None:
        gate = Gate()
        server.play(gate)
        transport = pooling(world)
        client = world.client(transport)
        answers: list[int] = []

        async def innocent() -> None:
            answers.extend(
                [(await client.get(server.url)).status_code for _ in range(3)]
            )

        thread = threading.Thread(target=asyncio.run, args=[innocent()])
        thread.start()
        eventually(lambda: server.requests)
        loop = asyncio.new_event_loop()
        task = loop.create_task(client.get(server.url))
        loop.run_until_complete(asyncio.sleep(0.05))
        assert transport.stats().waiting == 1
        loop.close()
        gate.let(10)
        thread.join(10)
        assert answers == [200, 200, 200]
        assert in_total(transport).keys().isdisjoint({"active", "waiting"})
        silence([task])


async def get_and_close(client: Any, url: str) -> None:
    assert (await client.get(url)).status_code == 200
    await client.aclose()


def silence(tasks: list[Any]) -> None:
    """Let tasks that never end be collected without a word."""
    for each in tasks:
        each._log_destroy_pending = False
    tasks.clear()


@pytest.mark.parametrize(
    "backends", [("asyncio",) * 2, ("asyncio", "trio"), ("trio",) * 2], ids=str
)
def test_two_loops_in_two_threads_share_a_client(
    world: World, backends: tuple[str, str]
) -> None:
    users: dict[int, set[str]] = {}

    def answer(connection: Connection) -> bool:
        who = connection.request.target[1:]
        users.setdefault(connection.number, set()).add(who)
        return reply(200, who.encode())(connection)

    with Server(answer) as server:
        transport = pooling(world, 3)
        client = world.client(transport, timeout=20)
        answers: list[str] = []

        async def use(who: str) -> None:
            async def get() -> None:
                url = server.url + who
                answers.extend([who + (await client.get(url)).text for _ in range(20)])

            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(get)

        threads = [
            threading.Thread(target=run, args=[backend, use, str(number)])
            for number, backend in enumerate(backends)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join(30)
        assert sorted(answers) == ["00"] * 200 + ["11"] * 200
        assert all(len(each) == 1 for each in users.values())
        assert in_total(transport).keys().isdisjoint({"active", "waiting"})
        run("asyncio", client.aclose)
        eventually(lambda: not server.open_connections)


@pytest.mark.parametrize("backend", LOOPS)
def test_a_client_is_closed_in_another_loop_than_that_of_its_connections(
    world: World, server: Server, backend: str
) -> None:
    """Each connection is closed in its own loop, which goes on."""
    client = world.client(pooling(world, 5))
    used, ended = threading.Event(), threading.Event()

    async def use() -> None:
        await burst(world, client, server.url, 3)
        used.set()
        await until(world, ended.is_set)

    thread = threading.Thread(target=run, args=[backend, use])
    thread.start()
    assert used.wait(10)
    asyncio.run(client.aclose())
    eventually(lambda: not server.open_connections)
    ended.set()
    thread.join(10)


@pytest.mark.parametrize("backend", LOOPS)
def test_nothing_of_loops_that_have_ended_piles_up(
    world: World, server: Server, backend: str
) -> None:
    transport = pooling(world, 5)
    client = world.client(transport)
    for _ in range(20):
        run(backend, client.get, server.url)
    state = state_of(transport, world)
    assert len(state.slots) <= 1
    assert len(list(state.destinations())) <= 2
    assert len(state._loops) <= 2
    reaper = pool_of(transport, world).leases.reaper
    assert len(reaper._watches) <= 1
    assert len(reaper._ends) <= 1
    run(backend, client.aclose)
