"""HTTP/2 servers that say goodbye: what is sent again, and on which connection."""

from __future__ import annotations

from typing import Any

import pytest
import trustme
from h2.connection import H2Connection
from h2.settings import SettingCodes
from support.h2_server import Answer, H2Server, go_away, leave, ok, refuse
from support.tls_server import trusting
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

NO_ERROR, INTERNAL_ERROR, HTTP_1_1_REQUIRED = 0, 2, 13

unfinished_body = pytest.mark.filterwarnings(
    # httpcore does not close the generator of a body that it leaves. trio warns of it.
    "ignore:Async generator 'httpx._content:ResourceWarning"
)


@pytest.fixture
def client(world: World, authority: trustme.CA) -> Any:
    return world.client(world.transport(http2=True, verify=trusting(authority)))


def leaving(connection: H2Connection, stream: int) -> bool:
    """Say goodbye and answer, in one packet, as nginx does at its `keepalive_requests`."""
    return leave(stream)(connection, stream) and ok(connection, stream)


def allowing(streams: int) -> Answer:
    def answer(connection: H2Connection, stream: int) -> bool:
        connection.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: streams})
        return ok(connection, stream)

    return answer


async def test_a_get_whose_answer_follows_a_goaway_in_one_packet_is_sent_again(
    client: Any, authority: trustme.CA
) -> None:
    with H2Server(ok, leaving, ok, authority=authority) as server:
        async with client:
            await client.get(server.url)
            response = await client.get(server.url)
    assert (response.status_code, len(attempts_of(response))) == (200, 2)
    assert (server.requests, server.connections) == (3, 2)


async def test_a_post_whose_answer_follows_a_goaway_is_not_sent_again(
    world: World, client: Any, authority: trustme.CA
) -> None:
    with H2Server(leaving, authority=authority) as server:
        async with client:
            with pytest.raises(world.library.LocalProtocolError) as caught:
                await client.post(server.url, content=b"data")
            assert (await client.post(server.url)).status_code == 200
    assert len(attempts_of(caught.value)) == 1
    assert (server.requests, server.connections) == (2, 2)


@unfinished_body
async def test_a_post_that_a_goaway_interrupts_is_sent_again_if_it_is_not_covered(
    client: Any, authority: trustme.CA
) -> None:
    """It waits for room to send: httpcore does not compare its number with the last."""

    def on_headers(connection: H2Connection, stream: int) -> bool:
        if stream == 3 and server.connections == 1:
            connection.close_connection(last_stream_id=1)
            return False
        return True

    body = bytes(200_000)
    with H2Server(authority=authority, on_headers=on_headers) as server:
        async with client:
            await client.get(server.url)
            response = await client.post(server.url, content=body)
    assert (response.status_code, len(attempts_of(response))) == (200, 2)
    assert (server.bodies, server.connections) == ([b"", body], 2)


@unfinished_body
async def test_a_post_that_a_goaway_covers_and_interrupts_is_not_sent_again(
    world: World, client: Any, authority: trustme.CA
) -> None:
    def on_headers(connection: H2Connection, stream: int) -> bool:
        connection.close_connection(last_stream_id=stream)
        return False

    with H2Server(authority=authority, on_headers=on_headers) as server:
        async with client:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.post(server.url, content=bytes(200_000))
    assert (len(attempts_of(caught.value)), server.connections) == (1, 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_beyond_the_streams_that_a_server_allows_is_sent_on_a_new_connection(
    client: Any, authority: trustme.CA, method: str
) -> None:
    """So a server ends that is about to close: hypercorn allows no stream any more."""
    with H2Server(allowing(0), ok, authority=authority) as server:
        async with client:
            await client.get(server.url)
            response = await client.request(method, server.url)
    assert (response.status_code, len(attempts_of(response))) == (200, 2)
    assert (server.requests, server.connections) == (2, 2)


async def test_a_connection_is_not_used_after_a_reset_without_an_error(
    world: World, client: Any, authority: trustme.CA
) -> None:
    with H2Server(ok, refuse(NO_ERROR), ok, authority=authority) as server:
        async with client:
            await client.get(server.url)
            with pytest.raises(world.library.RemoteProtocolError):
                await client.post(server.url)
            await client.get(server.url)
    assert (server.requests, server.connections) == (3, 2)


@pytest.mark.parametrize("end", [refuse, lambda code: go_away(1, code)])
async def test_a_server_that_requires_http11_is_not_asked_again(
    world: World, client: Any, authority: trustme.CA, end: Any
) -> None:
    with H2Server(end(HTTP_1_1_REQUIRED), authority=authority) as server:
        async with client:
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)
    assert server.requests == 1


@pytest.mark.parametrize(("code", "opens"), [(NO_ERROR, 0), (INTERNAL_ERROR, 1)])
async def test_a_circuit_does_not_count_a_planned_goodbye(
    world: World, authority: trustme.CA, code: int, opens: int
) -> None:
    opened: list[str] = []
    breaker = world.ours.CircuitBreaker(failure_rate=0.5, minimum_calls=2)
    transport = world.ours.CircuitBreakingTransport(
        None,
        breaker,
        http2=True,
        verify=trusting(authority),
        on_event=lambda event: opened.append(type(event).__name__),
    )
    script = [go_away(1, code)] * 2
    with H2Server(*script, authority=authority) as server:
        async with world.client(transport) as client:
            for _ in script:
                with pytest.raises(world.library.RemoteProtocolError):
                    await client.get(server.url)
    assert opened.count("CircuitOpened") == opens
