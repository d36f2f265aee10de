"""Streamed bodies: downloads chunk by chunk, uploads from generators and files."""

from __future__ import annotations

import io
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.server import Server, Step, close, drip, head, reply, reset
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

LONG = bytes(range(256)) * 4096  # 1 MiB in which adjacent bytes differ


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    path = tmp_path / "long"
    path.write_bytes(LONG)
    return path


async def stream(client: Any, url: str) -> Any:
    return await client.send(client.build_request("GET", url), stream=True)


class TestDownloads:
    async def test_a_download_after_two_failures_is_complete(
        self, world: World, server: Server
    ) -> None:
        server.play(reset(), reply(503, b"no"), reply(200, LONG))
        async with world.client() as client:
            response = await stream(client, server.url)
            received = [chunk async for chunk in world.chunks(response)]
            await world.close(response)
        assert b"".join(received) == LONG
        assert len(attempts_of(response)) == server.requests == 3

    async def test_a_download_after_two_failures_arrives_chunk_by_chunk(
        self, world: World, server: Server
    ) -> None:
        first_was_seen = threading.Event()

        def body() -> Iterator[bytes]:
            yield b"first"
            yield b"second" if first_was_seen.wait(10) else b"read ahead"

        server.play(reply(503), close(), drip(200, body()))
        async with world.client() as client:
            response = await stream(client, server.url)
            received = []
            async for chunk in world.chunks(response):
                received.append(chunk)
                first_was_seen.set()
            await world.close(response)
        assert received == [b"first", b"second"]
        assert server.requests == 3

    async def test_a_client_works_after_a_download_is_closed_early(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply(200, LONG), reply(200, b"next"))
        limits = world.library.Limits(max_connections=1)
        async with world.client(world.transport(limits=limits)) as client:
            response = await stream(client, server.url)
            await world.close(response)
            assert (await client.get(server.url)).content == b"next"


PROMISED = head(200, {"content-length": "10"}) + b"half"
CHUNKED = head(200, {"transfer-encoding": "chunked"}) + b"4\r\nhalf\r\n"

BROKEN = {
    "closed before its length": (close(PROMISED), "RemoteProtocolError"),
    "closed before its last chunk": (close(CHUNKED), "RemoteProtocolError"),
    "reset": (reset(PROMISED), "ReadError"),
}


@pytest.mark.parametrize(("breaking", "error"), BROKEN.values(), ids=BROKEN.keys())
class TestABodyThatBreaks:
    async def test_raises_the_librarys_error_when_all_attempts_have_failed(
        self, world: World, server: Server, breaking: Step, error: str
    ) -> None:
        server.play(breaking)
        async with world.client() as client:
            with pytest.raises(getattr(world.library, error)):
                await client.get(server.url)
        assert server.requests == 3

    async def test_delivers_the_bytes_before_the_break(
        self, world: World, server: Server, breaking: Step, error: str
    ) -> None:
        server.play(reply(503), breaking)
        received = bytearray()

        async def read(response: Any) -> None:
            async for chunk in world.chunks(response):
                received.extend(chunk)

        async with world.client() as client:
            response = await stream(client, server.url)
            with pytest.raises(getattr(world.library, error)):
                await read(response)
            await world.close(response)
        # A reset may overtake bytes that were sent before it.
        assert received == b"half" or (error == "ReadError" and not received)
        assert server.requests == 2


FAILURES = {"503": reply(503), "closed": close(), "reset": reset()}


def generated(world: World) -> Any:
    """Make a body that can be read only once, for the clients of this world."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    return iter([b"one", b"two"]) if world.sync else chunks()


class TestUploads:
    @pytest.mark.parametrize("method", ["PUT", "POST"])
    async def test_a_generator_gets_one_attempt_and_the_response_of_that_attempt(
        self, world: World, server: Server, method: str
    ) -> None:
        server.play(reply(503, b"first"), reply(200))
        async with world.client() as client:
            response = await client.request(
                method, server.url, content=generated(world)
            )
        assert (response.status_code, response.content) == (503, b"first")
        assert server.bodies == [b"onetwo"]

    async def test_a_reset_of_a_request_with_a_generator_is_raised(
        self, world: World, server: Server
    ) -> None:
        server.play(reset(), reply(200))
        async with world.client() as client:
            with pytest.raises(world.library.ReadError) as caught:
                await client.put(server.url, content=generated(world))
        assert len(attempts_of(caught.value)) == server.requests == 1

    # An asynchronous client does not accept an open file as content.
    @pytest.mark.parametrize("runtime", ["sync"])
    @pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
    async def test_an_open_file_is_the_same_on_each_attempt(
        self, world: World, server: Server, long_file: Path, failure: Step
    ) -> None:
        server.play(failure, failure, reply(200))
        async with world.client() as client:
            with long_file.open("rb") as file:
                await client.put(server.url, content=file)
        assert server.bodies == [LONG] * 3

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    async def test_an_asynchronous_file_gets_one_attempt_and_the_response_of_that_attempt(
        self, world: World, server: Server, long_file: Path
    ) -> None:
        server.play(reply(503, b"first"), reply(200))
        # A short file, because anyio reads it line by line, and each line in a thread.
        short = LONG[:16384]
        await anyio.Path(long_file).write_bytes(short)
        async with world.client() as client:
            async with await anyio.open_file(long_file, "rb") as file:
                response = await client.put(server.url, content=file)
        assert (response.status_code, response.content) == (503, b"first")
        assert server.bodies == [short]

    @pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
    async def test_multipart_over_an_open_file_is_the_same_on_each_attempt(
        self, world: World, server: Server, long_file: Path, failure: Step
    ) -> None:
        server.play(failure, failure, reply(200))
        async with world.client() as client:
            with long_file.open("rb") as file:
                await client.put(
                    server.url, files={"file": file}, data={"field": "value"}
                )
        assert len(server.bodies) == 3
        assert len(set(server.bodies)) == 1
        assert LONG in server.bodies[0]

    async def test_multipart_over_a_file_that_cannot_be_rewound_gets_one_attempt(
        self, world: World, server: Server
    ) -> None:
        class Pipe(io.BytesIO):
            def seekable(self) -> bool:
                return False

            def seek(self, *_: object) -> int:
                raise io.UnsupportedOperation

            def tell(self) -> int:
                raise io.UnsupportedOperation

        server.play(reply(503), reply(200))
        async with world.client() as client:
            response = await client.put(server.url, files={"file": Pipe(b"data")})
        assert response.status_code == 503
        assert server.requests == 1
