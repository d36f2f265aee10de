"""Deadlines inside of deadlines, and under transports that copy the timeouts."""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.server import Server, head, stall
from support.world import QUICK, World

from httpx_resilient import attempts_of, explain
from httpx_resilient._core.deadline import ShrinkingTimeouts, set_deadline
from httpx_resilient.events import DeadlineCut

pytestmark = pytest.mark.anyio

BEGUN = head(200, {"Content-Length": "100"}) + b"ten bytes!"


def nested(world: World, attempt: float | None, total: float, **options: Any) -> Any:
    return world.ours.standard_transport(
        attempt=attempt, deadline=total, retry=QUICK, **options
    )


@pytest.mark.parametrize("attempt", [10.0, 0.2, None])
async def test_a_body_that_stalls_ends_with_the_deadline_of_the_whole_request(
    world: World, server: Server, attempt: float | None
) -> None:
    server.play(stall(BEGUN))
    started = time.monotonic()
    async with world.client(nested(world, attempt, 0.4), timeout=None) as client:
        with pytest.raises(
            world.ours.DeadlineExceeded, match=r"0\.4 s .* the response"
        ):
            await client.get(server.url)
    assert 0.3 < time.monotonic() - started < 5


async def test_a_body_may_take_its_time_if_both_deadlines_are_for_headers(
    world: World, server: Server
) -> None:
    later = stall(BEGUN, seconds=0.5)
    server.play(later)
    inner = world.ours.DeadlineTransport(None, 0.2, body=False)
    outer = world.ours.DeadlineTransport(inner, 0.3, body=False)
    async with world.client(outer, timeout=None) as client:
        # The server closes after half a second, which is longer than both.
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)


COPIES: dict[str, Callable[[Any, Any], dict[str, float | None]]] = {
    "dict()": lambda _, timeouts: dict(timeouts),
    "{**}": lambda _, timeouts: {**timeouts},
    "items()": lambda _, timeouts: dict(timeouts.items()),
    "values()": lambda _, timeouts: dict(zip(timeouts, timeouts.values(), strict=True)),
    "Timeout(**)": lambda library, timeouts: library.Timeout(**timeouts).as_dict(),
}


@pytest.mark.parametrize("how", COPIES)
async def test_a_transport_that_copies_the_timeouts_keeps_the_deadline(
    world: World, how: str
) -> None:
    seen: list[dict[str, float | None]] = []

    def handle(request: Any) -> Any:
        seen.append(COPIES[how](world.library, request.extensions["timeout"]))
        return world.library.Response(200)

    transport = world.ours.DeadlineTransport(world.mock(handle), 1)
    timeout = world.library.Timeout(5, connect=0.5, pool=None)
    async with world.client(transport, timeout=timeout) as client:
        await client.get("https://example.org/")
    (timeouts,) = seen
    assert timeouts.pop("connect") == 0.5
    assert set(timeouts) == {"read", "write", "pool"}
    assert all(
        seconds is not None and 0.5 < seconds <= 1 for seconds in timeouts.values()
    )


async def test_a_request_that_is_cut_off_emits_one_event_and_explains_true_durations(
    world: World, server: Server
) -> None:
    server.play(stall())
    events: list[Any] = []
    started = time.monotonic()
    transport = nested(world, 0.25, 0.6, on_event=events.append)
    async with world.client(transport, timeout=None) as client:
        with pytest.raises(world.ours.DeadlineExceeded, match=r"of 0\.6 s") as caught:
            await client.get(server.url)
    elapsed = time.monotonic() - started
    cuts = [event.total for event in events if isinstance(event, DeadlineCut)]
    assert cuts.count(0.6) == 1
    attempts = attempts_of(caught.value)
    assert len(attempts) == 3
    assert sum(each.duration + each.wait for each in attempts) <= elapsed
    assert attempts[-1].duration < 0.25
    assert explain(caught.value).count("\n") == 3


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
async def test_a_copy_of_an_exceeded_deadline_has_the_history(
    world: World, server: Server, again: Any
) -> None:
    server.play(stall())
    async with world.client(nested(world, 0.1, 0.25), timeout=None) as client:
        with pytest.raises(world.ours.DeadlineExceeded) as caught:
            await client.get(server.url)
    copied = again(caught.value)
    assert attempts_of(copied) == attempts_of(caught.value) != ()
    assert str(copied) == str(caught.value)


def test_a_lifted_deadline_leaves_the_one_around_it() -> None:
    now = time.monotonic()
    outer = set_deadline(now + 100, 100, now, None)
    inner = set_deadline(now + 10, 10, now, outer)
    timeouts = ShrinkingTimeouts.of(ShrinkingTimeouts.of({"read": None}, outer), inner)
    assert timeouts["read"] is not None
    assert timeouts["read"] <= 10
    inner.lift()
    assert timeouts["read"] is not None
    assert 90 < timeouts["read"] <= 100
    outer.lift()
    assert timeouts["read"] is None


def test_a_deadline_inside_shrinks_timeouts_that_were_copied_in_between() -> None:
    now = time.monotonic()
    outer = set_deadline(now + 100, 100, now, None)
    copied = {**ShrinkingTimeouts.of({"read": 50.0}, outer)}
    inner = set_deadline(now + 10, 10, now, outer)
    timeouts = ShrinkingTimeouts.of(copied, inner)
    assert timeouts["read"] is not None
    assert timeouts["read"] <= 10
    inner.lift()
    assert timeouts["read"] == 50.0
