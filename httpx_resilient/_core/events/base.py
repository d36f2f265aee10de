"""The base classes of all events."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import Any, ClassVar

from httpx_resilient._core.events.record import Record, event
from httpx_resilient._core.http_types import RequestLike, ResponseLike
from httpx_resilient._core.origin import origin_key, origin_name, safe_url


@event
class Event(Record):
    """
    An event in a layer.

    `str` describes it in a sentence, `fields` in plain values. Neither contains what
    may be secret: of a URL they show only origin and path, without tokens.

    Example:
        >>> def listen(event: Event) -> None:
        ...     print(event)
        >>> transport = RetryingTransport(on_event=listen)
    """

    level: ClassVar[int] = logging.DEBUG
    """The level of its log record, made by the logger `httpx_resilient`."""

    logged: ClassVar[bool] = True
    """Whether it has a log record. Events of every request have none."""

    def fields(self) -> dict[str, Any]:
        """Return the event as plain values. A log record has them in `extra`."""
        values: dict[str, Any] = {"kind": type(self).__name__}
        for each in dataclasses.fields(self):
            if each.repr:
                values[each.name] = getattr(self, each.name)
        return values


Listener = Callable[[Event], Awaitable[None] | None]
"""
The type of `on_event`: a function that is called with each event.

It runs in the task or thread of the event. An asynchronous listener is awaited before
the next wait and before the response is returned. An exception that it raises is
logged and does not fail the request.
"""


@event
class RequestEvent(Event):
    """
    An event of a request.

    Args:
        request: The request that the layer was given. Do not write to it. In a
            `RetryingTransport` it is the same object for all attempts.

    Example:
        >>> event = AttemptStarted(request, 1)
        >>> event.method, event.url, event.origin
        ('GET', 'https://api.example.com/', 'https://api.example.com')
    """

    request: RequestLike = field(repr=False)

    @property
    def method(self) -> str:
        """The request's method."""
        return self.request.method

    @property
    def url(self) -> str:
        """Origin and path of the request's URL, without what may be secret."""
        return safe_url(self.request, self._redact())

    @property
    def origin(self) -> str:
        """The request's origin, such as `https://api.example.com`."""
        return origin_name(origin_key(self.request.url))

    def fields(self) -> dict[str, Any]:
        """Return the event as plain values. A log record has them in `extra`."""
        # Not `super()`: slots make the dataclass another class than the one here.
        return {**Event.fields(self), "method": self.method, "url": self.url}

    def _describe(self, text: str) -> str:
        return f"{self.method} {self.url}: {text}"


def outcome_of(
    response: ResponseLike | None, error: Exception | None
) -> int | type[Exception] | None:
    """Return the status code, the class of the exception, or `None` if cancelled."""
    if response is not None:
        return response.status_code
    return None if error is None else type(error)
