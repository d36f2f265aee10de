"""Event streams: a reader by the letter, and a server that knows ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from support.server import Server, Step, head, raw
from support.world import World

TYPE = {"content-type": "text/event-stream"}


class Event(NamedTuple):
    id: str
    type: str
    data: str


def events_of(stream: bytes) -> list[Event]:
    """Read a stream by the letter of WHATWG HTML §9.2.6, character by character."""
    events: list[Event] = []
    last_id, kind, data = "", "", ""
    for line in _lines(stream.decode("utf-8", "replace")):
        if not line:
            if data:
                events.append(
                    Event(last_id, kind or "message", data.removesuffix("\n"))
                )
            kind = data = ""
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data += value + "\n"
        elif field == "event":
            kind = value
        elif field == "id" and "\0" not in value:
            last_id = value
    return events


def _lines(text: str) -> Iterator[str]:
    """Yield the lines that have ended."""
    line, after_cr = "", False
    for character in text:
        if character == "\n" and after_cr:
            after_cr = False
            continue
        after_cr = character == "\r"
        if character in "\r\n":
            yield line
            line = ""
        else:
            line += character


class Feed:
    """
    A handler for a mock: events with the ids 1, 2, 3 …, from the one after the last id.

    Args:
        blocks: The bytes of each event.
        cut: The bytes after which each connection ends, one after another.
        broken: Raises what a connection ends with, instead of a clean end.
        again: Whether it sends the event of the last id again.
    """

    def __init__(
        self,
        blocks: list[bytes],
        cut: Callable[[int], int],
        *,
        library: Any,
        broken: bool,
        again: bool = False,
        size: int = 1 << 20,
    ) -> None:
        self.blocks = blocks
        self.cut = cut
        self.library = library
        self.broken = broken
        self.again = again
        self.size = size
        self.asked: list[str | None] = []

    def __call__(self, request: Any) -> Any:
        last = request.headers.get("last-event-id")
        self.asked.append(last)
        start = int(last or 0)
        if start >= len(self.blocks):
            return self.library.Response(204)
        if self.again:
            start = max(start - 1, 0)
        content = b"".join(self.blocks[start:])
        cut = self.cut(len(self.asked))
        stream = self._stream(content[:cut], is_cut=cut < len(content))
        return self.library.Response(200, headers=TYPE, stream=stream)

    def _stream(self, content: bytes, *, is_cut: bool) -> Any:
        library, broken, size = self.library, self.broken and is_cut, self.size

        class Stream(library.SyncByteStream):  # type: ignore[name-defined,misc]  # a library is a variable
            def __iter__(self) -> Iterator[bytes]:
                for at in range(0, len(content), size):
                    yield content[at : at + size]
                if broken:
                    msg = "cut"
                    raise library.ReadError(msg)

        return Stream()


STREAM_HEADERS = {**TYPE, "transfer-encoding": "chunked"}
ONE, TWO, THREE = (b"id: %d\ndata: x%d\n\n" % (n, n) for n in (1, 2, 3))


def begun(*chunks: bytes, **headers: str) -> bytes:
    """Return the beginning of an event stream on the wire, chunk by chunk."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks)
    return head(200, {**STREAM_HEADERS, **named}) + body


def ended(*chunks: bytes, **headers: str) -> Step:
    """Answer with an event stream that ends cleanly."""
    return raw(begun(*chunks, **headers) + b"0\r\n\r\n")


def layer(world: World, **options: Any) -> Any:
    inner = world.transport()
    return world.ours.EventStreamTransport(inner, **{"wait": 0, **options})


async def opened(client: Any, url: str, **headers: str) -> Any:
    request = client.build_request("GET", url, headers=headers)
    return await client.send(request, stream=True)


async def read(world: World, response: Any, into: bytearray | None = None) -> bytes:
    """Read a stream to its end, and close it."""
    received = bytearray() if into is None else into
    try:
        async for chunk in world.chunks(response):
            received += chunk
    finally:
        await world.close(response)
    return bytes(received)


def own_stream(response: Any) -> Any:
    """Return the stream without that of the client, whose generators trio warns of."""
    return response.stream._stream


async def one_chunk(world: World, stream: Any) -> Any:
    return next(iter(stream)) if world.sync else await anext(aiter(stream))


def last_ids(server: Server) -> list[str | None]:
    return [each.headers.get("last-event-id") for each in server.received]
