"""A success is repeated only if a strategy says so that has read the response."""

from __future__ import annotations

import copy
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
import tenacity
from support.server import Server, reply
from support.world import World

from httpx_resilient import (
    BodyHints,
    RetryingTransport,
    hints_in_body,
    retry_if_idempotent,
    retry_if_status,
    retry_if_transient,
)

pytestmark = pytest.mark.anyio

ACCEPTED = retry_if_status(202)


def counts(state: Any) -> bool:
    """Look at the number of the attempt only, which is a mistake."""
    return bool(state.attempt_number < 5)


def is_accepted(state: Any) -> bool:
    return state.response is not None and state.response.status_code == 202


async def is_accepted_later(state: Any) -> bool:
    return is_accepted(state)


async def counts_later(state: Any) -> bool:
    return counts(state)


SILENT = {
    "retry_always": tenacity.retry_always,
    "if idempotent": retry_if_idempotent("POST"),
    "unless an exception": tenacity.retry_unless_exception_type(httpx.ReadTimeout),
    "not a message": tenacity.retry_if_not_exception_message("no"),
    "any": tenacity.retry_always | retry_if_status(503),
    "any, with another condition": retry_if_transient() | tenacity.retry_always,
    "all": tenacity.retry_always & retry_if_idempotent("POST"),
    "all, of which one is false": ACCEPTED & tenacity.retry_never,
    "nothing at all": tenacity.retry_any(),
    "all of nothing": tenacity.retry_all(),
}
"""Strategies that do not look at the response, or say no."""

CONDITIONS = {
    "a status": ACCEPTED,
    "a predicate": tenacity.retry_if_result(lambda each: each.status_code == 202),
    "not a predicate": tenacity.retry_if_not_result(lambda each: each.status_code == 200),
    "a function": is_accepted,
    "any": retry_if_transient() | ACCEPTED,
    "any, with an answer for all": tenacity.retry_always | ACCEPTED,
    "all, for some methods": retry_if_idempotent("POST") & ACCEPTED,
    "all, with a function": ACCEPTED & (lambda state: state.request.method == "POST"),
    "nested": (tenacity.retry_always | retry_if_status(409)) & ACCEPTED,
    "a subclass": type("Own", (retry_if_status,), {})(202),
}  # fmt: skip
"""Strategies that look at the response."""


async def outcome(world: World, server: Server, retry: Any) -> int:
    """Send a POST. Return the number of requests that have reached the server."""
    async with world.client(world.transport(retry=retry)) as client:
        assert (await client.post(server.url)).is_success
    return server.requests


@pytest.mark.parametrize("retry", SILENT.values(), ids=SILENT)
async def test_a_strategy_that_ignores_the_response_repeats_no_success(
    world: World, server: Server, retry: Any
) -> None:
    server.play(reply(202), reply(200))
    assert await outcome(world, server, retry) == 1


@pytest.mark.parametrize("retry", CONDITIONS.values(), ids=CONDITIONS)
async def test_a_strategy_that_reads_the_response_may_repeat_a_success(
    world: World, server: Server, retry: Any
) -> None:
    server.play(reply(202), reply(200))
    assert await outcome(world, server, retry) == 2


@pytest.mark.parametrize("retry", [counts, retry_if_transient() | counts])
async def test_a_function_that_ignores_the_response_is_told_of(
    world: World, server: Server, retry: Any
) -> None:
    with pytest.warns(RuntimeWarning, match="counts.*would repeat a success") as told:
        assert await outcome(world, server, retry) == 1
    assert told[0].filename.endswith(("test_successes.py", "world.py"))


async def test_a_function_that_ignores_the_response_repeats_failures(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    async with world.client(world.transport(retry=counts)) as client:
        assert (await client.post(server.url)).status_code == 503
    assert server.requests == 3


@pytest.mark.parametrize("library", ["httpx"])
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
class TestAsynchronous:
    @pytest.mark.parametrize(
        "retry",
        [
            is_accepted_later,
            tenacity.asyncio.retry_any(retry_if_transient(), is_accepted_later),
            tenacity.asyncio.retry_all(retry_if_idempotent("POST"), is_accepted_later),
        ],
        ids=["alone", "any", "all"],
    )
    async def test_a_strategy_that_reads_the_response_may_repeat_a_success(
        self, world: World, server: Server, retry: Any
    ) -> None:
        server.play(reply(202), reply(200))
        assert await outcome(world, server, retry) == 2

    async def test_a_function_that_ignores_the_response_is_told_of(
        self, world: World, server: Server
    ) -> None:
        retry = tenacity.asyncio.retry_any(counts_later)
        with pytest.warns(RuntimeWarning, match="would repeat a success"):
            assert await outcome(world, server, retry) == 1


async def test_a_hint_in_the_body_repeats_a_success(
    world: World, server: Server
) -> None:
    def is_late(answer: Any) -> Any:
        return BodyHints(should_retry=True) if b"late" in answer.content else None

    server.play(reply(200, b"late"), reply(200, b"done"))
    hints = hints_in_body(is_late, statuses={200})
    async with world.client(world.transport(body_hints=hints)) as client:
        assert (await client.get(server.url)).content == b"done"


async def test_the_options_of_one_request_repeat_no_success_either(
    world: World, server: Server
) -> None:
    options = {"retry": {"retry": tenacity.retry_always}}
    async with world.client() as client:
        await client.post(server.url, extensions=options)
    assert server.requests == 1


def test_a_redirect_is_a_success() -> None:
    inner = httpx.MockTransport(lambda _: httpx.Response(301))
    with httpx.Client(
        transport=RetryingTransport(inner, retry=tenacity.retry_always)
    ) as client:
        assert client.get("http://a/").extensions["httpx_resilient"] is not None


def test_a_method_of_ones_own_is_accepted() -> None:
    """Registered ones as well, however near they are to a common one."""
    for method in ("PURGE", "SEARCH", "UPDATE", "patch"):
        assert method.upper() in retry_if_idempotent(method).methods


def test_a_function_whose_signature_is_unknown_is_accepted() -> None:
    RetryingTransport(on_event=max, before_sleep=max)


def test_a_mock_is_accepted_as_any_function_is() -> None:
    RetryingTransport(retry=Mock(return_value=False), before_sleep=Mock())


def test_a_state_can_be_copied() -> None:
    copies: list[Any] = []

    def keep(state: Any) -> None:
        copies.append(copy.copy(state))

    inner = httpx.MockTransport(lambda _: httpx.Response(503))
    with httpx.Client(transport=RetryingTransport(inner, before_sleep=keep)) as client:
        client.get("http://a/")
    assert [each.attempt_number for each in copies] == [1, 2]
