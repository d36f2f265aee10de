"""Releasing a response that the caller never gets, in asynchronous clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from support.world import LIBRARIES, World, in_async

from httpx_resilient._core.io.async_io import AsyncEffects
from httpx_resilient._core.io.protocol import run_sync

pytestmark = [pytest.mark.anyio, in_async]


def response_of(
    world: World, kind: Any = None, **options: Any
) -> tuple[Any, list[str]]:
    """Return a response with a streamed body, and what happened to the body."""
    did: list[str] = []

    class Body(world.library.AsyncByteStream):  # type: ignore[misc,name-defined]  # of either library
        async def __aiter__(self) -> AsyncIterator[bytes]:
            did.append("read")
            yield b"body"

        async def aclose(self) -> None:
            did.append("close")
            if options.get("breaks"):
                msg = "broken"
                raise OSError(msg)

    return (kind or world.library.Response)(503, stream=Body()), did


async def test_a_short_body_is_read_and_closed(world: World) -> None:
    response, did = response_of(world)
    await AsyncEffects().discard(response)
    assert did == ["read", "close"]
    assert response.is_closed


async def test_a_body_that_is_not_to_be_drained_is_closed_only(world: World) -> None:
    response, did = response_of(world)
    await AsyncEffects().discard(response, drain=False)
    assert did == ["close"]


async def test_a_response_that_a_hook_has_closed_is_not_closed_again(
    world: World,
) -> None:
    response, did = response_of(world)
    await response.aclose()
    await AsyncEffects().discard(response, drain=False)
    assert did == ["close"]


async def test_an_error_while_closing_is_ignored(world: World) -> None:
    response, did = response_of(world, breaks=True)
    await AsyncEffects().discard(response, drain=False)
    assert did == ["close"]


async def test_a_subclass_of_a_response_is_closed_by_its_own_method(
    world: World,
) -> None:
    closed: list[bool] = []

    class Response(world.library.Response):  # type: ignore[misc,name-defined]  # of either library
        async def aclose(self) -> None:
            await super().aclose()
            closed.append(True)

    response, did = response_of(world, Response)
    await AsyncEffects().discard(response, drain=False)
    assert closed == [True]
    assert did == ["close"]


def test_a_response_that_is_discarded_after_the_end_of_its_loop_raises_nothing(
    runtime: str, library: str
) -> None:
    """A finalizer closes the flow, and there is no event loop any more."""
    world = World(*LIBRARIES[library], sync=False)
    response, did = response_of(world, breaks=True)
    run_sync(AsyncEffects().discard(response, drain=False))
    assert did == ["close"]


def test_a_transport_that_is_closed_after_the_end_of_its_loop_raises_nothing(
    runtime: str,
) -> None:
    run_sync(AsyncEffects().close(httpx.AsyncBaseTransport()))
