"""The failover layer over real sockets, and real TLS."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
import tenacity
import trustme
from support.gates import in_total, pooling, stream, until
from support.server import Server, close, drip, reply, reset, stall
from support.world import World, in_async

from httpx_resilient import Failover, attempts_of
from httpx_resilient._core.classify import Retryability, classify_error
from httpx_resilient._layers.failover.group import GROUP, GroupState

pytestmark = pytest.mark.anyio


@pytest.fixture
def second() -> Iterator[Server]:
    with Server() as server:
        yield server


def failing_over(world: World, *servers: Server, inner: Any = None) -> Any:
    return world.client(world.ours.FailoverTransport(inner, group_of(*servers)))


def group_of(*servers: Server) -> Failover:
    return Failover([server.url for server in servers])


def end_cooldowns(group: Failover) -> None:
    """Make all origins that are down due for a probe, without waiting."""

    def transition(state: GroupState) -> tuple[GroupState, None]:
        due = tuple(None if due is None else 0.0 for due in state.due)
        return GroupState(due), None

    group.store.apply(GROUP, transition)


async def test_requests_leave_an_origin_that_fails_and_return_when_it_is_back(
    world: World, server: Server, second: Server
) -> None:
    server.play(reply(200, b"first"), reset())
    second.play(reply(200, b"second"))
    group = group_of(server, second)
    async with world.client(world.ours.FailoverTransport(None, group)) as client:
        assert (await client.get(server.url)).content == b"first"
        assert (await client.get(server.url)).content == b"second"
        assert (await client.get(server.url)).content == b"second"
        server.play(reply(200, b"first"))
        end_cooldowns(group)
        assert (await client.get(server.url)).content == b"first"
    assert second.requests == 2


async def test_a_post_fails_over_from_an_origin_that_refuses_connections(
    world: World, server: Server, second: Server
) -> None:
    server.stop()
    async with failing_over(world, server, second) as client:
        response = await client.post(f"{server.url}path?q=1", json={"n": 1})
    (received,) = second.received
    assert (received.method, received.target) == ("POST", "/path?q=1")
    assert received.headers["host"] == f"127.0.0.1:{second.port}"
    assert received.body == b'{"n":1}'
    assert response.extensions["origin"] == second.url.rstrip("/")


async def test_a_file_is_sent_to_the_next_origin_from_its_start(
    world: World, server: Server, second: Server
) -> None:
    server.play(reply(503))
    file = io.BytesIO(b"all of it")
    async with failing_over(world, server, second) as client:
        # In an asynchronous client a file is sent as a part of a form.
        body = {"content": file} if world.sync else {"files": {"file": file}}
        assert (await client.put(server.url, **body)).status_code == 200
    assert b"all of it" in server.bodies[0]
    assert second.bodies == server.bodies


async def test_the_response_has_the_request_and_the_url_of_the_caller(
    world: World, server: Server, second: Server
) -> None:
    server.play(close())
    async with failing_over(world, server, second) as client:
        request = client.build_request("GET", f"{server.url}path")
        response = await client.send(request)
    assert response.request is request
    assert str(response.url) == f"{server.url}path"


async def test_a_relative_redirect_stays_in_the_group(
    world: World, server: Server, second: Server
) -> None:
    server.play(close())
    second.play(reply(302, location="/there"), reply(200))
    async with failing_over(world, server, second) as client:
        response = await client.get(server.url, follow_redirects=True)
    assert [received.target for received in second.received] == ["/", "/there"]
    assert str(response.url) == f"{server.url}there"
    assert server.requests == 1


async def test_credentials_and_cookies_stay_with_the_first_origin(
    world: World, server: Server, second: Server
) -> None:
    server.play(reply(503))
    second.play(reply(200, set_cookie="session=2"))
    group = group_of(server, second)
    async with world.client(world.ours.FailoverTransport(None, group)) as client:
        url = server.url.replace("//", "//me:hidden@")
        for _ in range(2):
            await client.get(url, headers={"Cookie": "session=1"})
        server.play(reply(200))
        end_cooldowns(group)
        await client.get(server.url)
    (first, last) = server.received
    assert first.headers["authorization"].startswith("Basic ")
    assert first.headers["cookie"] == "session=1"
    assert "cookie" not in last.headers
    for received in second.received:
        assert not received.headers.keys() & {"authorization", "cookie"}


async def test_a_streamed_response_of_the_next_origin_is_returned_unread(
    world: World, server: Server, second: Server
) -> None:
    server.play(reply(503, b"not now"))
    second.play(drip(200, [b"piece "] * 3))
    pool = pooling(world, None)
    async with failing_over(world, server, second, inner=pool) as client:
        response = await stream(client, server.url)
        assert in_total(pool)["active"] == 1
        assert await world.read(response) == b"piece piece piece "
        await world.close(response)
        assert in_total(pool)["idle"] == 2
        assert server.connections == 1


async def test_a_retry_around_failover_sends_the_same_body_each_time(
    world: World, server: Server, second: Server
) -> None:
    for each in (server, second):
        each.play(reply(503), reply(200))
    group = world.ours.FailoverTransport(None, [server.url, second.url])
    async with world.client(world.transport(group)) as client:
        response = await client.put(server.url, content=b"data")
    assert [attempt.outcome for attempt in attempts_of(response)] == [503, 503, 200]
    assert sorted(server.bodies + second.bodies) == [b"data"] * 3


async def test_a_deadline_around_failover_takes_the_slow_origin_out(
    world: World, server: Server, second: Server
) -> None:
    """Otherwise every request would spend its time there and never reach the second."""
    server.play(stall())
    group = world.ours.FailoverTransport(None, [server.url, second.url])
    layer = world.ours.DeadlineTransport(group, 0.25)
    async with world.client(layer) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.post(server.url)
        response = await client.post(server.url)
    assert response.extensions["origin"] == second.url.rstrip("/")


async def test_a_deadline_inside_of_failover_sends_the_request_to_the_next_origin(
    world: World, server: Server, second: Server
) -> None:
    server.play(stall())
    attempt = world.ours.DeadlineTransport(None, 0.25)
    async with failing_over(world, server, second, inner=attempt) as client:
        assert (await client.get(server.url)).status_code == 200
    assert second.requests == 1


@in_async
async def test_a_storm_of_cancellations_leaks_no_connection_and_no_probe(
    world: World, server: Server, second: Server
) -> None:
    server.play(*[reply(503, b"x"), reply(200), stall()] * 20, reply(503))
    second.play(drip(200, [b"x"] * 3, every=0.001))
    pool = pooling(world, 8)
    group = Failover([server.url, second.url], cooldown=0.01)
    async with world.client(world.ours.FailoverTransport(pool, group)) as client:
        async with anyio.create_task_group() as tasks:

            async def cancelled(number: int) -> None:
                with anyio.move_on_after(0.003 * (number % 9)):
                    await client.get(server.url, timeout=30)

            for number in range(100):
                tasks.start_soon(cancelled, number)
        await until(world, lambda: in_total(pool).keys() <= FREE)
        server.play(reply(200, b"back"))
        while (await client.get(server.url)).content != b"back":
            await world.sleep(0.01)
        assert in_total(pool).keys() <= FREE


FREE = {"idle", "opened", "reused", "retired"}


async def test_threads_and_tasks_share_the_state_of_a_group(
    world: World, server: Server, second: Server
) -> None:
    server.play(reply(503))
    group = Failover([server.url, second.url])
    one, other = (world.ours.FailoverTransport(None, group) for _ in range(2))
    async with world.client(one) as client, world.client(other) as another:
        await client.get(server.url)

        async def get() -> None:
            response = await another.get(server.url)
            assert response.extensions["origin"] == second.url.rstrip("/")

        await world.together(*[get] * 4)
    assert server.requests == 1


async def test_a_retry_that_repeats_a_post_sends_it_to_the_next_origin(
    world: World, server: Server, second: Server
) -> None:
    """Failover itself must not repeat it."""
    server.play(reply(503))
    group = world.ours.FailoverTransport(None, [server.url, second.url])
    layer = world.transport(
        group, retry=world.ours.retry_if_transient("POST"), wait=tenacity.wait_none()
    )
    async with world.client(layer) as client:
        response = await client.post(server.url, json={})
    assert response.status_code == 200
    assert (server.requests, second.requests) == (1, 1)


# TLS.


class TLSServer(Server):
    """A server with a certificate for one name, which records requested names."""

    def __init__(self, authority: trustme.CA, name: str) -> None:
        self.requested_names: list[str | None] = []
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(self._context)
        self._context.sni_callback = lambda _, name, __: self.requested_names.append(
            name
        )
        super().__init__(reply(200, name.encode()))
        self.origin = f"https://localhost:{self.port}"

    def _serve(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            secure = self._context.wrap_socket(sock, server_side=True)
            super()._serve(secure, number)


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_tls_names_the_next_origin_and_checks_its_certificate(
    world: World, server: Server, authority: trustme.CA
) -> None:
    server.stop()
    first = server.url.replace("http:", "https:")
    with TLSServer(authority, "localhost") as second:
        layer = world.ours.FailoverTransport(
            None, [first, second.origin], verify=trusting(authority)
        )
        async with world.client(layer) as client:
            assert (await client.get(first)).content == b"localhost"
    assert second.requested_names == ["localhost"]


async def test_a_certificate_of_the_first_origin_is_rejected_at_the_second(
    world: World, server: Server, authority: trustme.CA
) -> None:
    server.stop()
    first = server.url.replace("http:", "https:")
    with TLSServer(authority, "127.0.0.1") as second:
        layer = world.ours.FailoverTransport(
            None, [first, second.origin], verify=trusting(authority)
        )
        async with world.client(layer) as client:
            with pytest.raises(world.library.ConnectError) as caught:
                await client.get(first)
    assert classify_error(caught.value, world.ours._FAMILY) is Retryability.NEVER
    assert second.requests == 0


async def test_any_request_fails_over_from_an_untrusted_certificate(
    world: World, second: Server, authority: trustme.CA
) -> None:
    with TLSServer(authority, "elsewhere.example") as first:
        layer = world.ours.FailoverTransport(
            None, [first.origin, second.url], verify=trusting(authority)
        )
        async with world.client(layer) as client:
            response = await client.post(first.origin, content=b"data")
    assert response.extensions["origin"] == second.url.rstrip("/")
    assert (first.bodies, second.bodies) == ([], [b"data"])


async def test_a_server_name_set_by_the_caller_is_sent_to_every_origin(
    world: World, server: Server, authority: trustme.CA
) -> None:
    server.stop()
    first = server.url.replace("http:", "https:")
    with TLSServer(authority, "service.example") as second:
        layer = world.ours.FailoverTransport(
            None, [first, second.origin], verify=trusting(authority)
        )
        async with world.client(layer) as client:
            own = {"sni_hostname": "service.example"}
            headers = {"Host": "service.example"}
            await client.get(first, headers=headers, extensions=own)
    assert second.requested_names == ["service.example"]
    assert second.received[0].headers["host"] == "service.example"
