"""
The place of one state, which is replaced without a lock.

Each state has a list, and the first successor that is appended to it is valid. To
append is a single operation, which nothing interrupts. Whoever comes second starts
again from that successor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

StateT = TypeVar("StateT")

_NO_EVENT = object()


class Slot(Generic[StateT]):
    """
    A state and its pending events, which are times in most layers.

    Args:
        state: The state.
    """

    __slots__ = ("last", "pending", "state")

    def __init__(self, state: StateT) -> None:
        self.state: StateT = state
        self.pending: deque[Any] = deque()
        self.last: list[Any] = [state]
        """The state, and once there is one, the list of its successor."""

    def publish(self, last: list[Any]) -> None:
        """Store the latest state, which follows from that in a list."""
        while True:
            while last[-1] is not last[0]:
                last = last[1]
            self.last, self.state = last, last[0]
            if last[-1] is last[0]:  # else another thread has just found a successor
                return

    def fold(self, fold: Callable[[StateT, Sequence[Any]], StateT]) -> None:
        """Fold the pending events into the state."""
        taken: list[Any] = []
        with suppress(IndexError):  # there are no more
            taken.extend(iter(self.pending.popleft, _NO_EVENT))
        if not taken:  # another thread was faster
            return
        last = self.last
        try:
            while True:
                successor = [fold(last[0], taken)]
                last.append(successor)
                if last[1] is successor:
                    break
                last = last[1]
        finally:
            self.publish(last)
