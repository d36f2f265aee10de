"""The effects of a transfer in front of a client: in six worlds, on a real wire."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest
from support.server import Server, reply
from support.world import World

from httpx_resilient._transfers.io.protocol import Enough
from httpx_resilient._transfers.io.start import start
from httpx_resilient._transfers.io.sync_io import options_of

pytestmark = pytest.mark.anyio

BODY = b"0123456789" * 50_000


async def with_io(world: World, flow: Any) -> Any:
    """Run a flow in front of a client of a world."""
    async with world.client(world.http()) as client:
        raw = getattr(client, "_client", client)
        family = world.ours.RetryingTransport._family
        started = start("flow", raw, family, flow)
        return started if world.sync else await started


async def test_a_body_is_read_raw_and_work_is_done_in_order(
    world: World, server: Server
) -> None:
    server.play(reply(200, BODY, content_encoding="x-nothing"))
    read: list[bytes] = []
    threads: set[int] = set()

    async def flow(io: Any) -> None:
        def consume(chunk: bytes) -> Any:
            def work() -> None:
                threads.add(threading.get_ident())
                read.append(chunk)

            return work if len(read) % 2 else read.append(chunk)

        started = io.now(), io.wall_time()
        response = await io.send(io.client.build_request("GET", server.url))
        await io.read(response, consume)
        await io.close(response)
        await io.sleep(0.001)
        assert io.now() > started[0]
        assert await io.run(lambda: 3) == 3

    await with_io(world, flow)
    assert b"".join(read) == BODY
    assert (threading.get_ident() in threads) == world.sync


@pytest.mark.parametrize("failure", [Enough(), OSError("full")])
async def test_a_consumer_may_end_a_body(
    world: World, server: Server, failure: Exception
) -> None:
    server.play(reply(200, BODY))

    async def flow(io: Any) -> None:
        def consume(chunk: bytes) -> Any:
            raise failure

        response = await io.send(io.client.build_request("GET", server.url), auth=None)
        try:
            if isinstance(failure, Enough):
                await io.read(response, consume)
            else:
                with pytest.raises(OSError, match="full"):
                    await io.read(response, consume)
        finally:
            await io.close(response)

    await with_io(world, flow)


async def test_a_body_that_breaks_raises_the_error_of_the_library(
    world: World, server: Server
) -> None:
    server.play(reply(200, b"hello", content_length="9"), reply())

    async def flow(io: Any) -> int:
        response = await io.send(io.client.build_request("GET", server.url + "x"))
        read: list[bytes] = []
        server.stop()
        try:
            with pytest.raises(world.library.RemoteProtocolError):
                await io.read(response, read.append)
        finally:
            await io.close(response)
        return len(b"".join(read))

    assert await with_io(world, flow) == 5


async def test_a_mock_that_was_read_has_its_bytes(world: World) -> None:
    mock = world.mock(lambda request: world.library.Response(200, text="hello"))
    read: list[bytes] = []

    async def flow(io: Any) -> None:
        response = await io.send(io.client.build_request("GET", "https://example.com/"))
        await io.read(response, read.append)

    async with world.client(mock) as client:
        raw = getattr(client, "_client", client)
        started = start("flow", raw, world.ours.RetryingTransport._family, flow)
        if not world.sync:
            await started
    assert read == [b"hello"]


async def test_chunks_after_enough_are_dropped(world: World) -> None:
    seen: list[bytes] = []

    def body() -> Any:
        yield b"one"
        yield b"two"

    async def async_body() -> Any:
        for chunk in body():
            yield chunk

    content = body() if world.sync else async_body()
    mock = world.mock(lambda request: world.library.Response(200, content=content))

    async def flow(io: Any) -> None:
        def consume(chunk: bytes) -> Any:
            seen.append(chunk)
            raise Enough

        response = await io.send(io.client.build_request("GET", "https://example.com/"))
        await io.read(response, consume)
        await io.close(response)

    async with world.client(mock) as client:
        raw = getattr(client, "_client", client)
        started = start("flow", raw, world.ours.RetryingTransport._family, flow)
        if not world.sync:
            await started
    assert seen == [b"one"]


async def test_a_body_is_produced_by_blocking_reads(
    world: World, server: Server
) -> None:
    server.play(reply())
    pieces = [b"one ", b"two", b""]

    async def flow(io: Any) -> None:
        content = io.content(lambda: pieces.pop(0))
        request = io.client.build_request("POST", server.url, content=content)
        await io.close(await io.send(request, follow_redirects=False))

    await with_io(world, flow)
    assert server.bodies == [b"one two"]


class TestTogether:
    async def test_all_flows_run_at_the_same_time(self, world: World) -> None:
        met = threading.Barrier(2, timeout=30) if world.sync else None
        event = anyio.Event()
        done: list[int] = []

        async def flow(io: Any) -> None:
            async def one(number: int) -> None:
                if met is not None:
                    met.wait()
                elif number:
                    event.set()
                else:
                    await event.wait()
                done.append(number)

            await io.together([one(0), one(1)], lambda: done.append(9))

        await with_io(world, flow)
        assert sorted(done) == [0, 1]

    async def test_the_first_failure_stops_the_others(self, world: World) -> None:
        stopped = threading.Event()
        seen: list[str] = []

        async def flow(io: Any) -> None:
            async def fails() -> None:
                msg = "first"
                raise ValueError(msg)

            async def goes_on() -> None:
                while not stopped.is_set():
                    await io.sleep(0.001)
                seen.append("stopped")

            with pytest.raises(ValueError, match="first"):
                await io.together([goes_on(), fails(), goes_on()], stopped.set)

        await with_io(world, flow)
        assert stopped.is_set()
        assert len(seen) == 2 or not world.sync  # tasks may be cancelled before

    async def test_no_flow_that_never_began_is_left(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An unawaited coroutine would be a warning, which is an error here."""
        ran: list[int] = []

        async def flow(io: Any) -> None:
            async def one() -> None:
                await io.sleep(0)
                ran.append(1)

            if world.sync:
                starts = iter([threading.Thread.start])

                def start_one(thread: threading.Thread) -> None:
                    next(starts, interrupted)(thread)

                monkeypatch.setattr(threading.Thread, "start", start_one)
                with pytest.raises(KeyboardInterrupt):
                    await io.together([one(), one()], lambda: None)
            else:
                with anyio.CancelScope() as scope:
                    scope.cancel()
                    await io.together([one(), one()], lambda: None)

        await with_io(world, flow)
        assert len(ran) <= 1

    async def test_an_interruption_stops_the_threads(
        self, monkeypatch: pytest.MonkeyPatch, runtime: str
    ) -> None:
        if runtime != "sync":
            return
        from support.world import LIBRARIES

        world = World(*LIBRARIES["httpx"], sync=True)
        stopped = threading.Event()
        join = threading.Thread.join

        async def flow(io: Any) -> None:
            async def one() -> None:
                stopped.wait(30)

            def interrupted_once(thread: threading.Thread) -> None:
                monkeypatch.setattr(threading.Thread, "join", join)
                raise KeyboardInterrupt

            monkeypatch.setattr(threading.Thread, "join", interrupted_once)
            with pytest.raises(KeyboardInterrupt):
                await io.together([one(), one()], stopped.set)

        await with_io(world, flow)
        assert stopped.is_set()


def interrupted(_: threading.Thread) -> None:
    raise KeyboardInterrupt


def test_options_are_those_of_the_client_unless_they_are_given() -> None:
    assert options_of(None, None) == {}
    assert options_of(False, ("a", "b")) == {
        "follow_redirects": False,
        "auth": ("a", "b"),
    }
