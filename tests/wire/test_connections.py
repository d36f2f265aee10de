"""Connections between and during requests: their ends, timeouts and timers."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from support.dead_loops import until
from support.server import Connection, Server, head, raw, reply
from support.tls_server import TLSServer, trusting
from support.wires import Gone, opened, wire_of
from support.world import LIBRARIES, World, in_async

import httpx_resilient
from httpx_resilient._wire.on_asyncio import AsyncioConnection

pytestmark = pytest.mark.anyio

FAMILY = httpx_resilient._FAMILY

OK = head(200, {"content-length": "2"}) + b"ok"

in_asyncio = pytest.mark.parametrize("runtime", ["asyncio"])


def get(world: World, url: str) -> Any:
    return world.library.Request("GET", url)


def dripping(*parts: bytes, every: float) -> Callable[[Connection], bool]:
    def step(connection: Connection) -> bool:
        for part in parts:
            connection.send(part)
            time.sleep(every)
        return True

    return step


@pytest.mark.parametrize("is_tls", [False, True])
async def test_bytes_that_nobody_asked_for_close_the_connection(
    world: World, authority: Any, *, is_tls: bool
) -> None:
    late = dripping(OK, b"HTTP/1.1 200 OK\r\n\r\n", every=0.05)
    make = TLSServer(authority, late, reply()) if is_tls else Server(late, reply())
    with make as server:
        wire = wire_of(world, tls=trusting(authority))
        await opened(world, wire, server.url)
        await world.sleep(0.2)
        assert not wire.looks_open()
        await opened(world, wire, server.url)
        wire.close()
    assert server.connections == 2


def answering(how: str, is_read: threading.Event) -> Callable[[Connection], bool]:
    """Answer, and end once the answer was read."""

    def step(connection: Connection) -> bool:
        connection.send(OK)
        assert is_read.wait(10)
        if how == "bytes":
            connection.send(b"HTTP/1.1 408 Late\r\n\r\n")
        elif how == "reset":
            linger = struct.pack("ii", 1, 0)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return how == "bytes"

    return step


@in_asyncio
@pytest.mark.parametrize(
    ("how", "is_tls"),
    [
        ("end", False),
        ("end", True),
        ("reset", False),
        ("bytes", False),
        ("bytes", True),
    ],
)
async def test_the_end_of_an_idle_connection_is_noticed_at_once(
    world: World, authority: Any, how: str, is_tls: bool
) -> None:
    is_read = threading.Event()
    step = answering(how, is_read)
    with TLSServer(authority, step) if is_tls else Server(step) as server:
        wire, lost = wire_of(world, tls=trusting(authority)), []
        wire.on_lost = lambda: lost.append(how)
        connection = await opened(world, wire, server.url)
        is_read.set()
        await until(lambda: lost)
        assert connection.is_closed
        assert lost == [how]
        wire.close()


@in_asyncio
async def test_its_own_close_is_no_loss(world: World, server: Server) -> None:
    wire, lost = wire_of(world), []
    wire.on_lost = lambda: lost.append(1)
    await opened(world, wire, server.url)
    wire.close()
    await anyio.sleep(0.1)
    assert not lost


@in_asyncio
async def test_a_closed_connection_leaves_no_timer(
    world: World, server: Server
) -> None:
    wire = wire_of(world)
    loop: Any = asyncio.get_running_loop()
    before = len([each for each in loop._scheduled if not each.cancelled()])
    await wire.send(get(world, server.url), {"read": 60.0, "write": 60.0})
    await wire.send(get(world, server.url), {"read": 60.0, "write": 60.0})
    during = [each for each in loop._scheduled if not each.cancelled()]
    assert len(during) == before + 1
    wire.close()
    after = [each for each in loop._scheduled if not each.cancelled()]
    assert len(after) == before


async def test_each_part_of_an_answer_has_the_whole_timeout(world: World) -> None:
    parts = [OK[:5], OK[5:20], OK[20:-1], OK[-1:]]
    with Server(dripping(*parts, every=0.15)) as server:
        wire = wire_of(world)
        response = await wire.send(get(world, server.url), {"read": 0.35})
        assert response.status_code == 200
        wire.close()


@pytest.mark.parametrize("seconds", [0, 0.00001, 0.05])
async def test_a_read_that_takes_too_long_closes_the_connection(
    world: World, seconds: float
) -> None:
    with Server(dripping(b"", every=0.3)) as server:
        wire = wire_of(world)
        request, began = get(world, server.url), time.monotonic()
        with pytest.raises(world.library.ReadTimeout):
            await wire.send(request, {"read": seconds})
        assert time.monotonic() - began < 0.25
        assert not wire.looks_open()


async def test_a_timeout_that_shrinks_ends_the_next_read_earlier(world: World) -> None:
    with Server(reply(), dripping(b"", every=0.5)) as server:
        wire = wire_of(world)
        await wire.send(get(world, server.url), {"read": 60.0})
        for seconds in 0.2, 0.1:
            began = time.monotonic()
            with pytest.raises(world.library.ReadTimeout):
                await wire.send(get(world, server.url), {"read": seconds})
            assert seconds * 0.9 < time.monotonic() - began < 0.45


async def test_a_timeout_that_grows_ends_the_next_read_later(world: World) -> None:
    with Server(reply(), dripping(b"", every=0.6)) as server:
        wire = wire_of(world)
        await wire.send(get(world, server.url), {"read": 0.1})
        began = time.monotonic()
        with pytest.raises(world.library.ReadTimeout):
            await wire.send(get(world, server.url), {"read": 0.3})
        assert time.monotonic() - began > 0.25


@in_async
@pytest.mark.parametrize("is_tls", [False, True])
async def test_a_cancellation_closes_the_connection_at_once(
    world: World, authority: Any, *, is_tls: bool
) -> None:
    silent = dripping(b"", every=0.3)
    with TLSServer(authority, silent) if is_tls else Server(silent) as server:
        wire = wire_of(world, tls=trusting(authority))
        with anyio.move_on_after(0.1) as scope:
            await wire.send(get(world, server.url), {})
        assert scope.cancelled_caught
        assert not wire.looks_open()


@in_async
async def test_a_cancellation_in_an_upload_closes_the_connection(world: World) -> None:
    closed = []

    async def body() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            closed.append(1)

    with Server(dripping(b"", every=0.5), read_body=False) as server:
        wire = wire_of(world)
        request = world.library.Request("POST", server.url, content=body())
        with anyio.move_on_after(0.1) as scope:
            await wire.send(request, {})
        assert scope.cancelled_caught
        assert not wire.looks_open()
        assert closed


@in_async
async def test_an_upload_that_never_waits_lets_others_work(world: World) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x"

    with Server() as server:
        async with anyio.create_task_group() as group:
            group.start_soon(count)
            wire = wire_of(world)
            request = world.library.Request("POST", server.url, content=body())
            await wire.send(request, {})
            group.cancel_scope.cancel()
    assert turns > 100
    wire.close()


@in_async
@pytest.mark.parametrize("phase", ["head", "upload"])
async def test_to_close_a_connection_ends_who_waits_for_it(
    world: World, phase: str
) -> None:
    errors = []
    with Server(dripping(b"", every=0.5), read_body=False) as server:
        wire = wire_of(world)
        content = b"x" * 30_000_000 if phase == "upload" else b""

        async def work() -> None:
            request = world.library.Request("POST", server.url, content=content)
            try:
                await wire.send(request, {})
            except world.library.ReadError as error:
                errors.append(error)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(work)
                await anyio.sleep(0.15)
                wire.close()
    assert len(errors) == 1


@pytest.mark.parametrize("seconds", [None, 0.2])
async def test_a_server_that_reads_slowly_gets_the_whole_body(
    world: World, seconds: float | None
) -> None:
    def slowly(connection: Connection) -> bool:
        for _ in range(200):
            connection._exactly(100_000)
            time.sleep(0.002)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
        return True

    with Server(slowly, read_body=False) as server:
        wire = wire_of(world)
        for _ in range(2):
            content = b"x" * 20_000_000
            request = world.library.Request("POST", server.url, content=content)
            response = await wire.send(request, {"write": seconds})
            assert response.status_code == 200
        wire.close()
    assert server.connections == 1


async def test_an_informational_answer_does_not_end_an_upload(world: World) -> None:
    def step(connection: Connection) -> bool:
        for _ in range(3):
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.05)
        connection._exactly(8_000_000)
        connection.send(OK)
        return True

    with Server(step, read_body=False) as server:
        wire = wire_of(world)
        content = b"x" * 8_000_000
        request = world.library.Request("POST", server.url, content=content)
        assert (await wire.send(request, {})).status_code == 200
        wire.close()


async def test_a_request_that_is_none_of_http_is_refused(
    world: World, server: Server
) -> None:
    wire = wire_of(world)
    request = world.library.Request("GET", server.url, headers={"a": "b\nc"})
    with pytest.raises(world.library.LocalProtocolError):
        await wire.send(request, {})
    assert not server.received


async def test_connection_close_of_the_request_closes(
    world: World, server: Server
) -> None:
    wire = wire_of(world)
    for _ in range(2):
        request = world.library.Request(
            "GET", server.url, headers={"connection": "close"}
        )
        response = await wire.send(request, {})
        stream: Any = response.stream
        stream.close()
    assert server.connections == 2


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_connection_that_outlives_its_loop_ends_for_its_server(library: str) -> None:
    world = World(*LIBRARIES[library], sync=False)
    gone = threading.Event()

    def step(connection: Connection) -> bool:
        connection.send(OK)
        connection.sock.recv(1)
        gone.set()
        return False

    with Server(step) as server:
        loop = asyncio.new_event_loop()
        wire = wire_of(world)
        loop.run_until_complete(opened(world, wire, server.url))
        loop.close()
        wire.close()
        assert gone.wait(5)
        del wire
        with pytest.warns(ResourceWarning):  # nobody can close it any more
            gc.collect()


def test_uvloop_serves_the_wire(authority: Any) -> None:
    uvloop = pytest.importorskip("uvloop")
    world = World(*LIBRARIES["httpx2"], sync=False)

    async def main(server: Server) -> None:
        transport = world.ours.PoolingTransport(verify=trusting(authority))
        async with world.client(transport) as client:
            for size in 10, 3_000_000:
                response = await client.post(server.url, content=b"x" * size)
                assert response.content == b"ok"

    for make in lambda: Server(raw(OK)), lambda: TLSServer(authority, raw(OK)):
        with make() as server:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(main(server))
            assert server.connections == 1


@in_async
async def test_a_body_that_comes_at_once_lets_others_work(world: World) -> None:
    body = b"x" * 20_000_000
    with Server(reply(200, body)) as server:
        wire, turns = wire_of(world), 0
        response = await wire.send(get(world, server.url), {})

        async def count() -> None:
            nonlocal turns
            while True:
                await anyio.lowlevel.checkpoint()
                turns += 1

        async with anyio.create_task_group() as group:
            group.start_soon(count)
            size = sum([len(chunk) async for chunk in response.stream])
            group.cancel_scope.cancel()
        assert size == len(body)
        assert turns > 10
        wire.close()


async def test_a_dead_socket_is_readable(world: World, server: Server) -> None:
    wire = wire_of(world)
    connection = await opened(world, wire, server.url)
    assert not connection.is_readable()
    sock = connection.info("socket")
    sock.shutdown(socket.SHUT_RDWR)
    assert connection.is_readable()
    assert not wire.looks_open()


async def test_a_head_that_nobody_reads_times_out(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        request = world.library.Request("GET", url, headers={"x": "y" * 20_000_000})
        wire = wire_of(world)
        with pytest.raises(world.library.WriteTimeout):
            await wire.send(request, {"write": 0.2})
        assert not wire.looks_open()


async def test_an_answer_to_half_a_head_is_given(world: World) -> None:
    def answer() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.sendall(head(431, {"content-length": "0"}))
            time.sleep(0.3)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        request = world.library.Request("GET", url, headers={"x": "y" * 20_000_000})
        wire = wire_of(world)
        response = await wire.send(request, {"write": 5})
        assert response.status_code == 431
        wire.close()
        thread.join()


@in_async
async def test_what_arrives_while_the_loop_is_blocked_is_in_time(world: World) -> None:
    def step(connection: Connection) -> bool:
        time.sleep(0.2)
        connection.send(head(200, {"content-length": "9"}) + b"half")
        time.sleep(0.8)
        connection.send(b"whole")
        return True

    async def block() -> None:
        await anyio.sleep(0.1)
        time.sleep(0.6)

    with Server(step) as server:
        async with world.client(world.ours.PoolingTransport(), timeout=0.4) as client:
            async with anyio.create_task_group() as group:
                group.start_soon(block)
                response = await client.get(server.url)
    assert response.content == b"halfwhole"


def test_what_is_written_to_a_closed_connection_goes_nowhere() -> None:
    async def main() -> None:
        connection = AsyncioConnection(FAMILY, asyncio.get_running_loop())
        connection.connection_made(Gone())
        connection.connection_lost(None)
        with pytest.raises(httpx.ReadError, match="was closed"):
            await connection.exchange(httpx.Request("GET", "http://a"), {})

    asyncio.run(main())


@pytest.mark.parametrize("runtime", ["trio"])
async def test_connections_that_are_closed_before_their_tasks_wait_are_errors(
    world: World,
) -> None:
    from httpx_resilient._wire.on_trio import TrioConnection

    class ClosedWhereItWouldBlock(socket.socket):
        def send(self, *_: object) -> int:
            self.close()
            raise BlockingIOError

    for _ in range(2):  # trio would take the second wait for one more of the first
        ours, theirs = socket.socketpair()
        sock = ClosedWhereItWouldBlock(fileno=ours.detach())
        sock.setblocking(False)
        connection = TrioConnection(world.ours._FAMILY, sock)
        with theirs, pytest.raises(world.library.ReadError):
            await connection.exchange(get(world, "http://name.example/"), {})
        assert connection.is_closed


@pytest.mark.parametrize("runtime", ["trio"])
@pytest.mark.parametrize("write", [True, False])
async def test_no_task_waits_for_a_socket_that_is_closed(
    world: World, write: bool
) -> None:
    from httpx_resilient._wire.on_trio import TrioConnection

    ours, theirs = socket.socketpair()
    connection = TrioConnection(world.ours._FAMILY, ours)
    with theirs:
        connection.close()
        for _ in range(2):  # trio would take the second one for one more of the first
            await connection._wait(None, write=write)


@pytest.mark.parametrize("runtime", ["trio"])
async def test_a_large_head_is_tried_again_with_no_less(world: World) -> None:
    from httpx_resilient._wire.on_trio import TrioConnection

    sizes: list[int] = []

    class BlockingOnce(socket.socket):
        def send(self, data: Any, *_: object) -> int:
            sizes.append(len(data))
            if len(sizes) == 1:
                raise ssl.SSLWantWriteError
            return len(data)

    ours, theirs = socket.socketpair()
    sock = BlockingOnce(fileno=ours.detach())
    sock.setblocking(False)
    connection = TrioConnection(world.ours._FAMILY, sock)
    request = world.library.Request(
        "GET", "http://name.example/", headers={"x-large": "x" * 1_000_000}
    )
    with theirs, pytest.raises(world.library.ReadTimeout):
        await connection.exchange(request, {"read": 0.01})
    assert sizes[1] >= sizes[0]
    assert sum(sizes[1:]) > 1_000_000
