"""Requests in a row that were given up before an answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._core.state.store import MAX_KEYS
from httpx_resilient._core.state.streak import Streaks


def test_requests_one_after_the_other_are_a_streak() -> None:
    streaks = Streaks()
    assert [streaks.add("a", n, n + 1) for n in range(3)] == [1, 2, 3]


def test_requests_that_are_given_up_together_count_once() -> None:
    streaks = Streaks()
    assert [streaks.add("a", 0, 1 + n / 100) for n in range(30)] == [1] * 30
    assert [streaks.add("a", 1, 2) for _ in range(30)] == [2] * 30


def test_an_answer_ends_a_streak() -> None:
    streaks = Streaks()
    streaks.add("a", 0, 1)
    streaks.end("a")
    streaks.end("unknown")
    assert streaks.add("a", 1, 2) == 1


def test_each_key_has_a_streak_of_its_own() -> None:
    streaks = Streaks()
    streaks.add("a", 0, 1)
    assert streaks.add("b", 1, 2) == 1
    assert streaks.add("a", 1, 2) == 2


def test_the_number_of_keys_is_bounded() -> None:
    streaks = Streaks()
    for number in range(MAX_KEYS + 1):
        streaks.add(number, 0, 1)
    assert streaks.add(1, 1, 2) == 2
    assert streaks.add(0, 1, 2) == 1


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 1))))
def test_a_streak_is_not_longer_than_its_time_allows(
    requests: list[tuple[float, float]],
) -> None:
    streaks, now, length = Streaks(), 0.0, 0
    for pause, took in requests:
        now += pause
        length = streaks.add("a", now, now + took)
    total = sum(pause for pause, _ in requests)
    shortest = min((took for _, took in requests), default=1)
    assert length <= 1 + total / shortest + 1e-6
