"""The time of a request without its waits in queues of this side."""

from __future__ import annotations

import math

import httpx
import pytest

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext, begin

GET = httpx.Request("GET", "https://example.org/")


def waited(*waits: tuple[float, float]) -> RequestContext:
    context = begin(GET, Clock())
    for since, now in waits:
        context.has_waited(since, now)
    return context


@pytest.mark.parametrize(
    ("waits", "elapsed"),
    [
        ([], 10),
        ([(1, 3)], 8),
        ([(1, 3), (5, 6)], 7),
        ([(1, 4), (2, 3)], 7),
        ([(1, 4), (3, 6)], 5),
        ([(-5, -1)], 10),
        ([(-5, 4)], 6),
    ],
    ids=str,
)
def test_the_time_since_a_moment_is_without_waits(
    waits: list[tuple[float, float]], elapsed: float
) -> None:
    assert waited(*waits).elapsed_since(0, 10) == elapsed


def test_a_wait_that_is_not_over_counts_until_now() -> None:
    context = waited((1, 2))
    context.waits_in_queue(4)
    assert context.elapsed_since(0, 10) == 3
    context.has_waited(4, 11)
    assert context.elapsed_since(0, 11) == 3
    assert context.queued_since == math.inf


def test_the_context_around_knows_of_a_wait_at_once() -> None:
    outer = begin(GET, Clock())
    fork = outer.fork(GET)
    fork.waits_in_queue(4)
    assert outer.queued_since == 4
    fork.has_waited(4, 6)
    assert outer.elapsed_since(4, 7) == 1


def test_whether_a_fork_was_sent_is_joined() -> None:
    outer = begin(GET, Clock())
    fork = outer.fork(GET)
    fork.unsent = "queue"
    outer.join(fork)
    assert outer.unsent == "queue"
    outer.join(outer.fork(GET))
    assert outer.unsent is None
