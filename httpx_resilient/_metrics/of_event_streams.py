"""The measurements that the events of event streams add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from httpx_resilient._layers.event_stream.ends import CLOSED
from httpx_resilient._layers.event_stream.events import (
    EventStreamEnded,
    EventStreamOpened,
    EventStreamReconnecting,
)
from httpx_resilient._metrics.instruments import (
    STREAM_AGAIN,
    STREAM_ENDED,
    STREAM_OPENED,
    Instrument,
)
from httpx_resilient._metrics.semconv import server_of_url, status_or_class


def _count(
    instrument: Instrument, *labels: Callable[[Any], str]
) -> Callable[[Any], tuple[tuple[Instrument, float, tuple[Any, ...]]]]:
    def convert(event: Any) -> tuple[tuple[Instrument, float, tuple[Any, ...]]]:
        server = server_of_url(event.request.url)
        return ((instrument, 1, (*server, *(label(event) for label in labels))),)

    return convert


def _result(event: EventStreamEnded) -> str:
    if event.failed:
        return "failed"
    return "closed" if event.reason == CLOSED else "ended"


EVENT_STREAMS: Mapping[type[Any], Callable[[Any], Any]] = {
    EventStreamOpened: _count(STREAM_OPENED),
    EventStreamReconnecting: _count(
        STREAM_AGAIN, lambda event: status_or_class(event.reason)
    ),
    EventStreamEnded: _count(STREAM_ENDED, _result),
}
"""The converter of each event: a reader, a server or a failure has ended a stream."""
