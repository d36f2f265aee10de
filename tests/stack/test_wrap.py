"""`wrap`: a layer for an existing client, which retains its configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import tenacity
from support.server import Server, close, reply
from support.world import LIBRARIES, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def proxy() -> Iterator[Server]:
    """A server that receives the requests with an absolute target."""
    with Server() as proxy:
        yield proxy


class Wrapping:
    """A world with wrapped stock clients."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.retrying = partial(world.ours.RetryingTransport, wait=tenacity.wait_none())

    def stock(self, **options: Any) -> Any:
        kind = "Client" if self.world.sync else "AsyncClient"
        return getattr(self.world.library, kind)(**options)

    def client(self, **options: Any) -> Any:
        client = self.world.ours.wrap(self.stock(**options), self.retrying)
        return self.world.awaited(client)


@pytest.fixture
def wrapping(world: World) -> Wrapping:
    return Wrapping(world)


def transports_of(client: Any) -> tuple[Any, list[Any]]:
    """The client's own transport, and those of its mounts."""
    return client._transport, list(client._mounts.values())


async def test_a_wrapped_client_retries(wrapping: Wrapping, server: Server) -> None:
    server.play(reply(503), close(), reply(200))
    async with wrapping.client() as client:
        assert (await client.get(server.url)).status_code == 200
    assert server.requests == 3


async def test_the_client_itself_is_returned(wrapping: Wrapping) -> None:
    client = wrapping.stock()
    assert wrapping.world.ours.wrap(client, wrapping.retrying) is client


async def test_requests_through_the_proxy_of_the_client_are_retried(
    wrapping: Wrapping, proxy: Server
) -> None:
    proxy.play(reply(503), reply(503), reply(200))
    async with wrapping.client(proxy=proxy.url) as client:
        assert (await client.get("http://example.invalid/")).status_code == 200
    assert [request.target for request in proxy.received] == [
        "http://example.invalid/"
    ] * 3


