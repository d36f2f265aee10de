"""The ends of event streams on real connections."""

from __future__ import annotations

import gzip
import zlib

import pytest
from support.event_streams import (
    ONE,
    THREE,
    TWO,
    begun,
    ended,
    last_ids,
    layer,
    opened,
    read,
)
from support.server import (
    Server,
    Step,
    close,
    reply,
)
from support.world import World

from httpx_resilient import explain

pytestmark = pytest.mark.anyio


class TestAStreamWithoutIds:
    async def test_is_not_reconnected_after_its_first_event(
        self, world: World, server: Server
    ) -> None:
        server.play(close(begun(b"data: token\n\ndata: hal")))
        received = bytearray()
        async with world.client(layer(world)) as client:
            response = await opened(client, server.url)
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await read(world, response, received)
        assert received == b"data: token\n\n"
        assert "no ids" in caught.value.__notes__[0]
        assert "no ids" in explain(caught.value)
        assert server.requests == 1

    async def test_ends_with_a_clean_end(self, world: World, server: Server) -> None:
        server.play(ended(b"data: token\n\n", b"data: [DONE]\n\n"))
        async with world.client(layer(world)) as client:
            received = await read(world, await opened(client, server.url))
        assert received == b"data: token\n\ndata: [DONE]\n\n"
        assert server.requests == 1

    async def test_breaks_if_it_ends_inside_of_an_event(
        self, world: World, server: Server
    ) -> None:
        server.play(ended(b"data: token\n\n", b"data: [DO"))
        async with world.client(layer(world)) as client:
            with pytest.raises(world.library.RemoteProtocolError, match="no ids"):
                await read(world, await opened(client, server.url))
        assert server.requests == 1

    async def test_is_reconnected_before_its_first_event(
        self, world: World, server: Server
    ) -> None:
        server.play(close(begun(b": hello\n", b"data: hal")), ended(b"data: x\n\n"))
        async with world.client(layer(world)) as client:
            received = await read(world, await opened(client, server.url))
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
            await read(world, await opened(client, server.url))
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

        named = {"content_encoding": encoding}
        server.play(
            close(begun(*encoded(ONE, b"id: 2\nda", is_whole=False), **named)),
            ended(*encoded(TWO, is_whole=False), **named),
            ended(THREE),
            reply(204),
        )
        async with world.client(layer(world)) as client:
            response = await opened(client, server.url)
            received = await read(world, response)
        assert received == ONE + TWO + THREE
        assert last_ids(server) == [None, "1", "2", "3"]
        assert "content-encoding" not in response.headers

    async def test_that_cannot_be_decoded_is_an_error(
        self, world: World, server: Server
    ) -> None:
        server.play(ended(b"not gzip", content_encoding="gzip"))
        async with world.client(layer(world, max_reconnects=1)) as client:
            with pytest.raises(world.library.RemoteProtocolError, match="be decoded"):
                await read(world, await opened(client, server.url))
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
            response = await opened(client, server.url)
            received = await read(world, response)
        assert received == ONE
        assert "content-length" not in response.headers
