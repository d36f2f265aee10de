"""Readers that are cancelled, and responses that are closed meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from support.event_streams import TYPE
from support.world import in_async

from httpx_resilient import EventStreamTransport

pytestmark = pytest.mark.anyio

ONE, TWO = b"id: 1\ndata: a\n\n", b"id: 2\ndata: b\n\n"


class Parts(httpx.AsyncByteStream):
    """Chunks; `None` stands for silence, and `Exception` for a break."""

    def __init__(self, *parts: bytes | type[Exception] | None) -> None:
        self.parts = parts
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            if part is None:
                await anyio.sleep_forever()
            elif isinstance(part, bytes):
                yield part
            else:
                msg = "cut"
                raise httpx.ReadError(msg)

    async def aclose(self) -> None:
        self.closed += 1


class Site:
    def __init__(self, *streams: Parts) -> None:
        self.streams = list(streams)
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if len(self.requests) > len(self.streams):
            return httpx.Response(204)
        stream = self.streams[len(self.requests) - 1]
        return httpx.Response(200, headers=TYPE, stream=stream)


async def opened(site: Any, **options: Any) -> tuple[httpx.Response, Any]:
    transport = EventStreamTransport(
        httpx.MockTransport(site), **{"wait": 0, **options}
    )
    request = httpx.Request("GET", "http://localhost/")
    response = await transport.handle_async_request(request)
    return response, aiter(response.stream)  # type: ignore[arg-type]  # it serves both clients


@in_async
async def test_a_reader_that_leaves_half_way_leaves_no_generator() -> None:
    site = Site(Parts(ONE, None))
    response, chunks = await opened(site)
    assert await anext(chunks) == ONE
    await response.aclose()
    assert site.streams[0].closed == 1
    assert await anext(chunks, None) is None


@in_async
async def test_a_reader_that_is_cancelled_may_go_on() -> None:
    site = Site(Parts(ONE, b"id: 2\n", None), Parts(TWO))
    response, chunks = await opened(site)
    assert await anext(chunks) == ONE
    with anyio.move_on_after(0.01) as scope:
        await anext(chunks)
    assert scope.cancelled_caught
    assert [each async for each in chunks] == [TWO]
    assert [each.headers.get("last-event-id") for each in site.requests] == [
        None, "1", "2",
    ]  # fmt: skip
    assert all(each.closed for each in site.streams)
    await response.aclose()


@in_async
async def test_a_reader_that_is_cancelled_in_a_wait_may_go_on() -> None:
    site = Site(Parts(b"id: 1\nretry: 300000\ndata: a\n\n", Exception), Parts(TWO))
    response, chunks = await opened(site)
    assert await anext(chunks)
    for _ in range(2):
        with anyio.move_on_after(0.01) as scope:
            await anext(chunks)
        assert scope.cancelled_caught
    assert len(site.requests) == 1
    await response.aclose()
    assert await anext(chunks, None) is None


@in_async
async def test_a_response_that_is_closed_while_it_reconnects_takes_no_connection() -> (
    None
):
    site = Site(Parts(ONE, Exception), Parts(TWO))
    late: list[httpx.Response] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        if late:
            await late[0].aclose()
        return await site(request)

    response, chunks = await opened(answer)
    assert await anext(chunks) == ONE
    late.append(response)
    with pytest.raises(httpx.ReadError, match="was closed while"):
        await anext(chunks)
    assert site.streams[1].closed


@in_async
async def test_a_reader_is_cancelled_after_the_response_was_closed() -> None:
    site = Site(Parts(ONE, None))
    response, chunks = await opened(site)
    assert await anext(chunks) == ONE
    async with anyio.create_task_group() as tasks:

        async def reader() -> None:
            await anext(chunks)

        tasks.start_soon(reader)
        await anyio.wait_all_tasks_blocked()
        await response.aclose()
        tasks.cancel_scope.cancel()
    assert await anext(chunks, None) is None
