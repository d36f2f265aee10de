"""
Immutable states by key, such as one circuit for each origin, in this process.

A transition is a pure function: from a state, an event and a time to the next state and
a decision. Only this module knows where the states are stored, so clients of both
libraries, threads and tasks can share them.

There is no lock, see `Slot`: a finalizer may apply a transition while it interrupts
another one, in any thread; a signal handler may end one by an exception; and a fork may
leave one undone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from httpx_resilient._core.state.slot import Slot, StateT

DecisionT = TypeVar("DecisionT")
P = ParamSpec("P")

MAX_KEYS = 1000
"""The number of keys that are stored. The least recently used one is evicted first."""


BATCH = 64
"""The number of pending events that are folded into a state at once."""


class Receipt(Protocol):
    """Says what a transition has decided for its owner."""

    decision: Any


class StateStore(Generic[StateT]):
    """
    States by key, bounded in number.

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
        self._fold = fold or _unfolded
        self._slots: OrderedDict[Hashable, Slot[StateT]] = OrderedDict()
        self.known: Callable[[Hashable], Slot[StateT] | None] = self._slots.get
        """Returns the slot of a key, or `None`. Its state may change at any time."""

    def apply(
        self,
        key: Hashable,
        transition: Callable[Concatenate[StateT, P], tuple[StateT, DecisionT]],
        *event: P.args,
        **more: P.kwargs,
    ) -> DecisionT:
        """Replace a state by the result of a transition, and return its decision."""
        slots = self._slots
        slot = slots.get(key)
        while slot is None:
            state, decision = transition(self._initial, *event, **more)
            made = Slot(state)
            slot = slots.setdefault(key, made)
            if slot is made:
                if len(slots) > self._max_keys:
                    slots.popitem(last=False)
                return decision
        if slot.pending:
            slot.fold(self._fold)
        last = slot.last
        try:
            while True:
                state, decision = transition(last[0], *event, **more)
                successor: list[Any] = [state]
                last.append(successor)
                if last[1] is successor:
                    break
                last = last[1]  # another one was faster
            # On the path of every request: `publish`, written out.
            slot.last = successor
            slot.state = state
            if successor[-1] is not state:
                slot.publish(successor)
            try:  # noqa: SIM105 - `suppress` would cost 1,000 instructions
                slots.move_to_end(key)
            except KeyError:  # another one has just evicted it
                pass
        except BaseException:  # observed only, and raised again
            slot.publish(last)
            # A traceback has this frame, and would keep all successors.
            last = successor = []
            raise
        return decision

    def apply_for(
        self,
        receipt: Receipt,
        key: Hashable,
        transition: Callable[Concatenate[StateT, P], tuple[StateT, DecisionT]],
        *event: P.args,
        **more: P.kwargs,
    ) -> DecisionT:
        """
        Apply a transition as `apply` does, for something that can be lost.

        Its receipt has the decision as soon as that holds: an exception of a signal
        handler may strike before this returns.
        """
        slot = self.slot(key)
        last = slot.last
        try:
            while True:
                state, decision = transition(last[0], *event, **more)
                successor: list[Any] = [state]
                # Nothing can strike between these two lines.
                receipt.decision = decision
                last.append(successor)
                if last[1] is successor:
                    break
                last = last[1]
            slot.publish(last)
            with suppress(KeyError):  # another one has just evicted it
                self._slots.move_to_end(key)
        except BaseException:  # observed only, and raised again
            slot.publish(last)
            last = successor = []  # as in `apply`
            raise
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
        """Return a state. Another thread may change it at any time."""
        slot = self._slots.get(key)
        return self._initial if slot is None else slot.state

    def states(self) -> dict[Hashable, StateT]:
        """Return a copy of all states, least recently used first."""
        slots = list(self._slots.items())
        for _, slot in slots:
            if slot.pending:
                slot.fold(self._fold)
        return {key: slot.state for key, slot in slots}

    def __len__(self) -> int:
        return len(self._slots)


def _unchanged(state: StateT) -> tuple[StateT, None]:
    return state, None


def _unfolded(state: StateT, _: Sequence[Any]) -> StateT:
    return state
