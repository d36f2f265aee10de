"""The circuit breaker: the circuits to all origins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import random
from typing import Literal, NamedTuple, cast

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.http_types import URLLike
from httpx_resilient._core.lock import tell_when_forked
from httpx_resilient._core.origin import OriginKey, origin_name, parse_origin
from httpx_resilient._core.public import Uncopyable, public
from httpx_resilient._core.state.sliding_window import SLICES, Window, tally
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number
from httpx_resilient._layers.circuit_breaker.circuit import (
    admit,
    fold,
    force,
    forget_probes,
    reset,
    settle,
)
from httpx_resilient._layers.circuit_breaker.state import (
    Circuit,
    Forced,
    HalfOpen,
    Refused,
    Rules,
)


@public()
class CircuitState(NamedTuple):
    """
    The state of the circuit to one origin.

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


@public()
class CircuitBreaker(Uncopyable):
    """
    The circuits to all origins for `CircuitBreakingTransport`s, which can share it.

    A circuit is *closed* while requests succeed. It *opens* when too many fail: then
    all requests are refused at once, which spares callers the timeout and the server
    the load. After a while it becomes *half-open*: it sends one request as a probe, and
    one more at a time after each probe that succeeds. Then it closes, or it opens again
    for twice as long.

    Args:
        failure_rate: The circuit opens if this share of the requests failed, above 0
            and at most 1 ...
        minimum_calls: ... and at least this number ended within the window. It closes
            after the same number of probes.
        window: Seconds for which a request counts.
        open_for: Seconds for which the circuit is open the first time. Each further
            time is twice as long. A jitter of a fifth both ways keeps clients from
            returning together.
        max_open_for: The longest time for which the circuit is open, before jitter, in
            seconds.
        slow_after: Seconds until the response headers after which a request is slow.
            By default, requests are never slow.
        slow_rate: The circuit also opens if this share of the requests was slow.
        metrics_only: Send all requests, and only report in `states()` what the breaker
            would refuse.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of its range.

    Timeouts, broken connections, broken bodies, and 5xx except 501, 505 and 511 are
    failures. 429 is not: a server that limits its clients works. Failures of this side
    do not count: an exhausted pool, an untrusted certificate, a cancelled request.

    The logger `httpx_resilient` reports at WARNING that a circuit opens, and at INFO
    that it becomes half-open or closes.

    The defaults suit one client. Polly v8 needs 100 requests within 30 s, which a small
    client never sends; resilience4j stays open for 60 s, too long for an outage of 5 s.

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
        self.slow_after: float = math.inf if slow_after is None else slow_after
        self._metrics_only = metrics_only
        self.circuits: StateStore[Circuit] = StateStore(
            Window(), fold=lambda circuit, times: fold(circuit, self._rules, times)
        )
        tell_when_forked(self)

    def enter(self, key: OriginKey, now: float) -> Refused | HalfOpen | None:
        """Admit a request that is about to be sent. Returns the decision of `admit`."""
        decision = self.circuits.apply(key, admit, now)
        is_refused = isinstance(decision, Refused)
        return None if is_refused and self._metrics_only else decision

    def leave(
        self,
        key: OriginKey,
        sent: float,
        now: float,
        *,
        failed: bool | None,
        slow: bool,
    ) -> Circuit | None:
        """Record how a request ended. Returns the circuit if it opened or closed."""
        return self.circuits.apply(
            key,
            settle,
            self._rules,
            sent,
            now,
            random(),  # noqa: S311 - jitter needs no secure randomness
            failed=failed,
            slow=slow,
        )

    def states(self) -> Mapping[str, CircuitState]:
        """Return the state of each origin, such as `https://api.example.com`."""
        now = Clock.now()
        return {
            origin_name(cast("OriginKey", key)): describe(circuit, self._rules, now)
            for key, circuit in self.circuits.states().items()
        }

    def force_open(self, url: str | URLLike) -> None:
        """Refuse all requests to the origin of a URL, until it is reset."""
        self.circuits.apply(parse_origin(url), force, is_open=True)

    def force_closed(self, url: str | URLLike) -> None:
        """Send all requests to the origin of a URL, until it is reset."""
        self.circuits.apply(parse_origin(url), force, is_open=False)

    def reset(self, url: str | URLLike) -> None:
        """Close the circuit to the origin of a URL and restart its counts."""
        self.circuits.apply(parse_origin(url), reset, Clock.now())

    def forked(self) -> None:
        """Forget the requests of the parent process. What is known of servers holds."""
        for key in self.circuits.states():
            self.circuits.apply(key, forget_probes)

    def __repr__(self) -> str:
        return f"<CircuitBreaker of {len(self.circuits)} origins>"
