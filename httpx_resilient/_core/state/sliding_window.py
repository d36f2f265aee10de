"""
Three counts over the last seconds: an immutable value and pure functions.

Time is cut into slices, and the oldest slice leaves the window as a whole. Each slice
stores the totals at its beginning. So counting is one addition, and the count within
the window is one subtraction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

SLICES = 10
"""Slices in a window. A window of 10 s covers between 9 and 10 s."""

Counts = tuple[int, int, int]

Mark = tuple[float, int, int, int]
"""The number of a slice, and the three totals when it began."""


class Window(NamedTuple):
    """
    Three totals and the slices of a sliding window. The owner defines what they count.

    Args:
        since: Monotonic seconds. The owner ignores requests that were sent earlier.
        number: The number of the latest slice with a count.
        first: The first total.
        second: The second total.
        third: The third total.
        marks: The slices in the window that have counts, oldest first.
    """

    since: float = -math.inf
    number: float = -math.inf
    first: int = 0
    second: int = 0
    third: int = 0
    marks: tuple[Mark, ...] = ()


def counted(
    window: Window,
    now: float,
    size: float,
    first: int,
    second: int = 0,
    third: int = 0,
) -> Window:
    """
    Add to the three counts.

    Args:
        window: The window so far.
        now: Monotonic seconds. An earlier time than that of the latest slice counts in
            the latest slice: another thread was faster.
        size: Seconds of a slice.
        first: The amount to add to the first count.
        second: The amount to add to the second count.
        third: The amount to add to the third count.
    """
    since, number, a, b, c, marks = window
    here = now // size
    if here > number:
        number = here
        marks = (*_in_sight(marks, here - SLICES), (here, a, b, c))
    return Window(since, number, a + first, b + second, c + third, marks)


def counted_all(
    window: Window, times: Sequence[float], size: float, first: int, second: int = 0
) -> Window:
    """Add the same amounts at each of these times, oldest first."""
    number = len(times)
    if times[0] // size == times[-1] // size:
        return counted(window, times[-1], size, number * first, number * second)
    for now in times:
        window = counted(window, now, size, first, second)
    return window


def uncounted(window: Window, at: float, size: float, first: int) -> Window:
    """
    Take back what was added to the first count, unless it has left the window.

    Args:
        window: The window so far.
        at: When it was added, in monotonic seconds.
        size: Seconds of a slice.
        first: The amount.
    """
    here = at // size
    if at < window.since or not window.marks or window.marks[0][0] > here:
        return window
    marks = tuple(
        (number, a - first * (number > here), b, c) for number, a, b, c in window.marks
    )
    return window._replace(first=window.first - first, marks=marks)


def tally(window: Window, now: float, size: float) -> Counts:
    """Return the three counts within the window that ends now."""
    marks = _in_sight(window.marks, now // size - SLICES)
    if not marks:
        return 0, 0, 0
    _, first, second, third = marks[0]
    return window.first - first, window.second - second, window.third - third


def latest(window: Window, now: float, size: float, slices: int) -> Window:
    """Drop all but the latest slices."""
    return window._replace(marks=_in_sight(window.marks, now // size - slices))


def _in_sight(marks: tuple[Mark, ...], past: float) -> tuple[Mark, ...]:
    if not marks or marks[0][0] > past:
        return marks
    return tuple(mark for mark in marks if mark[0] > past)
