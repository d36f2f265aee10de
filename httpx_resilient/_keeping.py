"""
What a layer knows of each origin, and how that changes.

A state is an immutable value. What changes it is a pure function from the state, an
event and a time to the next state and a decision. Where states are kept is said here
alone: in this process. So a state can be shared by clients, families, threads and
tasks, and one day by processes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Concatenate, Generic, ParamSpec, TypeVar

from httpx_resilient._family import URLLike

StateT = TypeVar("StateT")
DecisionT = TypeVar("DecisionT")
P = ParamSpec("P")

MOST = 1000
"""Origins that are remembered. The one used least recently is forgotten first."""

Key = tuple[str, str, int | None]
"""Scheme, host and port."""


def key_of(url: URLLike) -> Key:
    """Tell the origin of a URL (RFC 6454 §4). A default port is `None`."""
    return url.scheme, url.host, url.port


class Kept(Generic[StateT]):
    """
    States by key: bounded in number, each changed by one thread at a time.

    Args:
        initial: The state of a key that is not known.
        most: Keys that are remembered.
    """

    def __init__(self, initial: StateT, most: int = MOST) -> None:
        self._initial = initial
        self._most = most
        self._states: OrderedDict[Hashable, StateT] = OrderedDict()
        self._lock = Lock()

    def change(
        self,
        key: Hashable,
        transition: Callable[Concatenate[StateT, P], tuple[StateT, DecisionT]],
        *event: P.args,
        **more: P.kwargs,
    ) -> DecisionT:
        """Let a transition change a state, and return what it decided."""
        states = self._states
        with self._lock:
            state, decision = transition(states.get(key, self._initial), *event, **more)
            states[key] = state
            states.move_to_end(key)
            if len(states) > self._most:
                states.popitem(last=False)
        return decision

    def states(self) -> dict[Hashable, StateT]:
        """Copy what is known now, least recently used first."""
        with self._lock:
            return dict(self._states)

    def __len__(self) -> int:
        return len(self._states)
