"""The listener that feeds the instruments, without a metrics library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._core.events.base import Event
from httpx_resilient._core.keys import KeyFunction, ShownKey
from httpx_resilient._core.public import Uncopyable
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
from httpx_resilient._layers.concurrency.semaphores import ALL_ORIGINS, Limit
from httpx_resilient._layers.pool.transport import PoolingTransport
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._metrics import instruments
from httpx_resilient._metrics.converters import Labels, Measurement
from httpx_resilient._metrics.from_events import measurements
from httpx_resilient._metrics.instruments import ALL, SERVER, Instrument, Kind
from httpx_resilient._metrics.semconv import server_of_origin

MAX_SERVERS = 1000
"""
The number of servers that labels name, as many as states are stored.

A metrics library stores each combination of labels for ever, so a crawler, or a client
whose servers have names of their own, would fill the memory.
"""

OTHER: tuple[str, None] = ("_OTHER", None)
"""The labels of all further servers."""

Watchable = (
    RetryBudget | RateLimit | Limit[Any] | PoolingTransport[Any, Any, Any, Any, Any]
)
"""An object whose state the observable gauges report."""

Recorder = Callable[[float, Labels], None]
"""Records one measurement of an instrument."""


class MetricsListener(Uncopyable, ABC):
    """
    A listener that feeds instruments.

    A subclass creates the instruments of its metrics library.

    Args:
        per_origin: Whether measurements are labelled with their server. Without that,
            a gauge that makes sense only for one server, such as the state of a
            circuit, is not created.
    """

    _holds: ClassVar[str] = "instruments"

    wants_calls: ClassVar[bool] = True
    """It receives `CallEnded`, see `events.with_calls`."""

    def __init__(self, *, per_origin: bool) -> None:
        self._watched: tuple[Watchable, ...] = ()
        self._per_origin = per_origin
        self._servers: set[Labels] = set()
        self._recorders: dict[Instrument, Recorder] = {}
        for each in ALL:
            names = self._names(each)
            if each.kind is Kind.OBSERVABLE_GAUGE:
                self._create_observable(each, names)
            elif per_origin or each.kind is not Kind.GAUGE:
                self._recorders[each] = self._create(each, names)

    @abstractmethod
    def _create(self, instrument: Instrument, names: tuple[str, ...]) -> Recorder:
        """Create an instrument that events feed, with labels of these names."""

    @abstractmethod
    def _create_observable(
        self, instrument: Instrument, names: tuple[str, ...]
    ) -> None:
        """Create a gauge that reads `_observations` at each collection."""

    def watch(self, *watched: Watchable) -> None:
        """
        Report the state of these objects at each collection.

        Events do not carry it. The objects that a transport creates by default are not
        included: create them yourself, and give them to the transport and to `watch`.
        Circuits need no watching: their events carry their states.

        Args:
            *watched: A `RetryBudget`, limits on rate and concurrency, a
                `PoolingTransport`.

        Raises:
            TypeError: An argument is of another type, such as a `CircuitBreaker`.
        """
        for each in watched:
            if isinstance(each, CircuitBreaker):
                msg = (
                    "circuits need no watching: give the metrics to `on_event` of the "
                    "CircuitBreakingTransport, whose events report their states"
                )
                raise TypeError(msg)
            if not isinstance(each, (RetryBudget, RateLimit, Limit, PoolingTransport)):
                msg = (
                    "watch takes a RetryBudget, RateLimit, ConcurrencyLimit, "
                    f"AdaptiveConcurrencyLimit or PoolingTransport; got {each!r}"
                )
                raise TypeError(msg)
        self._watched = (*self._watched, *watched)

    def __call__(self, event: Event) -> None:
        """Record the measurements of an event."""
        for instrument, value, labels in measurements(event):
            record = self._recorders.get(instrument)
            if record is not None:
                selected = self._selected(labels)
                # One gauge would say nothing about many servers.
                if not (instrument.kind is Kind.GAUGE and selected[0] == OTHER[0]):
                    record(value, selected)

    def _names(self, instrument: Instrument) -> tuple[str, ...]:
        """Drop the server from the names of an instrument's labels, as `_selected`."""
        labels = instrument.labels
        return labels if self._per_origin else labels[len(SERVER) :]

    def _selected(self, labels: Labels) -> Labels:
        """Drop the server from the labels unless `per_origin`, and bound its values."""
        server, others = labels[: len(SERVER)], labels[len(SERVER) :]
        if not self._per_origin:
            return others
        if server not in self._servers and server[0] is not None:
            if len(self._servers) >= MAX_SERVERS:
                return *OTHER, *others
            self._servers.add(server)
        return labels

    def _observations(self, instrument: Instrument) -> Iterator[tuple[float, Labels]]:
        """Read an observable gauge. Equal labels of several objects are summed."""
        sums: dict[Labels, float] = {}
        for watched in self._watched:
            for observed, value, labels in _observed(watched):
                if observed is instrument:
                    selected = self._selected(labels)
                    sums[selected] = sums.get(selected, 0) + value
        for labels, value in sums.items():
            yield value, labels

    def __repr__(self) -> str:
        return "<Metrics>"


def _observed(watched: Watchable) -> Iterator[Measurement]:
    if isinstance(watched, RetryBudget):
        for key, level in watched.states().items():
            yield instruments.BUDGET_LEVEL, level, _server_of(key, watched.key)
    elif isinstance(watched, PoolingTransport):
        for origin, counts in watched.stats().origins.items():
            server = server_of_origin(origin)
            yield instruments.LIMIT_WAITING, counts.waiting, (*server, "pool")
            yield instruments.POOL_CONNECTIONS, counts.active, (*server, "active")
            yield instruments.POOL_CONNECTIONS, counts.idle, (*server, "idle")
    else:
        limit = "rate" if isinstance(watched, RateLimit) else "concurrency"
        for key, state in watched.states().items():
            labels = (*_server_of(key, watched.key), limit)
            yield instruments.LIMIT_WAITING, state.waiting, labels


def _server_of(key: Any, function: KeyFunction | None) -> Labels:
    """Return the server of a state, if its key names one."""
    # A key of the user's own names none, nor does a limit of all origins together.
    is_named = function is None or isinstance(key, ShownKey)
    return server_of_origin(key) if is_named and key != ALL_ORIGINS else (None, None)
