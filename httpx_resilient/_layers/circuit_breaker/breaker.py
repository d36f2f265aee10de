"""The circuit breaker: the circuits to all origins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.described import Described
from httpx_resilient._core.keys import KeyFunction, check_key, key_shown
from httpx_resilient._core.public import public
from httpx_resilient._core.state.sliding_window import SLICES
from httpx_resilient._core.validation import number
from httpx_resilient._layers.circuit_breaker.circuit import force, reset
from httpx_resilient._layers.circuit_breaker.circuit_state import (
    CircuitState,
    describe,
)
from httpx_resilient._layers.circuit_breaker.circuits import Circuits
from httpx_resilient._layers.circuit_breaker.state import Rules


@public()
class CircuitBreaker(Circuits, Described):
    """
    The circuits to all origins for `CircuitBreakingTransport`s, which can share it.

    A circuit is *closed* while requests succeed. It *opens* when too many fail: then
    all requests are refused at once, which spares callers the timeout and the server
    the load. After a while it becomes *half-open*: it sends one request as a probe, and
    one more at a time after each probe with good headers, so 1, 2, 4, 8. Meanwhile
    other requests wait. Then it closes, or it opens again for twice as long.

    Args:
        failure_rate: The circuit opens if this share of the requests failed, above 0
            and at most 1 ...
        minimum_calls: ... and at least this number ended within the window. It closes
            when the same number of probes have ended.
        window: Seconds for which a request counts.
        open_for: Seconds for which the circuit is open the first time. Each further
            time is twice as long. A jitter of a fifth both ways keeps clients from
            returning together.
        max_open_for: The longest time for which the circuit is open, before jitter, in
            seconds.
        half_open_wait: Seconds for which requests wait for the headers of the latest
            probe, within `timeout["pool"]` and their deadline, before they are refused.
        slow_after: Seconds until the response headers after which a request is slow,
            without those in queues of this side. By default, requests are never slow.
            So is one that its caller cancels after that time: set it lower than the
            limits of your callers, if these are lower than the timeouts of the client,
            so that a server that never answers opens the circuit.
        slow_rate: The circuit also opens if this share of the requests was slow.
        metrics_only: Send all requests, and only report in `states()` what the breaker
            would refuse.
        key: A function of the request that returns the key of its circuit, if that is
            not the origin, such as `key_by_path()`. At most 1000 keys are stored.

    Raises:
        TypeError: An argument is not a number, or `key` is not a plain function.
        ValueError: A number is out of its range.

    Timeouts, broken connections and bodies, and 5xx but 501, 505, 511 and 526 are
    failures. 429 is not: a server that limits its clients works. Failures of this side
    do not count: a full pool, an untrusted certificate, a cancelled request. But if
    `minimum_calls` in a row, ten at least, are cancelled and nobody has had an answer,
    they do; those that are cancelled together count as one.

    The logger `httpx_resilient` reports at WARNING that a circuit opens, and at INFO
    that it becomes half-open or closes.

    The defaults suit one client: Polly v8 needs 100 requests within 30 s to open.

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
        half_open_wait: float = 1.0,
        slow_after: float | None = None,
        slow_rate: float = 0.5,
        metrics_only: bool = False,
        key: KeyFunction | None = None,
    ) -> None:
        check_key(key)
        failure_rate = number("failure_rate", failure_rate, above=0, most=1)
        minimum_calls = number(
            "minimum_calls", minimum_calls, least=1, whole=True, unit="requests"
        )
        window = number("window", window, above=0, unit="seconds")
        open_for = number("open_for", open_for, above=0, unit="seconds")
        max_open_for = number(
            "max_open_for", max_open_for, least=open_for, unit="seconds"
        )
        half_open_wait = number(
            "half_open_wait", half_open_wait, least=0, unit="seconds"
        )
        if slow_after is not None:
            slow_after = number("slow_after", slow_after, above=0, unit="seconds")
        slow_rate = number("slow_rate", slow_rate, above=0, most=1)
        times = window / SLICES, open_for, max_open_for
        rules = Rules(failure_rate, minimum_calls, *times, slow_rate)
        patience = 0.0 if metrics_only else half_open_wait
        super().__init__(rules, key, patience, is_watched_only=metrics_only)
        self.slow_after: float = math.inf if slow_after is None else slow_after

    def states(self) -> Mapping[Any, CircuitState]:
        """
        Return the state of each circuit, by origin or by what `key` returned.

        An origin is named as `https://api.example.com`.
        """
        now = Clock.now()
        return {
            key_shown(self.key, key): describe(circuit, self._rules, now)
            for key, circuit in self.circuits.states().items()
        }

    def force_open(self, url: Any) -> None:
        """
        Refuse all requests of a circuit, until it is reset.

        Args:
            url: A URL whose origin, or path with `key_by_path`, selects the circuit.
                With another `key`, it is a key as `states()` shows it.

        Raises:
            TypeError: What is to be a URL is neither a string nor a URL.
            ValueError: The URL has no scheme or no host, or is invalid.

        The listeners of all transports with this breaker get a `CircuitOpened`, and
        those of the two other methods a `CircuitClosed`.
        """
        self.change(url, lambda circuit: force(circuit, is_open=True))

    def force_closed(self, url: Any) -> None:
        """Send all requests of a circuit until it is reset; see `force_open`."""
        self.change(url, lambda circuit: force(circuit, is_open=False))

    def reset(self, url: Any) -> None:
        """Close a circuit, selected as in `force_open`, and restart its counts."""
        self.change(url, lambda circuit: reset(circuit, Clock.now()))
