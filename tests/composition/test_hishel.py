"""
hishel's cache outside our transport, and inside it.

Outside, the cache answers before there is an attempt. Inside, every attempt reaches it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hishel
import hishel.httpx
import hishel.httpx2
import pytest
import tenacity
from support.server import Server, reply
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

FRESH = {"cache_control": "max-age=3600"}
both_modes = pytest.mark.parametrize("rfc", [False, True], ids=["simple", "rfc"])


class Cache:
    """Makes caches that share one file."""

    def __init__(self, world: World, path: Path) -> None:
        self._kinds: Any = (
            hishel.httpx if world.library.__name__ == "httpx" else hishel.httpx2
        )
        self._path = path
        self._sync = world.sync

    def around(self, inner: Any, *, rfc: bool) -> Any:
        if self._sync:
            storage: Any = hishel.SqliteStorage(database_path=self._path)
            return self._kinds.CacheTransport(inner, storage=storage, rfc=rfc)
        storage = hishel.AsyncSqliteStorage(database_path=self._path)
        return self._kinds.AsyncCacheTransport(inner, storage=storage, rfc=rfc)


@pytest.fixture
def cache(world: World, tmp_path: Path) -> Cache:
    return Cache(world, tmp_path / "cache.db")


def outcomes_of(response: Any) -> list[str]:
    return [str(attempt) for attempt in attempts_of(response)]


def is_hit(response: Any) -> bool:
    return response.extensions["caching"]["from_cache"]


@both_modes
async def test_a_miss_of_an_outside_cache_is_retried(
    world: World, server: Server, cache: Cache, rfc: bool
) -> None:
    server.play(reply(503), reply(503), reply(200, b"finally", **FRESH))
    async with world.client(cache.around(world.transport(), rfc=rfc)) as client:
        response = await client.get(server.url)
    assert response.content == b"finally"
    assert outcomes_of(response) == ["503", "503", "200"]


@both_modes
async def test_a_hit_of_an_outside_cache_makes_no_attempt(
    world: World, server: Server, cache: Cache, rfc: bool
) -> None:
    server.play(reply(503), reply(200, b"finally", **FRESH), reply(500))
    async with world.client(cache.around(world.transport(), rfc=rfc)) as client:
        await client.get(server.url)
        response = await client.get(server.url)
    assert (response.content, is_hit(response)) == (b"finally", True)
    assert outcomes_of(response) == []
    assert server.requests == 2


@both_modes
async def test_an_outside_cache_does_not_change_the_body(
    world: World, server: Server, cache: Cache, rfc: bool
) -> None:
    server.play(reply(503), reply(503), reply(200))
    async with world.client(cache.around(world.transport(), rfc=rfc)) as client:
        await client.put(server.url, json={"a": 1})
    assert server.bodies == [b'{"a":1}'] * 3


async def test_every_attempt_of_an_outside_cache_revalidates(
    world: World, server: Server, cache: Cache
) -> None:
    stale = {"cache_control": "max-age=0", "etag": '"one"'}
    server.play(reply(200, b"stored", **stale), reply(503), reply(304, **stale))
    async with world.client(cache.around(world.transport(), rfc=True)) as client:
        await client.get(server.url)
        response = await client.get(server.url)
    assert response.content == b"stored"
    etags = [request.headers.get("if-none-match") for request in server.received]
    assert etags == [None, '"one"', '"one"']


@both_modes
async def test_a_miss_of_an_inside_cache_is_retried(
    world: World, server: Server, cache: Cache, rfc: bool
) -> None:
    server.play(reply(503), reply(503), reply(200, b"finally", **FRESH))
    inner = cache.around(world.http(), rfc=rfc)
    async with world.client(world.transport(inner)) as client:
        response = await client.get(server.url)
    assert response.content == b"finally"
    assert outcomes_of(response) == ["503", "503", "200"]


@both_modes
async def test_a_hit_of_an_inside_cache_is_one_attempt(
    world: World, server: Server, cache: Cache, rfc: bool
) -> None:
    server.play(reply(503), reply(200, b"finally", **FRESH), reply(500))
    inner = cache.around(world.http(), rfc=rfc)
    async with world.client(world.transport(inner)) as client:
        await client.get(server.url)
        response = await client.get(server.url)
    assert (response.content, is_hit(response)) == (b"finally", True)
    assert outcomes_of(response) == ["200"]
    assert server.requests == 2


@both_modes
async def test_an_inside_cache_does_not_store_a_failure(
    world: World, server: Server, cache: Cache, rfc: bool
) -> None:
    server.play(reply(503), reply(200, b"finally"))
    inner = cache.around(world.http(), rfc=rfc)
    once = world.transport(inner, stop=tenacity.stop_after_attempt(1))
    async with world.client(once) as client:
        assert (await client.get(server.url)).status_code == 503
        assert (await client.get(server.url)).content == b"finally"


async def test_an_inside_cache_answers_retries_with_a_503_that_allows_caching(
    world: World, server: Server, cache: Cache
) -> None:
    """RFC 9111 permits that. An outside cache would see only the last response."""
    server.play(reply(503, **FRESH), reply(200))
    inner = cache.around(world.http(), rfc=True)
    async with world.client(world.transport(inner)) as client:
        response = await client.get(server.url)
    assert outcomes_of(response) == ["503", "503", "503"]
    assert server.requests == 1
