"""The transitions of a half-open circuit that concern its probes, as pure functions."""

from __future__ import annotations

from httpx_resilient._core.state.sliding_window import Counts
from httpx_resilient._layers.circuit_breaker.state import (
    EPSILON,
    Busy,
    Circuit,
    HalfOpen,
    Refused,
)

_PROBE_TIMEOUT = 10.0
"""Seconds after which a probe counts as hanging, so that another one may be sent."""

_MAX_PROBES = 1000
"""The number of earlier probes that are stored while they, or their bodies, hang."""

_HALF_OPEN_RETRY_AFTER = 1.0
"""Seconds in which a probe has most likely ended."""


def admit_probe(
    circuit: HalfOpen, now: float, patience: float
) -> tuple[HalfOpen, Refused | Busy | None]:
    """Decide whether a request is sent as a probe. See `admit`."""
    in_flight = [sent for sent in circuit.probes if now - sent < _PROBE_TIMEOUT]
    calls, failures, _ = known_counts(circuit)
    if len(in_flight) < 1 + calls - failures:
        return circuit._replace(probes=_with(circuit.probes, now)), None
    until = min(max(in_flight) + patience, min(in_flight) + _PROBE_TIMEOUT)
    if patience and until - now > EPSILON:
        return circuit, Busy(until - now)
    after = _HALF_OPEN_RETRY_AFTER
    reason = f"is half-open: a probe is in flight, retry in {after:g} s"
    return circuit, Refused(reason, after)


def answered(circuit: Circuit, sent: float) -> tuple[Circuit, None]:
    """Record the good headers of a probe. It succeeds, unless its body breaks."""
    if isinstance(circuit, HalfOpen) and sent in circuit.probes:
        probes, bodies = _without(circuit.probes, sent), _with(circuit.bodies, sent)
        circuit = circuit._replace(probes=probes, bodies=bodies)
    return circuit, None


def without_probe(circuit: HalfOpen, sent: float) -> HalfOpen:
    """Remove a probe that has ended. Return the same circuit if it is no probe."""
    if sent in circuit.probes:
        return circuit._replace(probes=_without(circuit.probes, sent))
    if sent in circuit.bodies:
        return circuit._replace(bodies=_without(circuit.bodies, sent))
    return circuit


def forget_probes(circuit: Circuit) -> tuple[Circuit, None]:
    """Forget the probes in flight, which another process has sent."""
    if isinstance(circuit, HalfOpen):
        return circuit._replace(probes=(), bodies=()), None
    return circuit, None


def known_counts(circuit: HalfOpen) -> Counts:
    """Return the counts of the probes that have ended or have good headers."""
    calls, failures, slow = circuit.counts
    return calls + len(circuit.bodies), failures, slow


def _with(times: tuple[float, ...], sent: float) -> tuple[float, ...]:
    return *times[-_MAX_PROBES:], sent


def _without(times: tuple[float, ...], sent: float) -> tuple[float, ...]:
    here = times.index(sent)
    return times[:here] + times[here + 1 :]
