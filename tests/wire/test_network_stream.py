"""The extension `network_stream` of a response."""

from __future__ import annotations

import inspect
import socket
import ssl
from typing import Any

import pytest
from support.server import Server
from support.tls_server import TLSServer, trusting
from support.world import World

pytestmark = pytest.mark.anyio


async def streams_of(world: World, url: str, **options: Any) -> list[Any]:
    """Return the network streams of the wire and of stock, as they are while open."""
    found = []
    for transport in world.ours.PoolingTransport(**options), world.http(**options):
        async with world.client(transport) as client:
            response = await client.get(url)
            stream = response.extensions["network_stream"]
            names = (
                "client_addr",
                "server_addr",
                "socket",
                "ssl_object",
                "is_readable",
            )
            facts = {name: stream.get_extra_info(name) for name in (*names, "other")}
            facts["fileno"] = facts["socket"].fileno()
            facts["protocol"] = facts["ssl_object"] and facts["ssl_object"].version()
            found.append(facts)
    return found


def local(facts: dict[str, Any]) -> Any:
    return facts["client_addr"][0], len(facts["client_addr"])


async def test_it_has_what_httpcore_has(world: World, server: Server) -> None:
    ours, stock = await streams_of(world, server.url)
    assert ours["server_addr"] == stock["server_addr"] == ("127.0.0.1", server.port)
    assert local(ours) == local(stock)
    assert ours["fileno"] > 0
    assert ours["ssl_object"] is stock["ssl_object"] is None
    assert ours["is_readable"] is stock["is_readable"] is False
    assert ours["other"] is stock["other"] is None


async def test_it_has_the_tls_object(world: World, authority: Any) -> None:
    with TLSServer(authority) as server:
        ours, stock = await streams_of(world, server.url, verify=trusting(authority))
    assert ours["protocol"] == stock["protocol"] == "TLSv1.3"
    assert isinstance(ours["ssl_object"], ssl.SSLObject | ssl.SSLSocket)


async def test_an_address_of_ipv6_has_as_many_fields_as_with_httpcore(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = socket.create_server
    monkeypatch.setattr(
        socket,
        "create_server",
        lambda _: create(("::1", 0), family=socket.AF_INET6),
    )
    with Server() as server:
        monkeypatch.undo()
        url = f"http://[::1]:{server.port}/"
        ours, stock = await streams_of(world, url)
    assert ours["server_addr"] == stock["server_addr"]
    assert local(ours) == local(stock)


async def test_it_cannot_be_read_from_nor_written_to(
    world: World, server: Server
) -> None:
    async with world.client(world.ours.PoolingTransport()) as client:
        stream = (await client.get(server.url)).extensions["network_stream"]
        for call in (
            lambda: stream.read(1, timeout=1),
            lambda: stream.write(b"x"),
            lambda: stream.start_tls(ssl.create_default_context()),
        ):
            with pytest.raises(RuntimeError, match="send CONNECT or a header Upgrade"):
                call()
        await client.get(server.url)
    assert server.connections == 1


async def test_to_close_it_closes_the_connection(world: World, server: Server) -> None:
    async with world.client(world.ours.PoolingTransport()) as client:
        stream = (await client.get(server.url)).extensions["network_stream"]
        closing = stream.close() if world.sync else stream.aclose()
        if inspect.isawaitable(closing):
            await closing
        assert stream.get_extra_info("is_readable")
        stream.close()
        await client.get(server.url)
    assert server.connections == 2
