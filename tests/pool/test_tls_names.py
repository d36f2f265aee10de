"""
A connection that was verified for one name serves no request for another one.

`extensions={"sni_hostname": name}` sends requests to an address, and asks for the
certificate of a name. Two names at one address are two servers.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
from support.gates import in_total, patient, pooling
from support.h2_server import H2Server
from support.server import Server, reply
from support.tls_server import TLSServer, trusting
from support.world import World, in_async

pytestmark = pytest.mark.anyio

NAMES = "one.example", "two.example"


class Certificates:
    """The certificates of a server, by name. Without a name, that of its address."""

    def __init__(self, authority: trustme.CA, *protocols: str) -> None:
        self.asked: list[str | None] = []
        self._contexts = {
            name: self._context(authority, name or "127.0.0.1", *protocols)
            for name in (*NAMES, None)
        }

    @staticmethod
    def _context(authority: trustme.CA, name: str, *protocols: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        if protocols:
            context.set_alpn_protocols(protocols)
        return context

    def serve(self, server: Any) -> None:
        """Let a server present them. It has had no connection yet."""
        context = self._contexts[None]
        context.sni_callback = self._choose
        server._context = context

    def _choose(self, tls: Any, name: str | None, _: ssl.SSLContext) -> None:
        self.asked.append(name)
        tls.context = self._contexts.get(name, self._contexts[None])


def named(name: str | None) -> dict[str, Any]:
    return {} if name is None else {"sni_hostname": name}


async def get(client: Any, url: str, name: str | None) -> int:
    status: int = (await client.get(url, extensions=named(name))).status_code
    return status


def requests(client: Any, url: str, each: int = 1) -> list[Callable[[], Any]]:
    """Return a function for each name, which sends so many requests for it."""

    def request(name: str | None) -> Callable[[], Any]:
        async def send() -> None:
            for _ in range(each):
                assert await get(client, url, name) == 200

        return send

    return [request(name) for name in (*NAMES, None)]


class TestConnections:
    @pytest.fixture
    def certificates(self, authority: trustme.CA) -> Certificates:
        return Certificates(authority)

    @pytest.fixture
    def server(
        self, authority: trustme.CA, certificates: Certificates
    ) -> Iterator[Server]:
        with TLSServer(authority) as server:
            certificates.serve(server)
            yield server

    @pytest.fixture
    def transport(self, world: World, authority: trustme.CA) -> Any:
        return pooling(world, 10, verify=trusting(authority))

    async def test_requests_for_different_names_share_none(
        self, world: World, server: Server, transport: Any, certificates: Certificates
    ) -> None:
        async with world.client(transport) as client:
            for name in (*NAMES, None, *NAMES, None):
                assert await get(client, server.url, name) == 200
            assert in_total(transport) == {"idle": 3, "opened": 3, "reused": 3}
        used = [each.connection for each in server.received]
        assert used == [1, 2, 3, 1, 2, 3]
        assert certificates.asked[:2] == [*NAMES]

    async def test_a_name_without_a_certificate_is_refused_beside_an_open_connection(
        self, world: World, server: Server, transport: Any
    ) -> None:
        async with world.client(transport) as client:
            await get(client, server.url, NAMES[0])
            with pytest.raises(world.library.ConnectError):
                await get(client, server.url, "three.example")
            assert await get(client, server.url, NAMES[0]) == 200
        assert server.requests == 2

    async def test_a_waiting_request_is_not_given_the_connection_of_another_name(
        self, world: World, server: Server, authority: trustme.CA
    ) -> None:
        server.play(reply(200, b"x"))
        transport = pooling(world, 1, verify=trusting(authority))
        async with patient(world, transport) as client:
            await world.together(*requests(client, server.url, each=3) * 3)
        assert server.requests == 27

    async def test_the_statistics_are_those_of_the_origin(
        self, world: World, server: Server, transport: Any
    ) -> None:
        async with world.client(transport) as client:
            for name in NAMES:
                await get(client, server.url, name)
            (origin,) = transport.stats().origins.values()
            assert (origin.opened, origin.idle) == (2, 2)


@in_async
class TestHTTP2:
    async def test_requests_for_different_names_share_no_connection(
        self, world: World, authority: trustme.CA, secure: dict[str, Any]
    ) -> None:
        with H2Server(authority=authority) as server:
            Certificates(authority, "h2").serve(server)
            transport = pooling(world, 10, **secure)
            async with patient(world, transport) as client:
                await world.together(*requests(client, server.url) * 5)
                assert in_total(transport)["opened"] == 3
            assert (server.requests, server.connections) == (15, 3)
