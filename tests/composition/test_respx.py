"""
respx around our transport's connections, and as the inner transport.

It is for httpx only: httpx2 has connections of its own, which respx does not patch.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx
from support.server import Server
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

URL = "https://example.org/"
only_httpx = pytest.mark.parametrize("library", ["httpx"])
only_httpx2 = pytest.mark.parametrize("library", ["httpx2"])

OUTCOMES = [httpx.Response(503), httpx.ReadTimeout("slow"), httpx.Response(200)]


def outcomes_of(response: Any) -> list[str]:
    return [str(attempt) for attempt in attempts_of(response)]


@only_httpx
async def test_each_attempt_is_a_call(world: World) -> None:
    with respx.mock() as router:
        route = router.put(URL, json={"a": 1}).mock(side_effect=OUTCOMES)
        async with world.client() as client:
            response = await client.put(URL, json={"a": 1})
    assert outcomes_of(response) == ["503", "ReadTimeout", "200"]
    assert route.call_count == 3


@only_httpx
async def test_what_is_not_mocked_is_an_error_at_once(world: World) -> None:
    with respx.mock():
        async with world.client() as client:
            with pytest.raises(respx.models.AllMockedAssertionError) as caught:
                await client.get(URL)
    assert len(attempts_of(caught.value)) == 1


@only_httpx
async def test_using_httpx_takes_the_place_of_our_transport(world: World) -> None:
    """Such a mock replaces the client's transport, so that nothing is retried."""
    with respx.mock(using="httpx") as router:
        route = router.get(URL).mock(side_effect=OUTCOMES)
        async with world.client() as client:
            response = await client.get(URL)
    assert response.status_code == 503
    assert attempts_of(response) == ()
    assert route.call_count == 1


@only_httpx
async def test_a_router_can_be_the_inner_transport(world: World) -> None:
    router = respx.Router()
    route = router.get(URL).mock(side_effect=OUTCOMES)
    inner = world.mock(router.handler if world.sync else router.async_handler)
    async with world.client(world.transport(inner)) as client:
        response = await client.get(URL)
    assert outcomes_of(response) == ["503", "ReadTimeout", "200"]
    assert route.call_count == 3


@only_httpx2
async def test_httpx2_is_not_mocked(world: World, server: Server) -> None:
    with respx.mock(assert_all_called=False) as router:
        router.get(server.url).respond(503)
        async with world.client() as client:
            response = await client.get(server.url)
    assert (response.status_code, server.requests) == (200, 1)
