"""A client's own timeout that cuts every attempt long before the deadline."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import tenacity
from support.fake_io import FakeIO
from support.server import Server, stall
from support.world import World

from httpx_resilient import RetryingTransport
from httpx_resilient._core.deadline import set_deadline
from httpx_resilient._core.io.protocol import run_sync

pytestmark = pytest.mark.anyio

END = "s was not reached: to wait longer, give the client timeout=..."


def notes(*script: Any, method: str = "GET", **options: Any) -> list[str]:
    """Return the notes on the exception that ends a request."""
    deadline = options.pop("deadline", 600.0)
    timeout = options.pop("timeout", {"read": 5.0, "connect": 2.0})
    headers = options.pop("headers", {})
    io = FakeIO(*script, takes=5)
    transport: Any = RetryingTransport(wait=tenacity.wait_none(), **options)
    extensions = {"timeout": timeout}
    request = httpx.Request(method, "http://a", headers=headers, extensions=extensions)
    context = transport._enter(request, io)
    if deadline is not None:
        context.deadline = set_deadline(io.time + deadline, deadline, io.time, None)
    with pytest.raises(httpx.TransportError) as caught:
        run_sync(transport._handle(request, io, context))
    return [note for note in caught.value.__notes__ if "was cut" in note]


def slow() -> httpx.ReadTimeout:
    return httpx.ReadTimeout("")


def test_the_timeout_and_the_deadline_are_named() -> None:
    assert notes(slow(), slow(), slow()) == [
        f"each attempt was cut by the client's read timeout of 5 s; the deadline of 600 {END}"
    ]


def test_a_request_that_is_not_repeated_has_one_attempt() -> None:
    assert notes(slow(), method="POST") == [
        f"the attempt was cut by the client's read timeout of 5 s; the deadline of 600 {END}"
    ]


def test_the_step_that_was_cut_is_named() -> None:
    (note,) = notes(*[httpx.ConnectTimeout("")] * 3)
    assert "the client's connect timeout of 2 s" in note


@pytest.mark.parametrize(
    "failures",
    [
        [slow(), httpx.ReadError(""), slow()],
        [503, slow(), slow()],
        [slow(), slow(), httpx.ReadError("")],
    ],
    ids=["broken once", "answered once", "broken at last"],
)
def test_another_failure_is_another_story(failures: list[Any]) -> None:
    assert notes(*failures) == []


def test_without_a_deadline_there_is_nothing_to_compare_with() -> None:
    assert notes(slow(), slow(), slow(), deadline=None) == []


def test_a_deadline_that_is_near_is_reached_anyway() -> None:
    assert notes(slow(), slow(), slow(), deadline=19) == []


@pytest.mark.parametrize("timeout", [{"read": None}, {}, None, 5])
def test_without_a_timeout_of_the_client_it_was_not_cut_by_it(timeout: Any) -> None:
    assert notes(slow(), slow(), slow(), timeout=timeout) == []


def test_a_conditional_write_is_explained_as_any_request() -> None:
    headers = {"If-Match": "x"}
    assert len(notes(slow(), slow(), slow(), method="PUT", headers=headers)) == 1


async def test_the_standard_stack_tells_of_the_timeout_of_its_client(
    world: World, server: Server
) -> None:
    server.play(stall())
    transport = world.ours.standard_transport(deadline=600, attempt=None)
    async with world.client(transport, timeout=0.05) as client:
        with pytest.raises(world.library.ReadTimeout) as caught:
            await client.post(server.url)
    assert any("read timeout of 0.05 s" in note for note in caught.value.__notes__)
