"""
Immutable states by key, such as one circuit for each origin, in this process.

A transition is a pure function: from a state, an event and a time to the next state and
a decision. Only this module knows where the states are stored, so clients of both
libraries, threads and tasks can share them.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from threading import Lock
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

StateT = TypeVar("StateT")
DecisionT = TypeVar("DecisionT")
P = ParamSpec("P")

MAX_KEYS = 1000
"""The number of keys that are stored. The least recently used one is evicted first."""


BATCH = 64
"""The number of pending events that are folded into a state at once."""


_NO_EVENT = object()


class Slot(Generic[StateT]):
    """A state and its pending events, which are times in most layers."""

    __slots__ = ("pending", "state")

    def __init__(self, state: StateT) -> None:
        self.state: StateT = state
        self.pending: deque[Any] = deque()


class StateStore(Generic[StateT]):
    """
    States by key, bounded in number. One thread at a time changes a state.

    Args:
        initial: The state of a new key.
        max_keys: The number of keys that are stored.
        fold: Returns the state that follows from pending events, oldest first.
    """

    def __init__(
        self,
        initial: StateT,
        max_keys: int = MAX_KEYS,
        fold: Callable[[StateT, Sequence[Any]], StateT] | None = None,
    ) -> None:
        self._initial = initial
        self._max_keys = max_keys
        self._fold = fold
        self._slots: OrderedDict[Hashable, Slot[StateT]] = OrderedDict()
        self.known: Callable[[Hashable], Slot[StateT] | None] = self._slots.get
        """Returns the slot of a key, or `None`. Its state may change at any time."""
        self._lock = Lock()

    def apply(
        self,
        key: Hashable,
        transition: Callable[Concatenate[StateT, P], tuple[StateT, DecisionT]],
        *event: P.args,
        **more: P.kwargs,
    ) -> DecisionT:
        """Replace a state by the result of a transition, and return its decision."""
        slots = self._slots
        # On the path of every request. `with` takes longer than the rest of the method.
        self._lock.acquire()
        try:
            slot = slots.get(key)
            if slot is None:
                state = self._initial
            else:
                state = self._folded(slot) if slot.pending else slot.state
            state, decision = transition(state, *event, **more)
            if slot is not None:
                slot.state = state
                slots.move_to_end(key)
            else:
                slots[key] = Slot(state)
                if len(slots) > self._max_keys:
                    slots.popitem(last=False)
        finally:
            self._lock.release()
        return decision

    def append(self, key: Hashable, kind: type[StateT], now: float) -> bool:
        """
        Append an event that needs no decision, if the state is of this kind.

        It is folded into the state before the next transition, or when `BATCH` events
        are pending, at a fraction of the cost of a transition.

        Returns:
            Whether the state is of this kind. If not, nothing is appended.
        """
        slot = self.known(key)
        if slot is None or type(slot.state) is not kind:
            return False
        pending = slot.pending
        pending.append(now)
        if len(pending) >= BATCH:
            self.fold(key)
        return True

    def slot(self, key: Hashable) -> Slot[StateT]:
        """Return the slot of a key, to read its state and to append events."""
        slot = self._slots.get(key)
        while slot is None:
            self.fold(key)
            slot = self._slots.get(key)
        return slot

    def fold(self, key: Hashable) -> None:
        """Fold the pending events of a key into its state."""
        self.apply(key, _unchanged)

    def peek(self, key: Hashable) -> StateT:
        """Return a state without a lock. Another thread may change it at any time."""
        slot = self._slots.get(key)
        return self._initial if slot is None else slot.state

    def states(self) -> dict[Hashable, StateT]:
        """Return a copy of all states, least recently used first."""
        with self._lock:
            return {key: self._folded(slot) for key, slot in self._slots.items()}

    def _folded(self, slot: Slot[StateT]) -> StateT:
        if slot.pending and self._fold is not None:
            # Other threads may append meanwhile: take only what was there. A loop would
            # cost 2,000 instructions for each of them.
            taken = iter(slot.pending.popleft, _NO_EVENT)
            pending = [*islice(taken, len(slot.pending))]
            slot.state = self._fold(slot.state, pending)
        return slot.state

    def __len__(self) -> int:
        return len(self._slots)


def _unchanged(state: StateT) -> tuple[StateT, None]:
    return state, None
