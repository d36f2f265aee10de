"""
A circuit: what a breaker knows of an origin, and how that changes.

A request is told by the moment when it was sent. A closed circuit counts no failures of
those that were sent before it closed, a half-open one hears of its probes alone: so the
late end of a request changes nothing, and there is no permit that could be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from httpx_resilient._core.state.sliding_window import (
    Counts,
    Window,
    counted,
    counted_all,
    tally,
)

_JITTER = 0.2
"""As in gRPC's connection backoff: up to a fifth more or less."""

_PATIENCE = 10.0
"""Seconds after which a probe may take for ever: then another one is due."""

_MOST = 100
"""Probes that are remembered, if all of them hang."""

_SOON = 1.0
"""Seconds after which a probe has ended, most likely."""

_PERHAPS = 5.0
"""Seconds after which to look if what was decided by hand has been decided anew."""


class Rules(NamedTuple):
    """What a `CircuitBreaker` was given; see there."""

    failure_rate: float = 0.5
    minimum_calls: int = 20
    slice: float = 1.0
    open_for: float = 5.0
    max_open_for: float = 60.0
    slow_rate: float = 0.5


class Open(NamedTuple):
    """Nothing is sent until a moment. It has opened so many times in a row."""

    until: float
    times: int
    why: str
    counts: Counts
    refused: int = 0


class HalfOpen(NamedTuple):
    """One is sent to find out, and more at a time with each that goes well."""

    times: int
    probes: tuple[float, ...] = ()
    counts: Counts = (0, 0, 0)
    refused: int = 0


class Forced(NamedTuple):
    """Somebody has decided."""

    open: bool
    refused: int = 0


Circuit = Window | Open | HalfOpen | Forced
"""A closed one is the window in which calls, failures and slow calls are counted."""


class Refused(NamedTuple):
    """Why a request is not sent, and in how many seconds one may be."""

    why: str
    retry_after: float


def admit(circuit: Circuit, now: float) -> tuple[Circuit, Refused | HalfOpen | None]:
    """
    Decide whether a request may be sent now.

    Tells the circuit again if that half-opened it.
    """
    was_open = isinstance(circuit, Open)
    if isinstance(circuit, Open) and now >= circuit.until:
        circuit = HalfOpen(circuit.times, refused=circuit.refused)
    if isinstance(circuit, HalfOpen):
        awaited = sum(now - sent < _PATIENCE for sent in circuit.probes)
        calls, failures, _ = circuit.counts
        if awaited < 1 + calls - failures:
            circuit = circuit._replace(probes=(*circuit.probes[-_MOST:], now))
            return circuit, circuit if was_open else None
        why = "is half-open: a probe is to tell whether it works again; wait for that"
        refused = Refused(why, _SOON)
    elif isinstance(circuit, Open):
        left = circuit.until - now
        why = f"is open: {circuit.why}; it is tried again in {left:.1f} s"
        refused = Refused(why, left)
    elif isinstance(circuit, Forced) and circuit.open:
        refused = Refused("is held open by hand: breaker.reset() ends that", _PERHAPS)
    else:
        return circuit, None
    return circuit._replace(refused=circuit.refused + 1), refused


def settle(
    circuit: Circuit,
    rules: Rules,
    sent: float,
    now: float,
    chance: float,
    *,
    failed: bool | None,
    slow: bool,
) -> tuple[Circuit, Circuit | None]:
    """
    Hear how a request has ended. Tells the circuit again if that opened or closed it.

    Args:
        circuit: What is known so far.
        rules: What the breaker was given.
        sent: When it was sent.
        now: When it ended.
        chance: A random number from 0 to 1.
        failed: Whether it failed; `None` if that tells nothing of the server.
        slow: Whether it was slow.
    """
    if isinstance(circuit, Window):
        badly = failed or slow
        if failed is None or (badly and sent < circuit.since):
            return circuit, None
        circuit = counted(circuit, now, rules.slice, 1, failed, slow)
        counts = tally(circuit, now, rules.slice)
        if badly and counts[0] >= rules.minimum_calls and (why := _why(counts, rules)):
            circuit = _opened(1, rules, now, chance, why, counts)
            return circuit, circuit
    elif isinstance(circuit, HalfOpen) and sent in circuit.probes:
        probes = list(circuit.probes)
        probes.remove(sent)
        circuit = circuit._replace(probes=tuple(probes))
        if failed is not None:
            after = _probed(circuit, rules, now, chance, failed=failed, slow=slow)
            return after, None if isinstance(after, HalfOpen) else after
    return circuit, None


def hear(circuit: Circuit, rules: Rules, times: Sequence[float]) -> Circuit:
    """Hear of requests that went well, and so cannot have opened it."""
    if isinstance(circuit, Window):
        return counted_all(circuit, times, rules.slice, 1)
    return circuit


def _probed(
    circuit: HalfOpen,
    rules: Rules,
    now: float,
    chance: float,
    *,
    failed: bool,
    slow: bool,
) -> Circuit:
    calls, failures, slow_ones = circuit.counts
    counts = calls + 1, failures + failed, slow_ones + slow
    if (failed or slow) and (why := _why(counts, rules)):
        times = circuit.times + 1
        opened = _opened(times, rules, now, chance, why, counts)
        return opened._replace(refused=circuit.refused)
    if counts[0] >= rules.minimum_calls:
        return Window(since=now)
    return circuit._replace(counts=counts)


def _why(counts: Counts, rules: Rules) -> str:
    calls, failures, slow = counts
    if failures >= rules.failure_rate * calls:
        return f"{failures} of {calls} requests failed"
    if slow >= rules.slow_rate * calls:
        return f"{slow} of {calls} requests were slow"
    return ""


def _opened(
    times: int, rules: Rules, now: float, chance: float, why: str, counts: Counts
) -> Open:
    seconds = min(rules.open_for * 2.0 ** min(times - 1, 99), rules.max_open_for)
    seconds *= 1 - _JITTER + 2 * _JITTER * chance
    return Open(now + seconds, times, why, counts)


def force(_: Circuit, *, is_open: bool) -> tuple[Circuit, None]:
    """Hold it, whatever happens."""
    return Forced(is_open), None


def reset(_: Circuit, now: float) -> tuple[Circuit, None]:
    """Close it, and begin to count anew."""
    return Window(since=now), None
