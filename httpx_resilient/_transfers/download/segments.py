"""Which bytes of a file have arrived: pure functions of intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Interval = tuple[int, int]
"""Bytes from a first one to before a last one: `0, 10` are the first ten."""

SMALLEST = 1 << 20
"""
Bytes of a part that is worth a connection of its own.

With TLS, a connection takes two or three round trips before its first byte: 1 MiB is
what 100 Mbit/s bring in 84 ms.
"""


@dataclass
class Segment:
    """
    Bytes that one connection fetches.

    Args:
        start: The first byte.
        position: The first byte that has not been written yet.
        end: After the last byte; `None` if that is unknown.
        arrived: The first byte that has not arrived yet.
        is_given_up: Whether its connection has brought no proof, so that another one
            has to fetch it.
    """

    start: int
    position: int
    end: int | None
    arrived: int = 0
    is_given_up: bool = False

    @classmethod
    def of(cls, start: int, end: int | None) -> Segment:
        """Make a segment of which nothing has arrived."""
        return cls(start, start, end, start)

    @property
    def is_done(self) -> bool:
        """Whether all its bytes are written."""
        return self.end is not None and self.position >= self.end


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Sort intervals, and join those that touch; empty ones are dropped."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(joined)


def gaps(done: Sequence[Interval], total: int) -> tuple[Interval, ...]:
    """
    Return what is missing.

    Args:
        done: As `merged` returns it.
        total: The bytes of the file.
    """
    edges = [0, *(edge for interval in done for edge in interval), total]
    return tuple(
        (start, end)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if start < end
    )


def split(missing: Sequence[Interval], count: int) -> list[Interval]:
    """
    Divide what is missing for several connections, in order.

    Args:
        missing: As `gaps` returns it.
        count: How many connections there are, at most.

    Returns:
        `missing`, with the largest pieces halved until there are `count` of them, or
        until a half would be smaller than `SMALLEST`.
    """
    pieces = list(missing)
    while len(pieces) < count:
        start, end = largest = max(pieces, key=lambda each: each[1] - each[0])
        if end - start < 2 * SMALLEST:
            break
        middle = start + (end - start) // 2
        index = pieces.index(largest)
        pieces[index : index + 1] = [(start, middle), (middle, end)]
    return pieces
