"""The statistics of the pool at each moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.gates import Gate, in_total, patient, pooling, until
from support.server import Server, close, reply
from support.world import World

from httpx_resilient import PoolStats

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("connections")]


def origin_name(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


async def test_a_new_pool_has_only_zeros(world: World) -> None:
    assert pooling(world).stats() == PoolStats()


async def test_a_request_is_active_until_its_connection_is_idle(
    world: World, server: Server
) -> None:
    transport = pooling(world, 2)
    async with world.client(transport) as client:
        request = client.build_request("GET", server.url)
        first = await client.send(request, stream=True)
        assert in_total(transport) == {"active": 1, "opened": 1}
        second = await client.send(request, stream=True)
        assert in_total(transport) == {"active": 2, "opened": 2}
        await world.read(first)
        assert in_total(transport) == {"active": 1, "idle": 1, "opened": 2}
        await world.read(second)
        await client.get(server.url)
        assert in_total(transport) == {"idle": 2, "opened": 2, "reused": 1}
    assert in_total(transport) == {"opened": 2, "reused": 1}


async def test_a_connection_that_failed_is_retired(
    world: World, server: Server
) -> None:
    server.play(reply(), close(), close(), reply())
    transport = pooling(world)
    async with world.client(transport) as client:
        await client.post(server.url)
        for _ in range(2):
            with pytest.raises(world.library.RemoteProtocolError):
                await client.post(server.url)
        # The second connection that failed had no response, so it does not count as open.
        assert in_total(transport) == {"opened": 1, "reused": 1, "retired": 2}


async def test_each_origin_has_statistics_of_its_own(
    world: World, server: Server
) -> None:
    gate = Gate()
    transport = pooling(world)
    with Server(gate) as other:
        async with patient(world, transport) as client:

            async def get(url: str) -> None:
                await client.get(url)

            async def get_later(url: str) -> None:
                await until(world, lambda: other.requests)
                await client.get(url)

            async def look() -> None:
                await until(world, lambda: transport.stats().waiting == 2)
                assert transport.stats() == PoolStats(
                    active=1,
                    waiting=2,
                    origins={
                        origin_name(other): PoolStats(active=1, waiting=1),
                        origin_name(server): PoolStats(waiting=1),
                    },
                )
                gate.let(2)

            await world.together(
                lambda: get(other.url),
                lambda: get_later(server.url),
                lambda: get_later(other.url),
                look,
            )
        origins = transport.stats().origins
        assert (
            origins[origin_name(other)].opened + origins[origin_name(other)].reused == 2
        )
        assert origins[origin_name(server)].opened == 1
    assert "waiting" not in in_total(transport)


@pytest.mark.parametrize("runtime", ["asyncio"])
async def test_the_statistics_of_both_sides_are_added_up(
    world: World, server: Server, connections: str
) -> None:
    transport = pooling(world, 5)
    with world.library.Client(transport=transport) as client:
        client.get(server.url)
        async with world.client(transport) as other:
            for _ in range(2):
                await other.get(server.url)
            assert in_total(transport) == {"idle": 2, "opened": 2, "reused": 1}
            assert transport.stats().origins == {
                origin_name(server): PoolStats(
                    idle=2,
                    opened=2,
                    wired=2 * (connections == "wire"),
                    reused=1,
                )
            }
        assert in_total(transport) == {"idle": 1, "opened": 2, "reused": 1}


@pytest.mark.parametrize("origin", ["http://a", "http://[::1]", "http://[::1]:8000"])
async def test_an_origin_has_the_name_that_a_url_has(
    world: World, tmp_path: Path, origin: str
) -> None:
    uds = str(tmp_path / "socket")
    transport = pooling(world, uds=uds)
    with Server(uds=uds):
        async with world.client(transport) as client:
            await client.get(origin)
    assert list(transport.stats().origins) == [origin]


async def test_a_request_with_an_unknown_scheme_occupies_no_slot(world: World) -> None:
    transport = pooling(world)
    async with world.client(transport) as client:
        for _ in range(3):
            with pytest.raises(world.library.UnsupportedProtocol):
                await client.get("gopher://a/")
    assert "active" not in in_total(transport)
