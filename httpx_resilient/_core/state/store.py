"""
What a layer knows of each origin, and how that changes.

A state is an immutable value. What changes it is a pure function from the state, an
event and a time to the next state and a decision. Where states are kept is said here
alone: in this process. So a state can be shared by clients, families, threads and
tasks, and one day by processes.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

StateT = TypeVar("StateT")
DecisionT = TypeVar("DecisionT")
P = ParamSpec("P")

MOST = 1000
"""Origins that are remembered. The one used least recently is forgotten first."""


BATCH = 64
"""Events that decide nothing, until they are heard together."""


class Slot(Generic[StateT]):
    """A state, and the events that it has not heard of: moments, mostly."""

    __slots__ = ("pending", "state")

    def __init__(self, state: StateT) -> None:
        self.state = state
        self.pending: deque[Any] = deque()


class StateStore(Generic[StateT]):
    """
    States by key: bounded in number, each changed by one thread at a time.

    Args:
        initial: The state of a key that is not known.
        most: Keys that are remembered.
        fold: What a state becomes by the events that were noted, oldest first.
    """

    def __init__(
        self,
        initial: StateT,
        most: int = MOST,
        fold: Callable[[StateT, Sequence[Any]], StateT] | None = None,
    ) -> None:
        self._initial = initial
        self._most = most
        self._fold = fold
        self._slots: OrderedDict[Hashable, Slot[StateT]] = OrderedDict()
        self._lock = Lock()

    def apply(
        self,
        key: Hashable,
        transition: Callable[Concatenate[StateT, P], tuple[StateT, DecisionT]],
        *event: P.args,
        **more: P.kwargs,
    ) -> DecisionT:
        """Let a transition change a state, and return what it decided."""
        slots = self._slots
        # Every request comes by here, and `with` takes longer than all else does.
        self._lock.acquire()
        try:
            slot = slots.get(key)
            if slot is None:
                state = self._initial
            else:
                state = self._foldd(slot) if slot.pending else slot.state
            state, decision = transition(state, *event, **more)
            if slot is not None:
                slot.state = state
                slots.move_to_end(key)
            else:
                slots[key] = Slot(state)
                if len(slots) > self._most:
                    slots.popitem(last=False)
        finally:
            self._lock.release()
        return decision

    def append(self, key: Hashable, kind: type[StateT], now: float) -> bool:
        """
        Remember an event that decides nothing in a state of this kind.

        The state hears of it before the next change, or together with many others:
        that costs a fraction of a change. Says whether it is of this kind.
        """
        slot = self._slots.get(key)
        if slot is None or type(slot.state) is not kind:
            return False
        slot.pending.append(now)
        if len(slot.pending) >= BATCH:
            self.fold(key)
        return True

    def slot(self, key: Hashable) -> Slot[StateT]:
        """Find what is known of a key: to read it, and to add pending."""
        slot = self._slots.get(key)
        while slot is None:
            self.fold(key)
            slot = self._slots.get(key)
        return slot

    def fold(self, key: Hashable) -> None:
        """Let a state hear of what was noted."""
        self.apply(key, _unchanged)

    def peek(self, key: Hashable) -> StateT:
        """Read a state. It may have changed when you have it."""
        slot = self._slots.get(key)
        return self._initial if slot is None else slot.state

    def states(self) -> dict[Hashable, StateT]:
        """Copy what is known now, least recently used first."""
        with self._lock:
            return {key: self._foldd(slot) for key, slot in self._slots.items()}

    def _foldd(self, slot: Slot[StateT]) -> StateT:
        if slot.pending and self._fold is not None:
            # Others may append meanwhile.
            pending = [slot.pending.popleft() for _ in range(len(slot.pending))]
            slot.state = self._fold(slot.state, pending)
        return slot.state

    def __len__(self) -> int:
        return len(self._slots)


def _unchanged(state: StateT) -> tuple[StateT, None]:
    return state, None
