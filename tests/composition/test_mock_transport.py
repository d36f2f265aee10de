"""The libraries' own MockTransport as the inner transport."""

from __future__ import annotations

from typing import Any

import pytest
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

URL = "https://example.org/"
asynchronous = pytest.mark.parametrize("runtime", ["asyncio", "trio"])


async def test_every_attempt_reaches_the_handler(world: World) -> None:
    seen = []

    def handler(request: Any) -> Any:
        seen.append((request.method, request.read()))
        return world.library.Response(200 if len(seen) == 3 else 503)

    async with world.client(world.transport(world.mock(handler))) as client:
        response = await client.put(URL, json={"a": 1})
    assert response.status_code == 200
    assert seen == [("PUT", b'{"a":1}')] * 3


@asynchronous
async def test_a_handler_may_be_asynchronous(world: World) -> None:
    statuses = iter([503, 200])

    async def handler(request: Any) -> Any:
        await world.sleep(0)
        return world.library.Response(next(statuses))

    async with world.client(world.transport(world.mock(handler))) as client:
        response = await client.get(URL)
    assert [str(attempt) for attempt in attempts_of(response)] == ["503", "200"]


async def test_the_caller_gets_the_response_object_that_the_handler_returned(
    world: World,
) -> None:
    made = [world.library.Response(status) for status in (503, 200)]
    answers = iter(made)
    mock = world.mock(lambda request: next(answers))
    async with world.client(world.transport(mock)) as client:
        assert await client.get(URL) is made[1]


async def test_one_response_object_may_answer_every_attempt(world: World) -> None:
    same = world.library.Response(503, text="always")
    async with world.client(world.transport(world.mock(lambda _: same))) as client:
        response = await client.get(URL)
    assert (response is same, response.text) == (True, "always")
    assert len(attempts_of(response)) == 3


async def test_errors_of_the_library_are_retried(world: World) -> None:
    outcomes = iter([world.library.ReadError("lost"), world.library.Response(200)])

    def handler(request: Any) -> Any:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async with world.client(world.transport(world.mock(handler))) as client:
        response = await client.get(URL)
    assert [str(attempt) for attempt in attempts_of(response)] == ["ReadError", "200"]


@pytest.mark.parametrize("kind", [ValueError, ConnectionError, TimeoutError])
async def test_foreign_errors_are_raised_at_once(
    world: World, kind: type[Exception]
) -> None:
    """Even errors that a socket might raise: a transport would have mapped them."""
    error, calls = kind("the handler's own"), []

    def handler(request: Any) -> Any:
        calls.append(request)
        raise error

    async with world.client(world.transport(world.mock(handler))) as client:
        with pytest.raises(kind) as caught:
            await client.get(URL)
    assert (caught.value is error, len(calls)) == (True, 1)