async def test_requests_through_the_proxies_of_the_environment_are_retried(
    wrapping: Wrapping, server: Server, proxy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for each in (proxy, server):
        each.play(reply(503), reply(200))
    async with wrapping.client() as client:
        await client.get("http://example.invalid/")
        await client.get(server.url)
    assert (proxy.requests, server.requests) == (2, 2)


async def test_requests_to_a_mount_are_retried(wrapping: Wrapping) -> None:
    world = wrapping.world
    answers = [503, 503, 200]
    mounted = world.mock(lambda _: world.library.Response(answers.pop(0)))
    async with wrapping.client(mounts={"http://mounted": mounted}) as client:
        assert (await client.get("http://mounted/")).status_code == 200
    assert not answers


async def test_the_transport_of_the_client_retains_its_options(
    wrapping: Wrapping, tmp_path: Any
) -> None:
    uds = str(tmp_path / "socket")
    inner = wrapping.world.http(uds=uds)
    with Server(reply(503), reply(200), uds=uds) as server:
        async with wrapping.client(transport=inner) as client:
            assert (await client.get("http://localhost/")).status_code == 200
    assert server.requests == 2


async def test_a_transport_in_two_places_is_wrapped_once(wrapping: Wrapping) -> None:
    inner = wrapping.world.http()
    client = wrapping.stock(transport=inner, mounts={"http://a": inner})
    made: list[Any] = []

    def layer(transport: Any) -> Any:
        made.append(wrapping.retrying(transport))
        return made[-1]

    wrapping.world.ours.wrap(client, layer)
    assert len(made) == 1
    own, mounts = transports_of(client)
    assert [own, *mounts] == made * 2


async def test_a_layer_may_nest_several(wrapping: Wrapping, server: Server) -> None:
    world = wrapping.world
    seen: list[str] = []

    class Recorder(world.library.BaseTransport, world.library.AsyncBaseTransport):
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def handle_request(self, request: Any) -> Any:
            seen.append(request.method)
            return self.inner.handle_request(request)

        async def handle_async_request(self, request: Any) -> Any:
            seen.append(request.method)
            return await self.inner.handle_async_request(request)

        def close(self) -> None:
            self.inner.close()

        async def aclose(self) -> None:
            await self.inner.aclose()

    server.play(reply(503), reply(200))
    client = world.ours.wrap(
        wrapping.stock(), lambda inner: wrapping.retrying(Recorder(inner))
    )
    async with world.awaited(client) as awaited:
        await awaited.get(server.url)
    assert seen == ["GET", "GET"]


async def test_a_client_in_use_can_be_wrapped(
    wrapping: Wrapping, server: Server
) -> None:
    client = wrapping.stock()
    async with wrapping.world.awaited(client) as awaited:
        await awaited.get(server.url)
        wrapping.world.ours.wrap(client, wrapping.retrying)
        server.play(reply(503), reply(200))
        assert (await awaited.get(server.url)).status_code == 200
    assert server.connections == 1


async def test_an_instance_of_a_subclass_is_wrapped(
    wrapping: Wrapping, server: Server
) -> None:
    class Special(type(wrapping.stock())):  # type: ignore[misc]  # made per world
        pass

    server.play(reply(503), reply(200))
    client = wrapping.world.ours.wrap(Special(), wrapping.retrying)
    async with wrapping.world.awaited(client) as awaited:
        assert (await awaited.get(server.url)).status_code == 200


REFUSALS: list[tuple[Any, Any, type[Exception], str]] = [
    (
        lambda _: object(), lambda inner: inner, TypeError,
        "wrap takes an {}.Client or AsyncClient, got object",
    ),
    (
        lambda each: each.library.Client, lambda inner: inner, TypeError,
        "wrap takes a client, not a class: give an instance, Client()",
    ),
    (
        lambda each: each.library.Client(), "retry", TypeError,
        "give RetryingTransport itself or a partial of it, not 'retry'",
    ),
    (
        lambda each: each.library.Client(), lambda _: None, TypeError,
        "layer must return a transport, got None",
    ),
]  # fmt: skip


@pytest.fixture
def world_of(library: str) -> World:
    return World(*LIBRARIES[library], sync=True)


@pytest.mark.parametrize(("made", "layer", "error", "message"), REFUSALS)
def test_a_wrong_argument_is_refused(
    world_of: World, made: Any, layer: Any, error: type[Exception], message: str
) -> None:
    expected = re.escape(message.format(world_of.library.__name__))
    with pytest.raises(error, match=expected):
        world_of.ours.wrap(made(world_of), layer)


def test_a_client_of_the_other_library_is_refused(library: str) -> None:
    _, ours = LIBRARIES[library]
    (other,) = LIBRARIES.keys() - {library}
    theirs, home = LIBRARIES[other]
    expected = f"Client is a client of {other}: import wrap from {home.__name__}"
    with pytest.raises(TypeError, match=re.escape(expected)):
        ours.wrap(theirs.Client(), ours.RetryingTransport)


@pytest.mark.parametrize("between", [False, True], ids=["ours", "behind another's"])
def test_a_second_retry_is_refused(world_of: World, between: bool) -> None:
    class Other(world_of.library.BaseTransport):
        def __init__(self, inner: Any) -> None:
            self.inner, self.itself = inner, self

        def handle_request(self, request: Any) -> Any:
            return self.inner.handle_request(request)

    transport = world_of.transport()
    client = world_of.library.Client(
        transport=Other(transport) if between else transport
    )
    with pytest.raises(ValueError, match="retries already, and attempts would mult"):
        world_of.ours.wrap(client, world_of.ours.RetryingTransport)


LEFT_OUT = {
    "one layer": lambda ours: lambda _: ours.RetryingTransport(),
    "a stack": lambda ours: lambda _: ours.standard_transport(deadline=60),
    "nested layers": lambda ours: (
        lambda _: ours.RetryingTransport(ours.PoolingTransport())
    ),
}


@pytest.mark.parametrize("layer", LEFT_OUT)
def test_a_layer_that_leaves_out_the_transport_is_refused(
    world_of: World, layer: str
) -> None:
    client = world_of.library.Client()
    before = transports_of(client)
    with pytest.raises(ValueError, match="layer has left out the transport that it"):
        world_of.ours.wrap(client, LEFT_OUT[layer](world_of.ours))
    assert transports_of(client) == before


def test_a_transport_behind_one_of_another_package_counts_as_passed_on(
    world_of: World,
) -> None:
    class Other(world_of.library.BaseTransport):
        pass

    client = world_of.library.Client()
    world_of.ours.wrap(client, lambda _: world_of.ours.RetryingTransport(Other()))
    assert isinstance(transports_of(client)[0], world_of.ours.RetryingTransport)


def test_a_client_that_retries_can_get_another_layer(world_of: World) -> None:
    client = world_of.ours.wrap(
        world_of.library.Client(), world_of.ours.RetryingTransport
    )
    before = transports_of(client)
    world_of.ours.wrap(client, lambda inner: inner)
    assert transports_of(client) == before


def test_a_layer_that_fails_changes_nothing(world_of: World) -> None:
    client = world_of.library.Client(mounts={"http://a": world_of.http()})
    before = transports_of(client)
    answers = [world_of.http()]
    with pytest.raises(IndexError):
        world_of.ours.wrap(client, lambda _: answers.pop())
    assert transports_of(client) == before


def test_a_mount_without_a_transport_stays_without_one(world_of: World) -> None:
    client = world_of.library.Client(mounts={"http://a": None})
    world_of.ours.wrap(client, world_of.ours.RetryingTransport)
    _, mounts = transports_of(client)
    assert mounts == [None]
