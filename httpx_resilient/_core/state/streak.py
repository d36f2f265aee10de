"""Requests in a row whose callers gave up before an answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from httpx_resilient._core.state.store import MAX_KEYS

HANGING = 10
"""The length of a streak, at least, that shows a server which answers nobody."""


class Streak(NamedTuple):
    """
    Requests that were given up, each of them sent after the one before had ended.

    Args:
        length: Their number.
        ended: When the latest of them ended, in monotonic seconds.
    """

    length: int
    ended: float


class Streaks:
    """
    The streaks of all keys. Requests that are cancelled together count once.

    A server that never answers is not told from an impatient caller by one request. But
    if many in a row have had no answer, and no other one has, nobody is served.
    """

    def __init__(self) -> None:
        self._streaks: OrderedDict[Hashable, Streak] = OrderedDict()

    def add(self, key: Hashable, sent: float, now: float) -> int:
        """
        Add a request. Return the length of its streak.

        Args:
            key: The key of the server.
            sent: When it was sent, in monotonic seconds.
            now: When it was given up.
        """
        length, ended = self._streaks.pop(key, (0, sent))
        if sent >= ended:
            length, ended = length + 1, now
        self._streaks[key] = Streak(length, ended)
        if len(self._streaks) > MAX_KEYS:
            self._streaks.popitem(last=False)
        return length

    def end(self, key: Hashable) -> None:
        """End a streak: the server has answered."""
        self._streaks.pop(key, None)
