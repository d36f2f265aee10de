"""The measurements of bodies that break, and of event streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from httpx_resilient._layers.event_stream.ends import CLOSED
from httpx_resilient._layers.event_stream.events import (
    EventStreamEnded,
    EventStreamOpened,
    EventStreamReconnecting,
)
from httpx_resilient._layers.resuming.events import BodyBroken, BodyLost, BodyResumed
from httpx_resilient._metrics import instruments
from httpx_resilient._metrics.converters import Converter, count
from httpx_resilient._metrics.semconv import status_or_class


def _result(event: EventStreamEnded) -> str:
    """Return whether a failure, the reader or the server has ended a stream."""
    if event.failed:
        return "failed"
    return "closed" if event.reason == CLOSED else "ended"


BODIES: Mapping[type[Any], Converter] = {
    BodyBroken: count(instruments.BODY_BREAKS),
    BodyLost: count(instruments.BODY_LOST),
    BodyResumed: count(instruments.BODY_RESUMED),
    EventStreamOpened: count(instruments.STREAM_OPENED),
    EventStreamReconnecting: count(
        instruments.STREAM_AGAIN, lambda event: status_or_class(event.reason)
    ),
    EventStreamEnded: count(instruments.STREAM_ENDED, _result),
}
"""The converter of each event."""
