"""Bodies are sent again byte for byte, or the request gets one attempt."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.server import Server, close, reply
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

DATA = bytes(range(256)) * 1000  # longer than one chunk of 64 KiB


class OneShotReader:
    """A reader that cannot seek, such as that of a socket or of a cloud SDK."""

    def __init__(self, data: bytes = DATA) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)


class BareFile(OneShotReader):
    """A file that can seek but has no `seekable`, as `mmap` before Python 3.13."""

    def seek(self, position: int, whence: int = 0) -> int:
        return self._file.seek(position, whence)

    def tell(self) -> int:
        return self._file.tell()


class ReIterable:
    """An iterable that yields the same bytes each time, but does not show it."""

    def __iter__(self) -> Iterator[bytes]:
        yield DATA

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield DATA


def generator() -> Iterator[bytes]:
    yield DATA[:1000]
    yield DATA[1000:]


async def async_generator() -> AsyncIterator[bytes]:
    yield DATA[:1000]
    yield DATA[1000:]


OPENED: list[io.BufferedReader] = []


@pytest.fixture(autouse=True)
def close_opened_files() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def open_file() -> io.BufferedReader:
    OPENED.append(Path(__file__).open("rb"))
    return OPENED[-1]


class Pipe(io.BufferedReader):
    """The reading end of a pipe that contains data."""

    def __init__(self) -> None:
        reader, writer = os.pipe()
        os.write(writer, DATA[:4096])
        os.close(writer)
        super().__init__(io.FileIO(reader, "rb"))
        OPENED.append(self)

    def fileno(self) -> int:
        """Hide the pipe: both libraries would announce its size, which is 0."""
        raise OSError


def custom_stream(library: Any) -> Any:
    class Stream(library.SyncByteStream, library.AsyncByteStream):
        chunks = iter([DATA])

        def __iter__(self) -> Iterator[bytes]:
            return self.chunks

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self.chunks:
                yield chunk

    return Stream()


REPLAYABLE: dict[str, Callable[[], dict[str, Any]]] = {
    "nothing": dict,
    "bytes": lambda: {"content": DATA},
    "text": lambda: {"content": "text"},
    "JSON": lambda: {"json": {"a": [1, 2]}},
    "a form": lambda: {"data": {"a": "1"}},
    "multipart of bytes": lambda: {"files": {"a": DATA}, "data": {"b": "1"}},
    "multipart of a file": lambda: {"files": {"a": io.BytesIO(DATA)}},
    "multipart of named files": lambda: {
        "files": [
            ("a", ("a.txt", io.BytesIO(DATA), "text/plain")),
            ("b", ("b.txt", BareFile(), "text/plain", {"x-more": "1"})),
            ("c", ("c.txt", "text")),
        ]
    },
}
REPLAYABLE_IN_SYNC: dict[str, Callable[[], dict[str, Any]]] = {
    "a list": lambda: {"content": [DATA, b"more"]},
    "a tuple": lambda: {"content": (DATA, b"more")},
    "BytesIO": lambda: {"content": io.BytesIO(DATA)},
    "an open file": lambda: {"content": open_file()},
    "a bare file": lambda: {"content": BareFile()},
}
ONE_SHOT: dict[str, Callable[[], dict[str, Any]]] = {
    "multipart of a reader": lambda: {"files": {"a": OneShotReader()}},
    "multipart of a reader in a tuple": lambda: {
        "files": [("a", ("a.txt", OneShotReader(), "text/plain", {"x-more": "1"}))]
    },
    "multipart of a pipe": lambda: {"files": {"ok": DATA, "a": ("a", Pipe())}},
}
ONE_SHOT_IN_SYNC: dict[str, Callable[[], dict[str, Any]]] = {
    "a generator": lambda: {"content": generator()},
    "an iterator": lambda: {"content": iter([DATA])},
    "a map": lambda: {"content": map(bytes, [DATA])},
    "a reader": lambda: {"content": OneShotReader()},
    "a pipe": lambda: {"content": Pipe()},
    "a set": lambda: {"content": {DATA}},
    "a re-iterable": lambda: {"content": ReIterable()},
}
ONE_SHOT_IN_ASYNC: dict[str, Callable[[], dict[str, Any]]] = {
    "an async generator": lambda: {"content": async_generator()},
    "an async re-iterable": lambda: {
        "content": type("A", (), {"__aiter__": ReIterable.__aiter__})()
    },
}


@pytest.fixture
def put(world: World, server: Server) -> Any:
    async def put(body: dict[str, Any], **options: Any) -> Any:
        extensions = options.pop("extensions", None)
        async with world.client(world.transport(**options)) as client:
            return await client.put(server.url, **body, extensions=extensions)

    return put


def cases(both: dict, in_sync: dict, in_async: dict) -> Any:
    named = [("both", both), ("sync", in_sync), ("async", in_async)]
    return pytest.mark.parametrize(
        ("side", "make"),
        [
            pytest.param(side, make, id=name)
            for side, kinds in named
            for name, make in kinds.items()
        ],
    )


def applies(side: str, world: World) -> bool:
    """Whether a client accepts a body: it rejects streams of the other side itself."""
    return side == "both" or (side == "sync") == world.sync


@cases(REPLAYABLE, REPLAYABLE_IN_SYNC, {})
@pytest.mark.parametrize("failure", [reply(503), close()], ids=["503", "closed"])
async def test_a_replayable_body_is_sent_again_byte_for_byte(
    world: World, server: Server, put: Any, side: str, make: Any, failure: Any
) -> None:
    server.play(failure, failure, reply(200))
    if not applies(side, world):
        return
    response = await put(make())
    assert response.status_code == 200
    first, second, third = server.bodies
    assert first == second == third
    assert first or make is dict


@cases(ONE_SHOT, ONE_SHOT_IN_SYNC, ONE_SHOT_IN_ASYNC)
async def test_a_one_shot_body_gets_one_attempt_and_its_response(
    world: World, server: Server, put: Any, side: str, make: Any
) -> None:
    server.play(reply(503, b"the first outcome"), reply(200))
    if not applies(side, world):
        return
    response = await put(make())
    assert (response.status_code, response.content) == (503, b"the first outcome")
    assert server.requests == 1
    assert "cannot be sent again" in attempts_of(response)[0].reason


@cases(ONE_SHOT, ONE_SHOT_IN_SYNC, ONE_SHOT_IN_ASYNC)
async def test_a_one_shot_body_gets_one_attempt_and_its_exception(
    world: World, server: Server, put: Any, side: str, make: Any
) -> None:
    server.play(close(), reply(200))
    if not applies(side, world):
        return
    with pytest.raises(world.library.RemoteProtocolError) as caught:
        await put(make())
    assert server.requests == 1
    assert caught.value.__notes__[0].startswith("gave up after 1 attempt in")


@cases(ONE_SHOT, ONE_SHOT_IN_SYNC, ONE_SHOT_IN_ASYNC)
async def test_a_buffered_one_shot_body_is_sent_again_byte_for_byte(
    world: World, server: Server, put: Any, side: str, make: Any
) -> None:
    server.play(reply(503), close(), reply(200))
    if not applies(side, world):
        return
    response = await put(make(), buffer_request_body=1_000_000)
    assert response.status_code == 200
    first, second, third = server.bodies
    assert first == second == third
    assert DATA[:4096] in first


@cases(
    {},
    {"": ONE_SHOT_IN_SYNC["a generator"]},
    {"": ONE_SHOT_IN_ASYNC["an async generator"]},
)
async def test_a_body_larger_than_the_buffer_is_sent_whole_and_once(
    world: World, server: Server, put: Any, side: str, make: Any
) -> None:
    server.play(reply(503), reply(200))
    if not applies(side, world):
        return
    response = await put(make(), buffer_request_body=len(DATA) - 1)
    assert response.status_code == 503
    assert server.bodies == [DATA]


@cases(
    {},
    {"": ONE_SHOT_IN_SYNC["a generator"]},
    {"": ONE_SHOT_IN_ASYNC["an async generator"]},
)
async def test_a_factory_creates_a_one_shot_body_anew_for_each_retry(
    world: World, server: Server, put: Any, side: str, make: Any
) -> None:
    server.play(reply(503), reply(503), reply(200))
    if not applies(side, world):
        return
    made = []

    def factory() -> Any:
        made.append(1)
        return make()["content"] if len(made) == 1 else DATA

    await put(make(), extensions={"retry": {"body_factory": factory}})
    assert server.bodies == [DATA, DATA, DATA]
    assert len(made) == 2


@pytest.mark.parametrize("library", ["httpx"])
@pytest.mark.parametrize("made", [None, 5, "other side"])
async def test_a_factory_that_returns_no_body_is_rejected(
    world: World, server: Server, put: Any, made: Any
) -> None:
    server.play(reply(503))
    body = iter([DATA]) if world.sync else async_generator()
    if made == "other side":
        made = ReIterable.__aiter__(ReIterable()) if world.sync else iter([DATA])
    with pytest.raises(TypeError, match="it must return bytes or"):
        await put(
            {"content": body}, extensions={"retry": {"body_factory": lambda: made}}
        )
    if hasattr(made, "aclose"):
        await made.aclose()


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_a_factory_may_be_asynchronous(
    world: World, server: Server, put: Any
) -> None:
    async def factory() -> bytes:
        return DATA

    server.play(reply(503), reply(200))
    await put(
        {"content": async_generator()}, extensions={"retry": {"body_factory": factory}}
    )
    assert server.bodies == [DATA, DATA]


@pytest.mark.parametrize("runtime", ["sync"])
@pytest.mark.parametrize("library", ["httpx2"])
async def test_a_file_is_sent_again_from_where_the_caller_left_it(
    server: Server, put: Any
) -> None:
    """httpx announces the length of the whole file, and fails to send it."""
    server.play(reply(503), reply(200))
    file = io.BytesIO(b"skip this" + DATA)
    file.seek(len(b"skip this"))
    await put({"content": file})
    assert server.bodies == [DATA, DATA]


@pytest.mark.parametrize("runtime", ["sync"])
async def test_a_file_closed_between_attempts_ends_with_the_first_outcome(
    server: Server, put: Any
) -> None:
    server.play(reply(503, b"first"), reply(200))
    file = io.BytesIO(DATA)
    response = await put({"content": file}, wait=lambda state: (file.close(), 0.0)[1])
    assert response.content == b"first"


async def test_an_empty_one_shot_stream_is_sent_again(
    world: World, server: Server
) -> None:
    """Caches wrap even the empty body of a GET into a one-shot stream."""
    server.play(reply(503), reply(200))
    async with world.client() as client:
        plain = client.build_request("GET", server.url)
        stream = custom_stream(world.library)
        type(stream).chunks = iter([])
        request = world.library.Request(
            "GET", plain.url, headers=plain.headers, stream=stream
        )
        response = await client.send(request)
    assert response.status_code == 200


async def test_a_one_shot_body_without_content_length_gets_one_attempt(
    world: World,
) -> None:
    """HTTP would not send it, but an application in the same process gets it."""
    received = []

    def handler(request: Any) -> Any:
        received.append(request.read() if world.sync else request.content)
        return world.library.Response(503 if len(received) == 1 else 200)

    async def async_handler(request: Any) -> Any:
        await request.aread()
        return handler(request)

    inner = world.mock(handler if world.sync else async_handler)
    async with world.client(world.transport(inner)) as client:
        request = world.library.Request(
            "PUT", "http://a/", stream=custom_stream(world.library)
        )
        response = await client.send(request)
    assert (response.status_code, received) == (503, [DATA])


@cases(
    {},
    {"": ONE_SHOT_IN_SYNC["a generator"]},
    {"": ONE_SHOT_IN_ASYNC["an async generator"]},
)
async def test_a_factory_that_returns_the_spent_body_is_rejected(
    world: World, server: Server, put: Any, side: str, make: Any
) -> None:
    server.play(reply(503), reply(200))
    if not applies(side, world):
        return
    body = make()
    factory = {"retry": {"body_factory": lambda: body["content"]}}
    with pytest.raises(TypeError, match="sent already: return a new one each time"):
        await put(body, extensions=factory)
    assert server.bodies == [DATA]


@pytest.mark.parametrize("runtime", ["sync"])
async def test_a_body_read_by_the_inner_transport_can_be_read_by_the_caller(
    world: World,
) -> None:
    inner = world.mock(lambda request: world.library.Response(200))
    async with world.client(world.transport(inner)) as client:
        response = await client.post("http://a/", files={"file": DATA})
    assert DATA in response.request.content


async def test_a_custom_stream_gets_one_attempt(world: World, server: Server) -> None:
    server.play(reply(503), reply(200))
    async with world.client() as client:
        request = world.library.Request(
            "PUT",
            server.url,
            headers={"host": "a", "content-length": str(len(DATA))},
            stream=custom_stream(world.library),
        )
        response = await client.send(request)
    assert response.status_code == 503
    assert server.bodies == [DATA]


async def test_a_retry_of_a_broken_upload_sends_the_buffered_part_and_the_rest(
    world: World, server: Server
) -> None:

    class HalfRead(world.library.MockTransport):
        """A transport that reads one chunk and fails, and then reads everything."""

        def __init__(self) -> None:
            self.read: list[bytes] = []

        def handle_request(self, request: Any) -> Any:
            if not self.read:
                self.read.append(next(iter(request.stream)))
                raise world.library.WriteError("broken pipe")
            self.read.append(b"".join(request.stream))
            return world.library.Response(200)

        async def handle_async_request(self, request: Any) -> Any:
            if not self.read:
                chunks = request.stream.__aiter__()
                self.read.append(await anext(chunks))
                await chunks.aclose()
                raise world.library.WriteError("broken pipe")
            self.read.append(b"".join([chunk async for chunk in request.stream]))
            return world.library.Response(200)

    inner = HalfRead()
    body = generator() if world.sync else async_generator()
    async with world.client(
        world.transport(inner, buffer_request_body=10**6)
    ) as client:
        await client.put("http://a/", content=body)
    assert inner.read == [DATA[:1000], DATA]


async def test_an_error_raised_by_the_body_itself_is_not_retried(
    world: World,
) -> None:
    """The body may be a download, whose error looks like an error of the upload."""

    def download() -> Iterator[bytes]:
        yield b"half"
        raise world.library.ReadTimeout("of the download")

    async def async_download() -> AsyncIterator[bytes]:
        yield b"half"
        raise world.library.ReadTimeout("of the download")

    def handler(request: Any) -> Any:
        return world.library.Response(200)

    body = download() if world.sync else async_download()
    transport = world.transport(world.mock(handler), buffer_request_body=100)
    async with world.client(transport) as client:
        with pytest.raises(world.library.ReadTimeout) as caught:
            await client.put("http://a/", content=body)
    assert len(attempts_of(caught.value)) == 1


def test_a_stream_of_httpx_has_its_source() -> None:
    assert httpx.Request("PUT", "http://a", content=iter([])).stream._stream is not None
