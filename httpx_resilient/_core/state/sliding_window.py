"""
Counts over the last seconds: an immutable value, and pure functions.

Time is cut into slices, and the oldest one leaves the window as a whole. Of each slice
in sight it is known what had been counted before it began; so to count is one addition,
and what lies in the window one subtraction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

SLICES = 10
"""A window of 10 s covers between 9 and 10 s: what is in it leaves second by second."""

Counts = tuple[int, int, int]

Mark = tuple[float, int, int, int]
"""The number of a slice, and what had been counted when it began."""


class Window(NamedTuple):
    """
    Three counts. What each is of is up to its owner.

    Args:
        since: Monotonic seconds. What began earlier is not for this window to count.
        number: The slice that was counted in last.
        first: What was counted, in all.
        second: The same of the second count.
        third: The same of the third one.
        marks: The slices in sight in which something was counted, oldest first.
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
    Count.

    Args:
        window: What was counted so far.
        now: Monotonic seconds. What another thread has overtaken counts where that is.
        size: Seconds of a slice.
        first: What to add.
        second: The same to the second count.
        third: The same to the third one.
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
    """Count the same at each of these times, oldest first."""
    number = len(times)
    if times[0] // size == times[-1] // size:
        return counted(window, times[-1], size, number * first, number * second)
    for now in times:
        window = counted(window, now, size, first, second)
    return window


def tally(window: Window, now: float, size: float) -> Counts:
    """Say what was counted in the window that ends now."""
    marks = _in_sight(window.marks, now // size - SLICES)
    if not marks:
        return 0, 0, 0
    _, first, second, third = marks[0]
    return window.first - first, window.second - second, window.third - third


def latest(window: Window, now: float, size: float, slices: int) -> Window:
    """Forget all but the latest slices."""
    return window._replace(marks=_in_sight(window.marks, now // size - slices))


def _in_sight(marks: tuple[Mark, ...], past: float) -> tuple[Mark, ...]:
    if not marks or marks[0][0] > past:
        return marks
    return tuple(mark for mark in marks if mark[0] > past)
