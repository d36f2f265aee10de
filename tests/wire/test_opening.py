"""The opening of connections."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.addresses import NAME, dead, entry, resolve
from support.dead_loops import until
from support.interruptions import Interruption
from support.server import Server, reply
from support.tls_server import TLSServer, trusting
from support.wires import opened, wire_of
from support.world import LIBRARIES, World, in_async

from httpx_resilient._wire import async_dialing, connect
from httpx_resilient._wire.async_dialing import dial_async
from httpx_resilient._wire.options import WireOptions

pytestmark = pytest.mark.anyio

NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY)
KEEPALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def open_sockets() -> int:
    gc.collect()
    return sum(
        "socket:" in str(each.readlink())
        for each in Path("/proc/self/fd").iterdir()
        if each.is_symlink()
    )


def get(world: World, url: str, **extensions: Any) -> Any:
    return world.library.Request("GET", url, extensions=extensions)


async def test_it_connects_to_a_unix_socket(world: World, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with Server(uds=path) as server:
        wire = wire_of(world, uds=path, socket_options=[KEEPALIVE])
        connection = await opened(world, wire, "http://name.example/")
        assert connection.info("socket").getsockopt(*KEEPALIVE[:2])
        assert connection.info("peername") == path
        wire.close()
    assert server.received[0].headers["host"] == "name.example"


async def test_a_unix_socket_that_does_not_exist_is_a_connect_error(
    world: World, tmp_path: Path
) -> None:
    wire = wire_of(world, uds=str(tmp_path / "none"))
    with pytest.raises(world.library.ConnectError) as caught:
        await wire.send(get(world, "http://name.example/"), {"connect": 1})
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@in_async
async def test_a_unix_socket_with_a_full_queue_is_waited_for(
    world: World, tmp_path: Path
) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(path)
        wire = wire_of(world, uds=path)
        with pytest.raises(world.library.ConnectTimeout):
            await wire.send(get(world, "http://name.example/"), {"connect": 0.1})
        for each in waiting:
            each.close()


async def test_it_connects_from_its_local_address_with_its_socket_options(
    world: World, server: Server
) -> None:
    wire = wire_of(world, local_address="127.0.0.5", socket_options=[KEEPALIVE])
    connection = await opened(world, wire, server.url)
    assert connection.info("sockname")[0] == "127.0.0.5"
    sock = connection.info("socket")
    assert sock.getsockopt(*NODELAY)
    assert sock.getsockopt(*KEEPALIVE[:2])
    wire.close()


async def test_the_name_for_tls_may_differ_from_the_host(
    world: World, authority: Any
) -> None:
    names = []
    with TLSServer(authority) as server:
        authority.issue_cert("tls.example").configure_cert(server._context)
        server._context.sni_callback = lambda _, name, __: names.append(name)
        wire = wire_of(world, tls=trusting(authority))
        request = get(world, server.url, sni_hostname="tls.example")
        response = await wire.send(request, {"connect": 5})
        assert response.status_code == 200
        wire.close()
    assert names == ["tls.example"]


async def test_the_target_of_a_request_may_differ_from_its_url(
    world: World, server: Server
) -> None:
    wire = wire_of(world)
    await wire.send(get(world, server.url, target=b"*"), {})
    assert server.received[0].target == "*"
    wire.close()


async def test_a_connection_that_was_closed_is_opened_again(
    world: World, server: Server
) -> None:
    wire = wire_of(world)
    assert not wire.looks_open()
    assert not wire.has_received
    assert wire.ends == ()
    connection = await opened(world, wire, server.url)
    assert wire.looks_open()
    (end,) = wire.ends
    assert not end
    connection.close()
    assert end
    assert not wire.looks_open()
    await opened(world, wire, server.url)
    assert wire.looks_open()
    assert wire.has_received
    assert wire.reader.is_complete
    wire.close()
    assert server.connections == 2


async def test_who_observes_the_opening_may_end_it(
    world: World, server: Server
) -> None:
    seen = []

    class Observer:
        def connecting(self) -> None:
            seen.append("connecting")

        def sending(self) -> None:
            seen.append("sending")
            if len(seen) == 2:
                raise Interruption

    wire = wire_of(world)
    before = open_sockets()
    for _ in range(2):
        wire.opening = Observer()
        request = get(world, server.url)
        if seen:
            await wire.send(request, {})
        else:
            with pytest.raises(Interruption):
                await wire.send(request, {})
            await until(lambda: open_sockets() <= before)
    assert seen == ["connecting", "sending"] * 2
    assert server.requests == 1
    wire.close()


@pytest.mark.parametrize("seconds", [0, 0.0001])
async def test_a_timeout_of_nearly_nothing_ends_the_handshake(
    world: World, seconds: float
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = wire_of(world)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(world.library.ConnectTimeout):
            await wire.send(get(world, url), {"connect": seconds})


async def test_no_timeout_is_no_limit(world: World, authority: Any) -> None:
    with TLSServer(authority) as server:
        wire = wire_of(world, tls=trusting(authority))
        assert await opened(world, wire, server.url)
        wire.close()


async def test_whatever_interrupts_a_handshake_leaves_no_socket(
    world: World, authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise Interruption

    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", interrupted)
    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", interrupted)
    with Server() as server:
        before = open_sockets()
        wire = wire_of(world, tls=trusting(authority))
        with pytest.raises(Interruption):
            await wire.send(get(world, server.url.replace("http", "https")), {})
        await until(lambda: open_sockets() <= before)


class HastyContext(ssl.SSLContext):
    """Looks at the certificate at once, as truststore does before its version 0.10.5."""

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(*args, **options)
        assert wrapped.getpeercert(binary_form=True)
        return wrapped


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_context_that_looks_at_the_certificate_at_once_finds_it(
    authority: Any, library: str
) -> None:
    world = World(*LIBRARIES[library], sync=True)
    context = HastyContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    transport = world.ours.PoolingTransport(verify=context)
    with TLSServer(authority, reply()) as server:
        with world.library.Client(transport=transport) as client:
            assert client.get(server.url).status_code == 200


@in_async
class TestRace:
    async def test_the_first_address_that_answers_wins(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with dead("127.0.0.2", port=server.port):
            entries = [entry("127.0.0.2", server.port), entry("127.0.0.1", server.port)]
            resolve(monkeypatch, entries)
            wire, began = wire_of(world), time.monotonic()
            connection = await opened(world, wire, f"http://{NAME}:{server.port}/")
            assert time.monotonic() - began < 2
            assert connection.info("peername")[0] == "127.0.0.1"
            wire.close()

    async def test_all_that_fail_raise_the_last_failure(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve(monkeypatch, [entry(f"127.0.0.{n}", server.port) for n in (10, 11)])
        request = get(world, f"http://{NAME}:{server.port}/")
        with pytest.raises(world.library.ConnectError, match="refused") as caught:
            await wire_of(world).send(request, {})
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)

    async def test_a_name_without_addresses_is_a_connect_error(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve(monkeypatch, [])
        with pytest.raises(world.library.ConnectError, match="no address"):
            await wire_of(world).send(get(world, f"http://{NAME}/"), {})

    async def test_one_address_needs_no_race(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve(monkeypatch, [entry("127.0.0.1", server.port)] * 2)
        wire = wire_of(world)
        assert await opened(world, wire, f"http://{NAME}:{server.port}/")
        wire.close()

    async def test_a_cancellation_leaves_no_socket(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hosts = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
        with dead(*hosts, port=server.port):
            resolve(monkeypatch, [entry(host, server.port) for host in hosts])
            before = open_sockets()
            with anyio.move_on_after(0.4) as scope:
                url = f"http://{NAME}:{server.port}/"
                await wire_of(world).send(get(world, url), {})
            assert scope.cancelled_caught
            await until(lambda: open_sockets() <= before)

    async def test_two_that_connect_at_the_same_time_leave_one_socket(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stock, count = async_dialing._connect, 0
        both = anyio.Event()

        async def together(address: Any, options: Any) -> socket.socket:
            nonlocal count
            sock = await stock(address, options)
            count += 1
            if count == 2:
                both.set()
            with anyio.CancelScope(shield=True):
                await both.wait()
            return sock

        monkeypatch.setattr(async_dialing, "_connect", together)
        with Server() as other:
            entries = [entry("127.0.0.1", each.port) for each in (server, other)]
            resolve(monkeypatch, entries)
            before = open_sockets()
            tls = ssl.create_default_context()
            sock = await dial_async(NAME, 80, WireOptions(tls))
            await until(lambda: open_sockets() <= before + 2)  # with the server's
            sock.close()

    @pytest.mark.parametrize("host", ["::1", "::1%lo"])
    async def test_an_address_of_ipv6_may_have_a_zone(
        self, world: World, monkeypatch: pytest.MonkeyPatch, host: str
    ) -> None:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
            port = listener.getsockname()[1]
            resolve(monkeypatch, [entry("::1", port, socket.AF_INET6)], "::1%lo")
            sock = await dial_async(
                host, port, WireOptions(ssl.create_default_context())
            )
            assert sock.getpeername()[:2] == ("::1", port)
            sock.close()


def test_a_url_names_its_port(world: World) -> None:
    tls = ssl.create_default_context()
    for url, port in ("http://a/", 80), ("https://a/", 443), ("https://a:1/", 1):
        assert connect.Target(get(world, url), WireOptions(tls)).port == port


async def test_two_loops_in_two_threads_do_not_mix(world: World) -> None:
    bodies = [bytes([65 + n]) * 300_000 for n in range(2)]

    def work(server: Server, body: bytes) -> None:
        async def main() -> None:
            async with world.client(world.ours.PoolingTransport()) as client:
                for _ in range(30):
                    assert (await client.get(server.url)).content == body

        anyio.run(main)

    with Server(reply(200, bodies[0])) as one, Server(reply(200, bodies[1])) as two:
        async with anyio.create_task_group() as group:
            for server, body in zip((one, two), bodies, strict=True):
                group.start_soon(anyio.to_thread.run_sync, work, server, body)
