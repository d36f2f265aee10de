"""How an event becomes measurements: the kinds of converters that several share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from httpx_resilient._core.events.base import RequestEvent
from httpx_resilient._metrics.instruments import Instrument
from httpx_resilient._metrics.semconv import server_of_origin, server_of_url

Label = str | int | None
Labels = tuple[Label, ...]
"""Values of an instrument's labels, in its order. `None` leaves a label out."""

Measurement = tuple[Instrument, float, Labels]
Converter = Callable[[Any], Iterable[Measurement]]


class _OriginEvent(Protocol):
    @property
    def origin(self) -> str: ...


def server_of(event: RequestEvent) -> Labels:
    """Return the labels of the server of an event of a request."""
    return server_of_url(event.request.url)


def count(instrument: Instrument, *labels: Callable[[Any], Label]) -> Converter:
    """Convert an event of a request: count it by server, and by further labels."""

    def convert(event: RequestEvent) -> tuple[Measurement]:
        further = (label(event) for label in labels)
        return ((instrument, 1, (*server_of(event), *further)),)

    return convert


def at_origin(instrument: Instrument, value: float = 1) -> Converter:
    """
    Convert an event of an origin: record a constant value by server.

    An event of another key says nothing about the server as a whole.
    """

    def convert(event: _OriginEvent) -> tuple[Measurement, ...]:
        if getattr(event, "key", None) is not None:
            return ()
        return ((instrument, value, server_of_origin(event.origin)),)

    return convert
