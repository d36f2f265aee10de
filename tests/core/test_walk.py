"""Every walk along causes ends, whatever a mock has linked to what."""

from __future__ import annotations

from typing import Any

import pytest
from support.world import World

from httpx_resilient import (
    CircuitBreaker,
    Failover,
    attempts_of,
    explain,
)
from httpx_resilient._core.walk import walk

pytestmark = pytest.mark.anyio

LINKS = {"a": ["b", "c"], "b": ["a"], "c": [None, "d"], "d": ["d"]}


def test_each_object_is_visited_once_and_the_last_link_first() -> None:
    assert list(walk("a", lambda name: LINKS[name])) == ["a", "c", "d", "b"]


def test_nothing_is_visited_from_nothing() -> None:
    assert list(walk(None, lambda _: ())) == []


def circle(library: Any) -> Exception:
    """Two exceptions that are each the cause of the other."""
    error, cause = library.ReadError("reset"), ValueError("why")
    error.__cause__, cause.__cause__ = cause, error
    return error


def one_in_itself(library: Any) -> Exception:
    error = library.ConnectError("refused")
    error.__cause__ = error
    return error


def group_in_itself(library: Any) -> Exception:
    error = library.ConnectError("refused")
    error.__cause__ = ExceptionGroup("all addresses", [OSError("one"), error])
    return error


@pytest.mark.parametrize("make", [circle, one_in_itself, group_in_itself])
async def test_a_circle_of_causes_ends_in_every_layer(world: World, make: Any) -> None:
    error = make(world.library)

    def fail(_: object) -> None:
        raise error

    ours = world.ours
    transport: Any = world.mock(fail)
    transport = ours.CircuitBreakingTransport(transport, CircuitBreaker())
    transport = ours.RateLimitingTransport(transport)
    transport = ours.ConcurrencyLimitingTransport(transport)
    if not world.sync:
        transport = ours.HedgingTransport(transport)
    origins = Failover(["https://a.example", "https://b.example"])
    transport = ours.FailoverTransport(transport, origins)
    transport = ours.DeadlineTransport(world.transport(transport), 30)
    async with world.client(transport) as client:
        with pytest.raises(type(error)) as caught:
            await client.get("https://a.example/")
    assert caught.value is error
    assert {attempt.outcome for attempt in attempts_of(error)} == {type(error)}
    assert explain(error)


async def test_a_circle_of_causes_ends_in_an_adaptive_throttle(world: World) -> None:
    error = circle(world.library)

    def fail(_: object) -> None:
        raise error

    transport = world.ours.ThrottlingTransport(world.mock(fail))
    async with world.client(transport) as client:
        with pytest.raises(type(error)):
            await client.get("https://a.example/")


def test_an_error_without_a_history_in_a_circle_has_no_attempts() -> None:
    error, cause = ValueError(), KeyError()
    error.__cause__, cause.__cause__ = cause, error
    assert attempts_of(error) == ()
    assert explain(error) == "no attempts are recorded"
