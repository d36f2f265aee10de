"""The circuits of a breaker, as its stages use them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from random import random

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.events.broadcast import Broadcast
from httpx_resilient._core.keys import KeyFunction, key_given, origin_named
from httpx_resilient._core.lock import tell_when_forked
from httpx_resilient._core.public import Uncopyable
from httpx_resilient._core.state.sliding_window import Window, tally
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.state.streak import HANGING, Streaks
from httpx_resilient._layers.circuit_breaker.circuit import admit, fold, settle
from httpx_resilient._layers.circuit_breaker.events import (
    FORCED_OPEN,
    CircuitClosed,
    CircuitOpened,
)
from httpx_resilient._layers.circuit_breaker.half_open import answered, forget_probes
from httpx_resilient._layers.circuit_breaker.probe import Probe
from httpx_resilient._layers.circuit_breaker.queue import Answer, ProbeQueues
from httpx_resilient._layers.circuit_breaker.state import (
    Circuit,
    Forced,
    HalfOpen,
    Rules,
)


class Circuits(Uncopyable):
    """
    The base of a circuit breaker: its circuits, by origin or another key.

    Args:
        rules: The settings.
        key: The function of the keys, or `None` if they are origins.
        patience: Seconds for which requests wait for a probe.
        is_watched_only: Whether all requests are sent.
    """

    def __init__(
        self,
        rules: Rules,
        key: KeyFunction | None,
        patience: float,
        *,
        is_watched_only: bool,
    ) -> None:
        self._rules = rules
        self._is_watched_only = is_watched_only
        self._patience = patience
        self.key = key
        self.given_up: Streaks = Streaks()
        self.circuits: StateStore[Circuit] = StateStore(
            Window(), fold=lambda circuit, times: fold(circuit, rules, times)
        )
        self.queues: ProbeQueues = ProbeQueues(lambda key: self.enter(key, Clock.now()))
        self.emit: Broadcast = Broadcast()
        """Emits what a user has changed by hand."""
        tell_when_forked(self)

    def enter(self, key: Hashable, now: float, *, may_wait: bool = True) -> Answer:
        """Admit a request while the circuit is not closed."""
        probe = Probe([now])
        probe.key, probe.breaker = key, self
        patience = self._patience if may_wait else 0.0
        decision = self.circuits.apply(key, admit, now, patience)
        if isinstance(decision, HalfOpen):
            probe.half_opened = True
        elif decision is not None and not self._is_watched_only:
            probe.clear()
            return decision
        return probe

    def answered(self, key: Hashable, sent: float) -> None:
        """Record the good headers of a probe, so that others may be sent."""
        if isinstance(self.circuits.peek(key), HalfOpen):
            self.circuits.apply(key, answered, sent)
            self.queues.circuit_changed(key)

    def leave(
        self,
        key: Hashable,
        sent: float,
        now: float,
        *,
        failed: bool | None,
        slow: bool,
        calls: int = 1,
    ) -> Circuit | None:
        """Record how a request ended. Returns the circuit if it opened or closed."""
        if failed is False:
            self.given_up.end(key)
        changed = self.circuits.apply(
            key,
            settle,
            self._rules,
            sent,
            now,
            random(),  # noqa: S311 - jitter needs no secure randomness
            failed=failed,
            slow=slow,
            calls=calls,
        )
        self.queues.circuit_changed(key)
        return changed

    def give_up(self, key: Hashable, sent: float, now: float) -> int:
        """
        Record that a caller gave up before an answer.

        Returns:
            How many such requests there were in a row, if they show that the server
            hangs: nobody had an answer within the window. Else 0.
        """
        circuit = self.circuits.peek(key)
        if isinstance(circuit, Window) and tally(circuit, now, self._rules.slice)[0]:
            self.given_up.end(key)
        length = self.given_up.add(key, sent, now)
        return length if length >= max(self._rules.minimum_calls, HANGING) else 0

    def forked(self) -> None:
        """Forget the requests of the parent process. What is known of servers holds."""
        self.queues.clear()
        for key in self.circuits.states():
            self.circuits.apply(key, forget_probes)

    def change(
        self, url: object, change: Callable[[Circuit], tuple[Circuit, Circuit | None]]
    ) -> None:
        """Change the circuit that a user has named, and emit an event if it changes."""
        key = key_given(self.key, url)
        changed = self.circuits.apply(key, change)
        self.queues.circuit_changed(key)
        if changed is None:
            return
        origin, own_key = origin_named(self.key, key)
        if isinstance(changed, Forced) and changed.open:
            why = FORCED_OPEN, math.inf
            self.emit(CircuitOpened, origin, *why, own_key, by_hand=True)
        else:
            self.emit(CircuitClosed, origin, own_key, by_hand=True)
