"""The transport over TLS, with trusted and untrusted certificates."""

from __future__ import annotations

import ssl

import pytest
import trustme
from support.server import reply, reset
from support.tls_server import TLSServer, trusting
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio


async def test_a_503_is_retried_on_the_same_tls_connection(
    world: World, authority: trustme.CA
) -> None:
    script = reply(503, b"no"), reply(503, b"no"), reply(200, b"finally")
    with TLSServer(authority, *script) as server:
        transport = world.transport(verify=trusting(authority))
        async with world.client(transport) as client:
            response = await client.get(server.url)
    assert response.content == b"finally"
    assert (server.requests, server.connections) == (3, 1)


async def test_a_reset_is_retried_on_a_new_tls_connection(
    world: World, authority: trustme.CA
) -> None:
    with TLSServer(authority, reset(), reset(), reply(200, b"finally")) as server:
        transport = world.transport(verify=trusting(authority))
        async with world.client(transport) as client:
            response = await client.get(server.url)
    assert response.content == b"finally"
    assert (server.requests, server.connections) == (3, 3)


async def test_an_inner_transport_of_the_caller_with_tls_is_retried(
    world: World, authority: trustme.CA
) -> None:
    with TLSServer(authority, reply(503), reply(503), reply(200, b"ok")) as server:
        inner = world.http(verify=trusting(authority))
        async with world.client(world.transport(inner)) as client:
            response = await client.get(server.url)
    assert response.content == b"ok"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_untrusted_certificate_gets_one_attempt(
    world: World, authority: trustme.CA, method: str
) -> None:
    with TLSServer(authority) as server:
        transport = world.transport(verify=ssl.create_default_context())
        async with world.client(transport) as client:
            with pytest.raises(world.library.ConnectError) as caught:
                await client.request(method, server.url)
    assert len(attempts_of(caught.value)) == server.connections == 1
    assert server.requests == 0


async def test_a_certificate_for_another_name_gets_one_attempt(
    world: World, authority: trustme.CA
) -> None:
    with TLSServer(authority) as server:
        transport = world.transport(verify=trusting(authority))
        async with world.client(transport) as client:
            with pytest.raises(world.library.ConnectError) as caught:
                await client.get(server.url.replace("127.0.0.1", "localhost"))
    assert len(attempts_of(caught.value)) == server.connections == 1
    assert server.requests == 0
