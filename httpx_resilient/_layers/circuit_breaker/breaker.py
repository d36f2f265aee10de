"""The circuit breaker: the circuits of all origins, and what it tells of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import random
from typing import Literal, NamedTuple, cast

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.http_types import URLLike
from httpx_resilient._core.origin import OriginKey, origin_name, parse_origin
from httpx_resilient._core.state.sliding_window import SLICES, Window, tally
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number
from httpx_resilient._layers.circuit_breaker.circuit import (
    Circuit,
    Forced,
    HalfOpen,
    Refused,
    Rules,
    admit,
    force,
    hear,
    reset,
    settle,
)


class CircuitState(NamedTuple):
    """
    What a `CircuitBreaker` knows of an origin.

    Args:
        phase: Where it is. Open becomes half-open with the first request after its
            time is over.
        calls: Requests that ended within the window, or of the probes; if it is open,
            of those that opened it.
        failures: How many of them failed.
        slow: How many of them were slow.
        refused: Requests that were not sent since it was last closed.
        retry_after: Seconds until a request may be sent; 0 unless it is open.

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


def state_of(circuit: Circuit, rules: Rules, now: float) -> CircuitState:
    """Tell of a circuit in public."""
    if isinstance(circuit, Window):
        return CircuitState("closed", *tally(circuit, now, rules.slice))
    if isinstance(circuit, Forced):
        phase: Literal["forced open", "forced closed"]
        phase = "forced open" if circuit.open else "forced closed"
        return CircuitState(phase, refused=circuit.refused)
    if isinstance(circuit, HalfOpen):
        return CircuitState("half-open", *circuit.counts, circuit.refused)
    left = max(circuit.until - now, 0.0)
    return CircuitState("open", *circuit.counts, circuit.refused, left)


class CircuitBreaker:
    """
    What a `CircuitBreakingTransport` knows of each origin. Transports may share one.

    A circuit is *closed* while requests go well. It *opens* when too many fail: then
    they are refused at once, instead of after a timeout, and the server has peace. A
    while later it is *half-open*: one request is sent as a probe, and with each that
    goes well one more at a time, until it closes; or it opens again, for twice as long.

    Args:
        failure_rate: It opens if this share of requests failed, above 0, at most 1 ...
        minimum_calls: ... and at least so many ended within the window. It closes after
            as many probes.
        window: Seconds in which they count.
        open_for: Seconds until it is tried again: the first time, then twice as long,
            and so on; always up to a fifth more or less, so that clients do not come
            back together.
        max_open_for: Seconds that this becomes, at most.
        slow_after: Seconds until its headers after which a request was slow. By default
            none is.
        slow_rate: It opens if this share was slow, too.
        metrics_only: Refuse nothing; only tell in `states()` what would be done.

    Raises:
        TypeError: What is to be a number is none.
        ValueError: A number is out of its range.

    Timeouts, broken connections and bodies, and 5xx but 501, 505 and 511 are failures.
    429 is none: who throttles, works. Neither is what happens on this side: an
    exhausted pool, a refused certificate, a request that was cancelled.

    When one opens, the logger `httpx_resilient` tells it at level WARNING, and at INFO
    when it closes.

    The defaults suit one client: those of Polly v8 need 100 requests in 30 s, which a
    small one never sends; resilience4j's 60 s are long for what is over in 5.

    Example:
        >>> breaker = CircuitBreaker(open_for=10, slow_after=2)
        >>> transport = CircuitBreakingTransport(None, breaker)
        >>> breaker.force_open("https://api.example.com")
        >>> for origin, state in breaker.states().items():
        ...     print(origin, state.phase)
        https://api.example.com forced open
    """

    def __init__(
        self,
        *,
        failure_rate: float = 0.5,
        minimum_calls: int = 20,
        window: float = 10.0,
        open_for: float = 5.0,
        max_open_for: float = 60.0,
        slow_after: float | None = None,
        slow_rate: float = 0.5,
        metrics_only: bool = False,
    ) -> None:
        number("failure_rate", failure_rate, above=0, most=1)
        number("minimum_calls", minimum_calls, least=1, whole=True, unit="requests")
        number("window", window, above=0, unit="seconds")
        number("open_for", open_for, above=0, unit="seconds")
        number("max_open_for", max_open_for, least=open_for, unit="seconds")
        if slow_after is not None:
            number("slow_after", slow_after, above=0, unit="seconds")
        number("slow_rate", slow_rate, above=0, most=1)
        self._rules = Rules(
            failure_rate,
            minimum_calls,
            window / SLICES,
            open_for,
            max_open_for,
            slow_rate,
        )
        self.slow_after = math.inf if slow_after is None else slow_after
        self._metrics_only = metrics_only
        self._circuits: StateStore[Circuit] = StateStore(
            Window(), fold=lambda circuit, times: hear(circuit, self._rules, times)
        )

    def enter(self, key: OriginKey, now: float) -> Refused | HalfOpen | None:
        """Ask for a request that is about to be sent. Tells what `admit` does."""
        # Nothing changes a closed one before a request has ended.
        if type(self._circuits.peek(key)) is Window:
            return None
        admitted = self._circuits.apply(key, admit, now)
        is_refused = isinstance(admitted, Refused)
        return None if is_refused and self._metrics_only else admitted

    def leave(
        self,
        key: OriginKey,
        sent: float,
        now: float,
        *,
        failed: bool | None,
        slow: bool,
    ) -> Circuit | None:
        """Tell how a request has ended. Returns the circuit that this has changed."""
        well = failed is False and not slow
        if well and self._circuits.append(key, Window, now):
            return None
        return self._circuits.apply(
            key,
            settle,
            self._rules,
            sent,
            now,
            random(),  # noqa: S311 - jitter
            failed=failed,
            slow=slow,
        )

    def states(self) -> Mapping[str, CircuitState]:
        """Tell of each origin, such as `https://api.example.com`."""
        now = Clock.now()
        return {
            origin_name(cast("OriginKey", key)): state_of(circuit, self._rules, now)
            for key, circuit in self._circuits.states().items()
        }

    def force_open(self, url: str | URLLike) -> None:
        """Refuse all requests to the origin of a URL, until it is reset."""
        self._circuits.apply(parse_origin(url), force, is_open=True)

    def force_closed(self, url: str | URLLike) -> None:
        """Refuse none, until it is reset."""
        self._circuits.apply(parse_origin(url), force, is_open=False)

    def reset(self, url: str | URLLike) -> None:
        """Forget what is known of an origin, and what was decided by hand."""
        self._circuits.apply(parse_origin(url), reset, Clock.now())

    def __repr__(self) -> str:
        return f"<CircuitBreaker of {len(self._circuits)} origins>"
