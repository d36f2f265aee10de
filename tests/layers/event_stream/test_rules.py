"""The wait before a reconnection, and what ends a row of fruitless ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._layers.event_stream.position import LONGEST_WAIT
from httpx_resilient._layers.event_stream.rules import Fruitless, Rules, wait_before

RULES = Rules(
    methods=frozenset({"GET"}),
    finite=False,
    without_ids=False,
    wait=3.0,
    max_wait=30.0,
    max_reconnects=100,
    max_event_bytes=100,
)


def waits(retry: float | None, count: int = 9) -> list[float]:
    """Return the waits of a row of reconnections that bring nothing."""
    return [
        wait_before(Fruitless(number, number), RULES, retry, None, 0.0)
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        (None, [3, 3, 3, 6, 12, 24, 30, 30, 30]),
        (0.0, [0, 0, 1, 2, 4, 8, 16, 30, 30]),
        (0.5, [0.5, 0.5, 1, 2, 4, 8, 16, 30, 30]),
        (20.0, [20, 20, 20, 30, 30, 30, 30, 30, 30]),
        (60.0, [60] * 9),
    ],
)
def test_waits_begin_as_the_stream_asks_and_grow(
    retry: float | None, expected: list[float]
) -> None:
    assert waits(retry) == expected


def test_events_that_do_not_move_the_stream_leave_the_floor() -> None:
    assert wait_before(Fruitless(0, 9), RULES, 0.0, None, 0.0) == 1.0
    assert wait_before(Fruitless(0, 9), RULES, 2.0, None, 0.0) == 2.0


def test_the_longer_one_of_retry_and_retry_after_counts() -> None:
    assert wait_before(Fruitless(), RULES, 5.0, 2.0, 0.0) == 5.0
    assert wait_before(Fruitless(), RULES, 5.0, 50.0, 0.0) == 50.0


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.none() | st.floats(0, LONGEST_WAIT),
    st.none() | st.floats(0, 1e12),
    st.floats(0, 1),
)
def test_no_wait_is_endless_or_shorter_than_asked_for(
    silent: int,
    unmoved: int,
    retry: float | None,
    after: float | None,
    jitter: float,
) -> None:
    wait = wait_before(Fruitless(silent, unmoved), RULES, retry, after, jitter)
    assert min(max(retry or 0.0, after or 0.0), LONGEST_WAIT) <= wait <= LONGEST_WAIT
    assert wait >= 1.0 or (silent < 2 and unmoved < 2)


@pytest.mark.parametrize(
    ("lasted", "is_alive", "has_moved", "expected"),
    [
        (0.0, False, False, Fruitless(5, 7)),
        (0.0, True, False, Fruitless(0, 7)),
        (0.0, True, True, Fruitless(0, 0)),
        (29.0, False, False, Fruitless(5, 7)),
        (30.0, False, False, Fruitless(0, 0)),
    ],
)
def test_an_event_or_a_connection_that_lasts_ends_a_row(
    lasted: float, is_alive: bool, has_moved: bool, expected: Fruitless
) -> None:
    before = Fruitless(5, 7)
    after = before.after(RULES, lasted, is_alive=is_alive, has_moved=has_moved)
    assert after == expected
    assert after.again() == Fruitless(expected.silent + 1, expected.unmoved + 1)
