"""
The transitions of a circuit, as pure functions.

A request is identified by the time at which it was sent. A closed circuit ignores
failures of requests that were sent before its probes, and a half-open circuit ignores
all requests but its probes. So a request that ends late changes nothing, and no permit
exists that could be lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from httpx_resilient._core.state.sliding_window import (
    Counts,
    Window,
    counted,
    counted_all,
    tally,
)
from httpx_resilient._layers.circuit_breaker.half_open import (
    admit_probe,
    known_counts,
    without_probe,
)
from httpx_resilient._layers.circuit_breaker.state import (
    Busy,
    Circuit,
    Forced,
    HalfOpen,
    Open,
    Refused,
    Rules,
)

_JITTER = 0.2
"""The share by which an open period varies both ways, as gRPC's connection backoff."""

_FORCED_RETRY_AFTER = 5.0
"""Seconds after which it makes sense to check a circuit that was forced open."""


def admit(
    circuit: Circuit, now: float, patience: float = 0.0
) -> tuple[Circuit, Refused | Busy | HalfOpen | None]:
    """
    Decide whether a request may be sent now.

    The decision is a `Refused`, a `Busy`, or the circuit if this request half-opened
    it.

    Args:
        circuit: The circuit before.
        now: Monotonic seconds.
        patience: Seconds for which a request waits for the latest probe.
    """
    was_open = isinstance(circuit, Open)
    if isinstance(circuit, Open) and now >= circuit.until:
        circuit = HalfOpen(circuit.openings, refused=circuit.refused)
    if isinstance(circuit, HalfOpen):
        probing, decision = admit_probe(circuit, now, patience)
        if not isinstance(decision, Refused):
            return probing, probing if was_open else decision
        refused = decision
    elif isinstance(circuit, Open):
        after = circuit.until - now
        reason = f"is open: {circuit.reason}; retry in {after:.1f} s"
        refused = Refused(reason, after)
    elif isinstance(circuit, Forced) and circuit.open:
        reason = "is forced open: call breaker.reset(url) to close it"
        refused = Refused(reason, _FORCED_RETRY_AFTER)
    else:
        return circuit, None
    return circuit._replace(refused=circuit.refused + 1), refused


def settle(
    circuit: Circuit,
    rules: Rules,
    sent: float,
    now: float,
    jitter: float,
    *,
    failed: bool | None,
    slow: bool,
    calls: int = 1,
) -> tuple[Circuit, Circuit | None]:
    """
    Record how a request ended. The decision is the circuit if it opened or closed.

    Args:
        circuit: The circuit before.
        rules: The settings of the breaker.
        sent: When the request was sent, in monotonic seconds.
        now: When it ended, in monotonic seconds.
        jitter: A random number from 0 to 1.
        failed: Whether it failed; `None` if the outcome says nothing about the server.
        slow: Whether it was slow.
        calls: How many requests it stands for, which all ended so.
    """
    if isinstance(circuit, Window):
        is_bad = failed or slow
        if failed is None or (is_bad and sent < circuit.since):
            return circuit, None
        circuit = counted(circuit, now, rules.slice, calls, calls * failed, slow)
        counts = tally(circuit, now, rules.slice)
        if is_bad and counts[0] >= rules.minimum_calls:
            reason = _reason_to_open(counts, rules)
            if reason:
                circuit = _opened(1, rules, now, jitter, reason, counts)
                return circuit, circuit
    elif isinstance(circuit, HalfOpen):
        before, circuit = circuit, without_probe(circuit, sent)
        if failed is not None and circuit is not before:
            after = _after_probe(circuit, rules, now, jitter, failed=failed, slow=slow)
            return after, None if isinstance(after, HalfOpen) else after
    return circuit, None


def fold(circuit: Circuit, rules: Rules, times: Sequence[float]) -> Circuit:
    """Count requests that succeeded at these times, so that they cannot open it."""
    if isinstance(circuit, Window):
        return counted_all(circuit, times, rules.slice, 1)
    return circuit


def force(circuit: Circuit, *, is_open: bool) -> tuple[Circuit, Circuit | None]:
    """
    Force the circuit open or closed until it is reset.

    The decision is the circuit, or `None` if that is no change.
    """
    forced = Forced(is_open)
    was_forced = isinstance(circuit, Forced) and circuit.open == is_open
    return forced, None if was_forced else forced


def reset(circuit: Circuit, now: float) -> tuple[Circuit, Circuit | None]:
    """Close the circuit and restart its counts. Decide as in `force`."""
    closed = Window(since=now)
    return closed, None if isinstance(circuit, Window) else closed


def _after_probe(
    circuit: HalfOpen,
    rules: Rules,
    now: float,
    jitter: float,
    *,
    failed: bool,
    slow: bool,
) -> Circuit:
    calls, failures, slow_calls = circuit.counts
    circuit = circuit._replace(counts=(calls + 1, failures + failed, slow_calls + slow))
    known = known_counts(circuit)
    if reason := _reason_to_open(known, rules):
        openings = circuit.openings + 1
        opened = _opened(openings, rules, now, jitter, reason, known)
        return opened._replace(refused=circuit.refused)
    if calls + 1 >= rules.minimum_calls:
        # The failures of probes that are under way count.
        return Window(since=min((*circuit.probes, *circuit.bodies), default=now))
    return circuit


def _reason_to_open(counts: Counts, rules: Rules) -> str:
    calls, failures, slow = counts
    if failures >= rules.failure_rate * calls:
        return f"{failures} of {calls} requests failed"
    if slow >= rules.slow_rate * calls:
        return f"{slow} of {calls} requests were slow"
    return ""


def _opened(
    openings: int,
    rules: Rules,
    now: float,
    jitter: float,
    reason: str,
    counts: Counts,
) -> Open:
    seconds = min(rules.open_for * 2.0 ** min(openings - 1, 99), rules.max_open_for)
    seconds *= 1 - _JITTER + 2 * _JITTER * jitter
    return Open(now + seconds, openings, reason, counts)
