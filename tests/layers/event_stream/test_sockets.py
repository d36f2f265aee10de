"""Event streams on real connections, in all worlds."""

from __future__ import annotations

import gzip
import threading
import zlib
from typing import Any

import anyio
import pytest
from support.event_streams import events_of
from support.server import Connection, Server, Step, close, head, raw, reply, reset, stall
from support.world import World

from httpx_resilient import attempts_of, events, explain

pytestmark = pytest.mark.anyio

TYPE = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
ONE, TWO, THREE = (b"id: %d\ndata: x%d\n\n" % (n, n) for n in (1, 2, 3))


def begun(*chunks: bytes, **headers: str) -> bytes:
    """Return the beginning of an event stream, chunk by chunk."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks)
    return head(200, {**TYPE, **headers}) + body


def ended(*chunks: bytes, **headers: str) -> Step:
    return raw(begun(*chunks, **headers) + b"0\r\n\r\n")


def layer(world: World, **options: Any) -> Any:
    return world.ours.EventStreamTransport(world.transport(), **{"wait": 0, **options})


async def read(world: World, client: Any, url: str, **headers: str) -> tuple[bytes, Any]:
    request = client.build_request("GET", url, headers=headers)
    response = await client.send(request, stream=True)
    try:
        return b"".join([chunk async for chunk in world.chunks(response)]), response
    finally:
        await world.close(response)


def own_stream(response: Any) -> Any:
    """Return the stream without that of the client, whose generators trio warns of."""
    return response.stream._stream


def last_ids(server: Server) -> list[str | None]:
    return [each.headers.get("last-event-id") for each in server.received]


BREAKS = {
    "closed": close(begun(ONE, b"id: 2\nda")),
    "ended cleanly": ended(ONE, b"id: 2\nda"),
    "ended between events": ended(ONE),
}


@pytest.mark.parametrize("breaking", BREAKS.values(), ids=BREAKS)
async def test_a_stream_goes_on_after_the_last_whole_event(
    world: World, server: Server, breaking: Step
) -> None:
    server.play(breaking, reply(503), close(begun(TWO)), ended(THREE), reply(204))
    seen: list[Any] = []
    async with world.client(layer(world, on_event=seen.append)) as client:
        received, response = await read(world, client, server.url)
    assert received == ONE + TWO + THREE
    assert last_ids(server) == [None, "1", "1", "2", "3"]
    outcomes = [each.outcome for each in attempts_of(response)]
    assert outcomes == [200, 503, 200, 200, 204]
    assert "204" in explain(response)
    kinds = [type(each).__name__.removeprefix("EventStream") for each in seen]
    assert kinds == [*["Opened", "Reconnecting"] * 3, "Ended"]
    assert (seen[-1].reason, seen[-1].connections, seen[-1].failed) == ("204", 3, False)


async def test_a_reset_and_a_refused_connection_are_breaks(
    world: World, server: Server
) -> None:
    server.play(reset(begun(ONE)))
    transport = layer(world, max_reconnects=1)
    async with world.client(transport) as client:
        response = await client.send(
            client.build_request("GET", server.url), stream=True
        )
        with pytest.raises(world.library.TransportError) as caught:
            async for _ in world.chunks(response):
                server.stop()
        await world.close(response)
    assert isinstance(caught.value, world.library.TransportError)


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b'{"id": 1}', content_type="application/json"),
        reply(404, b"data: x\n\n", content_type="text/event-stream"),
        reply(200, b"id: 1\ndat", content_type="text/event-stream; x=y", content_encoding="br2"),
    ],
)
async def test_any_other_answer_passes_untouched(
    world: World, server: Server, answer: Step
) -> None:
    server.play(answer)
    async with world.client(layer(world)) as client:
        received, response = await read(world, client, server.url)
    assert len(received) == int(response.headers["content-length"])
    assert server.requests == 1


async def test_another_method_passes_untouched(world: World, server: Server) -> None:
    server.play(ended(b"data: hal"))
    async with world.client(layer(world)) as client:
        response = await client.post(server.url, content=b"x")
    assert response.content == b"data: hal"
    assert server.requests == 1


async def test_a_method_may_be_added(world: World, server: Server) -> None:
    server.play(close(begun(ONE)), reply(204))
    async with world.client(layer(world, methods=["post"])) as client:
        response = await client.post(server.url, content=b"x")
    assert response.content == ONE
    assert server.bodies == [b"x", b"x"]


class TestAStreamWithoutIds:
    async def test_is_not_reconnected_after_its_first_event(
        self, world: World, server: Server
    ) -> None:
        server.play(close(begun(b"data: token\n\ndata: hal")))
        received = b""
        async with world.client(layer(world)) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                async for chunk in world.chunks(response):
                    received += chunk
            await world.close(response)
        assert received == b"data: token\n\n"
        assert "no ids" in caught.value.__notes__[0]
        assert "no ids" in explain(caught.value)
        assert server.requests == 1

    async def test_ends_with_a_clean_end(self, world: World, server: Server) -> None:
        server.play(ended(b"data: token\n\n", b"data: [DONE]\n\n"))
        async with world.client(layer(world)) as client:
            received, _ = await read(world, client, server.url)
        assert received == b"data: token\n\ndata: [DONE]\n\n"
        assert server.requests == 1

    async def test_breaks_if_it_ends_inside_of_an_event(
        self, world: World, server: Server
    ) -> None:
        server.play(ended(b"data: token\n\n", b"data: [DO"))
        async with world.client(layer(world)) as client:
            with pytest.raises(world.library.RemoteProtocolError, match="no ids"):
                await read(world, client, server.url)
        assert server.requests == 1

    async def test_is_reconnected_before_its_first_event(
        self, world: World, server: Server
    ) -> None:
        server.play(close(begun(b": hello\n", b"data: hal")), ended(b"data: x\n\n"))
        async with world.client(layer(world)) as client:
            received, _ = await read(world, client, server.url)
        assert received == b": hello\ndata: x\n\n"
        assert server.requests == 2


REFUSALS = {
    "status 200, text/html, which is not text/event-stream": reply(
        200, b"<html>", content_type="text/html"
    ),
    "status 302, without a content type: a redirect": reply(302, location="/other"),
    "status 404, text/plain": reply(404, b"gone", content_type="text/plain"),
    "in the encoding br2": reply(
        200, b"?", content_type="text/event-stream", content_encoding="br2"
    ),
}


@pytest.mark.parametrize(("text", "answer"), REFUSALS.items(), ids=REFUSALS)
async def test_another_answer_to_a_reconnection_is_an_error_in_words(
    world: World, server: Server, text: str, answer: Step
) -> None:
    server.play(close(begun(ONE)), answer)
    async with world.client(layer(world)) as client:
        with pytest.raises(world.library.RemoteProtocolError, match=text):
            await read(world, client, server.url)
    assert server.requests == 2


class TestAnEncodedStream:
    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    async def test_is_decoded_and_goes_on(
        self, world: World, server: Server, encoding: str
    ) -> None:
        def encoded(*blocks: bytes, is_whole: bool) -> list[bytes]:
            wbits = 31 if encoding == "gzip" else 15
            deflate = zlib.compressobj(wbits=wbits)
            pieces = [
                deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH)
                for block in blocks
            ]
            return [*pieces, deflate.flush()] if is_whole else pieces

        named = {"content-encoding": encoding}
        server.play(
            close(begun(*encoded(ONE, b"id: 2\nda", is_whole=False), **named)),
            ended(*encoded(TWO, is_whole=False), **named),
            ended(THREE),
            reply(204),
        )
        async with world.client(layer(world)) as client:
            received, response = await read(world, client, server.url)
        assert received == ONE + TWO + THREE
        assert last_ids(server) == [None, "1", "2", "3"]
        assert "content-encoding" not in response.headers

    async def test_that_cannot_be_decoded_is_an_error(
        self, world: World, server: Server
    ) -> None:
        server.play(ended(b"not gzip", **{"content-encoding": "gzip"}))
        async with world.client(layer(world, max_reconnects=1)) as client:
            with pytest.raises(world.library.RemoteProtocolError, match="be decoded"):
                await read(world, client, server.url)
        assert server.requests == 2

    async def test_with_a_length_has_none_for_its_reader(
        self, world: World, server: Server
    ) -> None:
        body = gzip.compress(ONE)
        server.play(
            reply(200, body, content_type="text/event-stream", content_encoding="gzip"),
            reply(204),
        )
        async with world.client(layer(world)) as client:
            received, response = await read(world, client, server.url)
        assert received == ONE
        assert "content-length" not in response.headers


async def test_the_callers_own_id_is_sent_until_the_stream_has_one(
    world: World, server: Server
) -> None:
    server.play(
        close(begun(b"da")), close(begun(ONE)), ended(b"id\n\n"), reply(204)
    )
    async with world.client(layer(world)) as client:
        await read(world, client, server.url, **{"LAST-EVENT-ID": "own"})
    assert last_ids(server) == ["own", "own", "1", None]


async def test_an_id_is_sent_as_utf_8(world: World, server: Server) -> None:
    server.play(close(begun("id: é ☃ \ndata: x\n\n".encode())), reply(204))
    async with world.client(layer(world)) as client:
        await read(world, client, server.url)
    sent = server.received[1].headers["last-event-id"]
    assert sent.encode("latin-1").decode() == "é ☃"


class TestAReaderThatLeaves:
    async def test_half_way_closes_the_connection(
        self, world: World, server: Server
    ) -> None:
        server.play(stall(begun(ONE, TWO)))
        seen: list[Any] = []
        async with world.client(layer(world, on_event=seen.append)) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            stream = own_stream(response)
            assert next(iter(stream)) if world.sync else await anext(aiter(stream))
            await world.close(response)
        assert seen[-1].reason == "closed"
        assert server.requests == 1
        with anyio.fail_after(10):
            while server.open_connections:
                await world.sleep(0.01)

    async def test_and_comes_back_goes_on_where_it_was(
        self, world: World, server: Server
    ) -> None:
        server.play(close(begun(ONE, b"id: 2\n")), ended(TWO), reply(204))
        async with world.client(layer(world)) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            received = []
            stream = own_stream(response)
            for _ in range(2):  # each is a reader of its own
                received.append(
                    next(iter(stream)) if world.sync else await anext(aiter(stream))
                )
            await world.close(response)
        assert received == [ONE, TWO]


class TestClosingByAnotherTask:
    async def test_ends_a_wait_for_another_connection(
        self, world: World, server: Server
    ) -> None:
        waits = threading.Event()

        def listen(event: Any) -> None:
            if isinstance(event, events.EventStreamReconnecting):
                waits.set()

        server.play(close(begun(ONE)), reply(500))
        transport = layer(world, wait=600, on_event=listen)
        async with world.client(transport) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)

            async def reader() -> None:
                with pytest.raises(world.library.TransportError):
                    async for _ in world.chunks(response):
                        pass

            async def closer() -> None:
                while not waits.is_set():
                    await world.sleep(0.01)
                await world.close(response)

            with anyio.fail_after(30):
                await world.together(reader, closer)
        assert server.requests == 1


@pytest.mark.parametrize("body", [True, False])
async def test_a_deadline_around_limits_reconnections_unless_it_ends_with_the_headers(
    world: World, server: Server, body: bool
) -> None:
    server.play(close(begun(ONE)), ended(TWO), reply(204))
    inner = layer(world, wait=120 if body else 0)
    transport = world.ours.DeadlineTransport(inner, 60, body=body)
    async with world.client(transport) as client:
        if body:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await read(world, client, server.url)
            assert "deadline" in caught.value.__notes__[0]
        else:
            received, _ = await read(world, client, server.url)
            assert received == ONE + TWO


async def test_an_attempts_deadline_inside_does_not_cut_a_stream(
    world: World, server: Server
) -> None:
    def slowly(connection: Connection) -> bool:
        connection.send(begun(ONE))
        threading.Event().wait(0.6)
        connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(TWO), TWO))
        return True

    server.play(slowly, reply(204))
    deadline = world.ours.DeadlineTransport(world.transport(), 0.5, body=False)
    transport = world.ours.EventStreamTransport(deadline, wait=0)
    async with world.client(transport) as client:
        received, _ = await read(world, client, server.url)
    assert received == ONE + TWO
    assert server.requests == 2
