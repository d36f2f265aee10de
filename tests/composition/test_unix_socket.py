"""The transport over a unix socket, which has a path instead of a port."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.server import Server, reply, reset
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect garbage, so that no ResourceWarning appears in another test."""
    yield
    gc.collect()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "socket")


@pytest.fixture
def server(path: str) -> Iterator[Server]:
    with Server(uds=path) as server:
        yield server


async def test_a_503_is_retried_on_the_same_connection(
    world: World, server: Server, path: str
) -> None:
    server.play(reply(503, b"no"), reply(503, b"no"), reply(200, b"finally"))
    async with world.client(world.transport(uds=path)) as client:
        response = await client.get("http://api/")
    assert response.content == b"finally"
    assert (server.requests, server.connections) == (3, 1)


async def test_a_reset_is_retried_on_a_new_connection(
    world: World, server: Server, path: str
) -> None:
    server.play(reset(), reset(), reply(200, b"finally"))
    async with world.client(world.transport(uds=path)) as client:
        response = await client.get("http://api/")
    assert response.content == b"finally"
    assert (server.requests, server.connections) == (3, 3)


async def test_an_inner_transport_of_the_caller_with_a_unix_socket_is_retried(
    world: World, server: Server, path: str
) -> None:
    server.play(reply(503), reply(503), reply(200, b"finally"))
    async with world.client(world.transport(world.http(uds=path))) as client:
        response = await client.get("http://api/")
    assert response.content == b"finally"


# The synchronous httpcore does not close a unix socket that fails to connect.
@pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connect_error_of_an_unused_path_is_retried(
    world: World, path: str, method: str
) -> None:
    async with world.client(world.transport(uds=path)) as client:
        with pytest.raises(world.library.ConnectError) as caught:
            await client.request(method, "http://api/")
    assert len(attempts_of(caught.value)) == 3
