"""
respx mocks the connections of our transport, or is the inner transport.

It supports only httpx: it does not patch the connections of httpx2.
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
async def test_each_attempt_is_a_call_of_the_route(world: World) -> None:
    with respx.mock() as router:
        route = router.put(URL, json={"a": 1}).mock(side_effect=OUTCOMES)
        async with world.client() as client:
            response = await client.put(URL, json={"a": 1})
    assert outcomes_of(response) == ["503", "ReadTimeout", "200"]
    assert route.call_count == 3


@only_httpx
async def test_an_unmocked_request_raises_at_once(world: World) -> None:
    with respx.mock():
        async with world.client() as client:
            with pytest.raises(respx.models.AllMockedAssertionError) as caught:
                await client.get(URL)
    assert len(attempts_of(caught.value)) == 1


@only_httpx
async def test_a_mock_that_uses_httpx_replaces_our_transport(world: World) -> None:
    """The mock replaces the transport of the client, so nothing is retried."""
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
async def test_respx_does_not_mock_httpx2(world: World, server: Server) -> None:
    with respx.mock(assert_all_called=False) as router:
        router.get(server.url).respond(503)
        async with world.client() as client:
            response = await client.get(server.url)
    assert (response.status_code, server.requests) == (200, 1)
