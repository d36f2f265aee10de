"""The standard stack: its layers, their order and settings, and one request."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
import tenacity
from support.ranges import File, versions
from support.server import Server, reply, stall
from support.world import World

from httpx_resilient import (
    CircuitBreaker,
    ConcurrencyLimit,
    HedgePolicy,
    RateLimit,
    RetryBudget,
    attempts_of,
    standard_transport,
)

pytestmark = pytest.mark.anyio

ORIGINS = ["https://eu.example.com", "https://us.example.com"]

NONE: dict[str, Any] = {
    "deadline": None,
    "retry": False,
    "breaker": False,
    "rate_limit": False,
    "attempt": None,
}
"""Leaves out the default layers."""


def nested(transport: Any) -> Iterator[Any]:
    """All layers, outside in."""
    while hasattr(transport, "_async_side"):
        yield transport
        transport = transport._async_side.made


def names(transport: Any) -> list[str]:
    return [
        type(layer).__name__.removesuffix("Transport") for layer in nested(transport)
    ]


def shared_states(transport: Any) -> list[Any]:
    """The states of the circuit breaker and of the rate limit."""
    _, _, breaking, limiting, _ = nested(transport)
    return [breaking._stages[0]._breaker, limiting._stages[0]._limit]


# Layers.


def test_the_default_stack_has_the_layers_that_need_no_setting() -> None:
    assert names(standard_transport()) == [
        "Deadline",
        "Retrying",
        "CircuitBreaking",
        "RateLimiting",
        "Deadline",
    ]


def test_each_layer_has_its_place_whatever_the_order_of_keywords() -> None:
    transport = standard_transport(
        concurrency=True, throttle=True, hedging=True, failover=ORIGINS, resume=True
    )
    assert names(transport) == [
        "Deadline",
        "Retrying",
        "Resuming",
        "Failover",
        "Hedging",
        "Throttling",
        "CircuitBreaking",
        "RateLimiting",
        "ConcurrencyLimiting",
        "Deadline",
    ]


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ({"deadline": 5}, "Deadline"),
        ({"resume": True}, "Resuming"),
        ({"retry": True}, "Retrying"),
        ({"failover": ORIGINS}, "Failover"),
        ({"hedging": HedgePolicy(1)}, "Hedging"),
        ({"throttle": True}, "Throttling"),
        ({"breaker": CircuitBreaker()}, "CircuitBreaking"),
        ({"rate_limit": RateLimit(5)}, "RateLimiting"),
        ({"concurrency": ConcurrencyLimit(5)}, "ConcurrencyLimiting"),
        ({"attempt": 5}, "Deadline"),
    ],
)
def test_a_stack_can_consist_of_one_layer(keyword: dict[str, Any], name: str) -> None:
    assert names(standard_transport(**{**NONE, **keyword})) == [name]


@pytest.mark.parametrize("out", [None, False])
def test_none_and_false_both_leave_a_layer_out(out: Any) -> None:
    transport = standard_transport(
        retry=out, hedging=out, throttle=out, breaker=out, rate_limit=out
    )
    assert names(transport) == ["Deadline", "Deadline"]


def test_a_stack_without_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="use the inner transport itself"):
        standard_transport(**NONE)


# Settings.


def test_what_is_no_switch_does_not_turn_resuming_on() -> None:
    with pytest.raises(TypeError, match="resume must be True or False; got 20"):
        standard_transport(resume=20)  # type: ignore[call-overload]  # what is tested


def test_a_layer_uses_the_state_that_was_given() -> None:
    breaker, limit = CircuitBreaker(), RateLimit(5)
    one, two = (standard_transport(breaker=breaker, rate_limit=limit) for _ in range(2))
    for transport in one, two:
        assert shared_states(transport) == [breaker, limit]


def test_retries_and_hedges_withdraw_from_one_budget() -> None:
    _, retrying, hedging, *_ = nested(standard_transport(hedging=True))
    assert isinstance(retrying.policy.budget, RetryBudget)
    assert hedging.budget is retrying.policy.budget


def test_a_budget_may_be_shared_with_other_stacks() -> None:
    budget = RetryBudget(0.1)
    _, retrying, hedging, *_ = nested(standard_transport(budget=budget, hedging=True))
    assert retrying.policy.budget is hedging.budget is budget


def test_retries_and_hedges_may_have_no_budget() -> None:
    _, retrying, hedging, *_ = nested(standard_transport(budget=False, hedging=True))
    assert retrying.policy.budget is hedging.budget is None


def test_retry_takes_the_options_of_a_retrying_transport() -> None:
    stop = tenacity.stop_after_attempt(5)
    _, retrying, *_ = nested(standard_transport(retry={"stop": stop}))
    assert retrying.policy.stop is stop


def test_retry_refuses_other_values_and_unknown_options() -> None:
    with pytest.raises(TypeError, match="unknown option attempts"):
        standard_transport(retry={"attempts": 5})
    with pytest.raises(TypeError, match="retry must be options of RetryingTransport"):
        standard_transport(retry=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the mistake


@pytest.mark.parametrize("keyword", ["deadline", "attempt"])
def test_an_error_about_seconds_names_the_option(keyword: str) -> None:
    with pytest.raises(ValueError, match=f"{keyword} is a number of seconds, above 0"):
        standard_transport(**{keyword: 0})


def test_an_error_about_an_unknown_option_lists_the_known_ones() -> None:
    options: Any = {"deadlines": 5}
    with pytest.raises(
        TypeError,
        match="unknown option deadlines: did you mean deadline=",
    ):
        standard_transport(**options)


def test_http_options_reach_the_innermost_layer() -> None:
    with pytest.raises(TypeError, match="limits must be a"):
        standard_transport(limits=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the mistake


def test_http_options_are_refused_together_with_an_inner_transport() -> None:
    with pytest.raises(TypeError, match="http2 cannot be given together with an inner"):
        standard_transport(standard_transport(), http2=False)


# Requests.


QUICK = {"retry": {"wait": tenacity.wait_none()}}


async def test_a_stack_retries(world: World, server: Server) -> None:
    server.play(reply(503), reply())
    async with world.client(world.ours.standard_transport(**QUICK)) as client:
        response = await client.get(server.url)
    assert [str(attempt) for attempt in attempts_of(response)] == ["503", "200"]


async def test_each_attempt_has_its_own_limit(world: World, server: Server) -> None:
    server.play(stall(), reply())
    transport = world.ours.standard_transport(attempt=0.5, **QUICK)
    async with world.client(transport) as client:
        response = await client.get(server.url)
    assert [str(each) for each in attempts_of(response)] == ["DeadlineExceeded", "200"]


async def test_no_attempt_passes_an_open_circuit(world: World, server: Server) -> None:
    server.play(reply(503))
    breaker = CircuitBreaker(minimum_calls=2)
    transport = world.ours.standard_transport(breaker=breaker, **QUICK)
    async with world.client(transport) as client:
        response = await client.get(server.url)
    assert [str(each) for each in attempts_of(response)] == [
        "503", "503", "CircuitOpen",
    ]  # fmt: skip
    assert server.requests == 2


async def test_a_stack_can_wrap_an_existing_client(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply())
    stock = world.library.Client if world.sync else world.library.AsyncClient
    standard = functools.partial(world.ours.standard_transport, **QUICK)
    async with world.awaited(world.ours.wrap(stock(), standard)) as client:
        response = await client.get(server.url)
    assert len(attempts_of(response)) == 2


async def test_a_stack_goes_on_with_a_body_that_breaks(world: World) -> None:
    body = bytes(range(256)) * 4_000
    file = File(versions(body, etag='"a"'), cut=300_000, cuts=4)
    transport = world.ours.standard_transport(resume=True, **QUICK)
    with Server(file) as server:
        async with world.client(transport) as client:
            request = world.library.Request("GET", server.url)
            response = await client.send(request, stream=True)
            assert b"".join([chunk async for chunk in world.chunks(response)]) == body
            await world.close(response)
    assert [str(each) for each in attempts_of(response)] == ["200", "206", "206", "206"]
