"""The public state of a circuit."""

from __future__ import annotations

from typing import Literal, NamedTuple

from httpx_resilient._core.public import public
from httpx_resilient._core.state.sliding_window import Window, tally
from httpx_resilient._layers.circuit_breaker.state import (
    Circuit,
    Forced,
    HalfOpen,
    Rules,
)


@public()
class CircuitState(NamedTuple):
    """
    The state of one circuit.

    Args:
        phase: The phase. An open circuit becomes half-open with the first request after
            its time is over.
        calls: Requests that ended within the window. If the circuit is open, those that
            opened it; if it is half-open, its probes.
        failures: The number of these calls that failed.
        slow: The number of these calls that were slow.
        refused: Requests that were not sent since the circuit was last closed.
        retry_after: Seconds until a request may be sent; 0 unless the circuit is open.

    Example:
        >>> CircuitState("closed", calls=40, failures=1).phase
        'closed'
    """

    phase: Literal["closed", "open", "half-open", "forced open", "forced closed"]
    calls: int = 0
    failures: int = 0
    slow: int = 0
    refused: int = 0
    retry_after: float = 0.0


def describe(circuit: Circuit, rules: Rules, now: float) -> CircuitState:
    """Return the public state of a circuit."""
    if isinstance(circuit, Window):
        return CircuitState("closed", *tally(circuit, now, rules.slice))
    if isinstance(circuit, Forced):
        phase: Literal["forced open", "forced closed"]
        phase = "forced open" if circuit.open else "forced closed"
        return CircuitState(phase, refused=circuit.refused)
    if isinstance(circuit, HalfOpen):
        return CircuitState("half-open", *circuit.counts, circuit.refused)
    retry_after = max(circuit.until - now, 0.0)
    return CircuitState("open", *circuit.counts, circuit.refused, retry_after)
