"""A listener that feeds instruments: by events, and by levels that it reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, TypeVar

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._core.events.base import Event
from httpx_resilient._layers.concurrency.limit import Limit
from httpx_resilient._layers.pool.transport import Pooling
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._metrics import instruments as on
from httpx_resilient._metrics.instruments import ALL, SERVER, Instrument, Kind
from httpx_resilient._metrics.readings import Labels, Reading, readings
from httpx_resilient._metrics.semconv import server_from

T = TypeVar("T")

ObservedStream = RetryBudget | RateLimit | Limit[Any] | Pooling[Any, Any, Any, Any, Any]
"""What has levels of its own to tell."""


class Measuring(ABC):
    """
    A listener that feeds instruments.

    Args:
        per_origin: Whether servers are told apart. What is one number for each server,
            such as the state of a circuit, is not told without.
    """

    def __init__(self, *, per_origin: bool) -> None:
        self._watched: tuple[ObservedStream, ...] = ()
        self._first = 0 if per_origin else len(SERVER)
        self._names = {each: self._of(each, each.labels) for each in ALL}
        for each, names in self._names.items():
            if each.kind is Kind.LEVEL:
                self._make_level(each, names)
            elif per_origin or each.kind is not Kind.GAUGE:
                self._make(each, names)

    @abstractmethod
    def _make(self, instrument: Instrument, names: tuple[str, ...]) -> None:
        """Make what events add to."""

    @abstractmethod
    def _make_level(self, instrument: Instrument, names: tuple[str, ...]) -> None:
        """Make what is read when it is asked for."""

    @abstractmethod
    def _add(self, instrument: Instrument, value: float, labels: Labels) -> None:
        """Add to what was made, if it was."""

    def watch(self, *watched: ObservedStream) -> None:
        """
        Tell the levels of these from now on: events do not tell them.

        Args:
            *watched: A `RetryBudget`, limits on rate and concurrency, a
                `PoolingTransport`. What a transport has made for itself is not known.

        Raises:
            TypeError: One has no levels to tell.
        """
        for each in watched:
            if not isinstance(each, (RetryBudget, RateLimit, Limit, Pooling)):
                msg = (
                    "what can be watched is a RetryBudget, RateLimit, ConcurrencyLimit,"
                    " AdaptiveConcurrencyLimit or PoolingTransport: give such a one, "
                    f"not {each!r}"
                )
                raise TypeError(msg)
        self._watched = (*self._watched, *watched)

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        for instrument, value, labels in readings(event):
            self._add(instrument, value, self._of(instrument, labels))

    def _of(self, instrument: Instrument, labels: tuple[T, ...]) -> tuple[T, ...]:
        """Leave the server out of labels, if it is not to be told."""
        is_of_server = self._first and instrument.labels[: self._first] == SERVER
        return labels[self._first :] if is_of_server else labels

    def _levels(self, instrument: Instrument) -> Iterator[tuple[float, Labels]]:
        """Tell how it is now. Where several tell of the same, numbers are added."""
        sums: dict[Labels, float] = {}
        for watched in self._watched:
            for which, value, told in _levels_of(watched):
                if which is instrument:
                    labels = self._of(which, told)
                    sums[labels] = sums.get(labels, 0) + value
        for labels, value in sums.items():
            yield value, labels

    def __repr__(self) -> str:
        return "<Metrics>"


def _levels_of(watched: ObservedStream) -> Iterator[Reading]:
    if isinstance(watched, RetryBudget):
        for origin, left in watched.states().items():
            yield on.BUDGET_LEVEL, left, server_from(origin)
    elif isinstance(watched, Pooling):
        stats = watched.stats()
        yield on.LIMIT_WAITING, stats.waiting, ("pool",)
        for origin, one in stats.origins.items():
            server = server_from(origin)
            yield on.POOL_CONNECTIONS, one.active, (*server, "active")
            yield on.POOL_CONNECTIONS, one.idle, (*server, "idle")
    else:
        limit = "rate" if isinstance(watched, RateLimit) else "concurrency"
        waiting = sum(state.waiting for state in watched.states().values())
        yield on.LIMIT_WAITING, waiting, (limit,)
