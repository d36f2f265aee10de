"""Together with other layers, clients and protocols."""

from __future__ import annotations

import gc
import gzip
from typing import Any

import anyio
import h2.connection
import httpx
import pytest
import trustme
from layers.resuming.rows import BODY, CUT, SIZE
from support.h2_server import Answer, H2Server
from support.ranges import File, versions
from support.server import Server, stall
from support.world import World, in_async

from httpx_resilient import CircuitBreaker, attempts_of
from httpx_resilient.events import BodyBroken, CallEnded, Event, with_calls

pytestmark = pytest.mark.anyio


def tagged(**options: Any) -> File:
    return File(versions(BODY, etag='"a"'), **{"cut": CUT, "cuts": 4, **options})


async def test_a_buffered_read_is_whole_and_its_history_is_told(world: World) -> None:
    transport = world.ours.ResumingTransport(world.transport())
    with Server(tagged()) as server:
        async with world.client(transport) as client:
            response = await client.get(server.url)
    assert response.content == BODY
    assert [each.outcome for each in attempts_of(response)] == [200, 206, 206, 206]


async def test_a_breaker_inside_learns_of_each_break(world: World) -> None:
    breaker = CircuitBreaker(minimum_calls=100)
    inner = world.ours.CircuitBreakingTransport(None, breaker)
    with Server(tagged()) as server:
        async with world.client(world.ours.ResumingTransport(inner)) as client:
            assert (await client.get(server.url)).content == BODY
        (state,) = breaker.states().values()
    assert (state.calls, state.failures) == (4, 3)


async def test_a_deadline_around_limits_the_further_requests(world: World) -> None:
    """A synchronous client, which nothing interrupts, has shorter timeouts for them."""
    inner = world.ours.ResumingTransport(world.transport(), budget=False)
    transport = world.ours.DeadlineTransport(inner, 1.5)
    with Server(tagged(cuts=1), stall()) as server:
        async with world.client(transport, timeout=60) as client:
            with pytest.raises(world.library.TransportError) as raised:
                await client.get(server.url)
    told = [str(raised.value), *getattr(raised.value, "__notes__", ())]
    assert "deadline" in "".join(told)


@in_async
async def test_a_cancelled_reader_leaves_no_connection_behind(world: World) -> None:
    pool = world.ours.PoolingTransport()
    with Server(tagged(cuts=1), stall()) as server:
        async with world.client(world.ours.ResumingTransport(pool)) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.get, server.url)
                while server.requests < 2:  # noqa: ASYNC110 - a server in a thread tells nothing
                    await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()
            assert pool.stats().active == 0


@in_async
async def test_an_asynchronous_listener_hears_of_a_break(world: World) -> None:
    heard: list[Event] = []

    async def listen(event: Event) -> None:
        await anyio.lowlevel.checkpoint()
        heard.append(event)

    transport = world.ours.ResumingTransport(
        world.transport(), on_event=with_calls(listen)
    )
    with Server(tagged(cuts=1)) as server:
        async with world.client(transport) as client:
            assert (await client.get(server.url)).content == BODY
    assert [type(event) for event in heard[:2]] == [CallEnded, BodyBroken]


async def test_an_answer_that_is_left_half_way_leaves_no_generator(
    world: World,
) -> None:
    """Trio warns of each, such as that of a deadline inside, and a warning fails."""
    inner = world.ours.DeadlineTransport(None, 60)
    transport = world.ours.ResumingTransport(inner)
    file = File(versions(BODY, BODY[::-1]), cut=CUT, cuts=1)
    with Server(file) as server:
        async with world.client(transport) as client:
            with pytest.raises(world.ours.ContentChanged):
                await client.get(server.url)
    gc.collect()


async def test_gzip_is_decoded_across_a_break(world: World) -> None:
    packed = gzip.compress(BODY)
    file = File(versions(packed, etag='"a"', content_encoding="gzip"), cut=CUT, cuts=1)
    transport = world.ours.ResumingTransport(world.transport())
    with Server(file) as server:
        async with world.client(transport) as client:
            assert (await client.get(server.url)).content == BODY


def parts(*firsts: int) -> Answer:
    """Answer over HTTP/2 from these positions on; all but the last are reset."""
    left = list(firsts)

    def answer(connection: h2.connection.H2Connection, stream: int) -> bool:
        first = left.pop(0)
        body = BODY[first:]
        head = [(":status", "206" if first else "200"), ("etag", '"a"')]
        head.append(("content-length", str(len(body))))
        if first:
            head.append(("content-range", f"bytes {first}-{SIZE - 1}/{SIZE}"))
        connection.send_headers(stream, head)
        sent = body[:20_000] if left else body
        for at in range(0, len(sent), 10_000):
            connection.send_data(stream, sent[at : at + 10_000])
        if left:
            connection.reset_stream(stream, 2)
        else:
            connection.end_stream(stream)
        return True

    return answer


async def test_a_body_over_http_2_goes_on(world: World, authority: trustme.CA) -> None:
    answer = parts(0, 20_000, 40_000)
    context = httpx.create_ssl_context()
    authority.configure_trust(context)
    transport = world.ours.ResumingTransport(verify=context, http2=True)
    with H2Server(answer, answer, answer, authority=authority) as server:
        async with world.client(transport) as client:
            response = await client.get(server.url)
    assert response.http_version == "HTTP/2"
    assert response.content == BODY
    assert [each.outcome for each in attempts_of(response)] == [200, 206, 206]
