"""Counts over a sliding window of time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._core.state.sliding_window import (
    SLICES,
    Window,
    counted,
    counted_all,
    latest,
    tally,
    uncounted,
)

steps = st.lists(
    st.tuples(st.sampled_from([0.0, 0.3, 1.0, 4.0, 25.0]), st.integers(0, 3)),
    max_size=40,
)


@given(steps, st.sampled_from([0.1, 1.0, 7.0]))
def test_a_window_counts_the_events_of_its_slices(
    events: list[tuple[float, int]], size: float
) -> None:
    window, now, model = Window(), 1000.0, list[tuple[float, int]]()
    for passed, amount in events:
        now += passed
        window = counted(window, now, size, amount, 1, 2 * amount)
        model.append((now // size, amount))
        seen = [n for slice_, n in model if slice_ > now // size - SLICES]
        assert tally(window, now, size) == (sum(seen), len(seen), 2 * sum(seen))


def test_old_events_leave_the_window_without_new_ones() -> None:
    window = counted(Window(), 100.0, 1.0, 5)
    assert tally(window, 109.9, 1.0) == (5, 0, 0)
    assert tally(window, 110.0, 1.0) == (0, 0, 0)


def test_a_window_stores_a_bounded_number_of_slices() -> None:
    window = Window()
    for now in range(1000):
        window = counted(window, float(now), 1.0, 1)
    assert len(window.marks) == SLICES


def test_an_event_that_another_thread_overtook_counts() -> None:
    window = Window()
    for _ in range(50):
        window = counted(window, 101.0, 1.0, 1)
        window = counted(window, 100.9, 1.0, 1)
    assert tally(window, 101.0, 1.0) == (100, 0, 0)
    assert len(window.marks) == 1


@given(steps)
def test_counting_many_events_at_once_equals_counting_one_by_one(
    events: list[tuple[float, int]],
) -> None:
    times, now = [1000.0], 1000.0
    for passed, _ in events:
        now += passed
        times.append(now)
    one_by_one = Window()
    for time in times:
        one_by_one = counted(one_by_one, time, 1.0, 1, 2)
    assert counted_all(Window(), times, 1.0, 1, 2) == one_by_one


def test_latest_drops_all_but_the_latest_slices() -> None:
    window = Window()
    for now in (100.0, 105.0, 106.0):
        window = counted(window, now, 1.0, 1)
    assert tally(latest(window, 106.0, 1.0, 2), 106.0, 1.0) == (2, 0, 0)


@given(steps, st.data())
def test_what_is_taken_back_was_never_counted(
    events: list[tuple[float, int]], data: st.DataObject
) -> None:
    window, now, kept = Window(), 1000.0, Window()
    added: list[tuple[float, int]] = []
    for passed, amount in events:
        now += passed
        window = counted(window, now, 1.0, amount, 1)
        kept = counted(kept, now, 1.0, 0, 1)
        if data.draw(st.booleans()):
            added.append((now, amount))
        else:
            kept = counted(kept, now, 1.0, amount)
    for at, amount in data.draw(st.permutations(added)):
        window = uncounted(window, at, 1.0, amount)
    for passed in range(12):
        assert tally(window, now + passed, 1.0) == tally(kept, now + passed, 1.0)


def test_what_was_counted_before_a_window_began_is_not_taken_back() -> None:
    window = counted(Window(since=100.5), 100.5, 1.0, 3)
    assert uncounted(window, 100.4, 1.0, 1) is window
    assert uncounted(Window(), 100.4, 1.0, 1) == Window()
