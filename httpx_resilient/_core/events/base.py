"""What all events have in common."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.origin import format_origin, safe_url


@dataclass(frozen=True, slots=True)
class Event:
    """
    Something that happened in a layer.

    `str` tells it in a sentence, without what may be secret: of a URL only origin and
    path. `fields` tells it in plain values.

    Example:
        >>> def listen(event: Event) -> None:
        ...     print(event)
        >>> RetryingTransport(on_event=listen)
        <RetryingTransport>
    """

    level: ClassVar[int] = logging.DEBUG
    """Of the log record that tells of it, by the logger `httpx_resilient`."""

    logged: ClassVar[bool] = True
    """Whether there is one. Not for what happens with every request."""

    def fields(self) -> dict[str, Any]:
        """Tell it in plain values: what the log record has in `extra`."""
        told: dict[str, Any] = {"kind": type(self).__name__}
        for each in dataclasses.fields(self):
            if each.repr:
                told[each.name] = getattr(self, each.name)
        return told


def setter(kind: type[Event], name: str) -> Callable[[Event, object], None]:
    """
    Give what sets a field of an event in its making.

    For those that every request makes: events are frozen, and what a dataclass does
    about that, `object.__setattr__`, takes three times as long.
    """
    field_of_it: Any = getattr(kind, name)
    setting: Callable[[Event, object], None] = field_of_it.__set__
    return setting


Listener = Callable[[Event], Awaitable[None] | None]
"""
What `on_event` takes: called with each event, in the task or thread it happens in.

An asynchronous one is awaited before the next wait, and before the response is handed
on. What it raises is logged, and breaks no request.
"""


@dataclass(frozen=True, slots=True)
class RequestEvent(Event):
    """
    Something that happened to a request.

    Args:
        request: The request as the layer was given it: not to be written to. In a
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
        """The request's URL: origin and path, nothing that may be secret."""
        return safe_url(self.request)

    @property
    def origin(self) -> str:
        """The request's origin, such as `https://api.example.com`."""
        url = self.request.url
        return format_origin(url.scheme, url.host, url.port)

    def fields(self) -> dict[str, Any]:
        """Tell it in plain values: what the log record has in `extra`."""
        # Not `super()`: with slots the class is another one than it was here.
        return {**Event.fields(self), "method": self.method, "url": self.url}

    def _told(self, text: str) -> str:
        return f"{self.method} {self.url}: {text}"
