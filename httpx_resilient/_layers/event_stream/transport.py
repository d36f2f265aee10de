"""The layer of event streams."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Unpack

from httpx_resilient._core.body.replay import body_of
from httpx_resilient._core.body.unread import mark_unread
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.methods import method_names
from httpx_resilient._core.validation import check_switch, number
from httpx_resilient._layers.event_stream.answers import is_readable
from httpx_resilient._layers.event_stream.call import (
    EventStreamCall,
    Settings,
    source_of,
)
from httpx_resilient._layers.event_stream.history import StreamHistory
from httpx_resilient._layers.event_stream.rules import Rules
from httpx_resilient._layers.event_stream.stream import EventStream
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT

_OF_ONE_CONNECTION = frozenset({b"content-encoding", b"content-length"})
"""Headers that do not hold for a body of several connections, decoded."""


class EventStreamTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    r"""
    A transport whose event streams go on after their connection has ended.

    It serves answers of status 200 and type `text/event-stream`; all others pass it
    unread. Its readers get whole events only, byte for byte, as soon as their blank
    line is there. If the connection breaks, it sends the request again, with the id of
    the last event that a reader has got as `Last-Event-ID`, as browsers do (WHATWG HTML
    §9.2). So no event is lost, halved or doubled, if the server keeps what it has
    promised by its ids.

    * Before the first event, any break is followed by a reconnection.
    * After it, a break is followed by one if the stream has ids. Otherwise the error of
      the connection goes up, and says so: a stream of a language model cannot go on.
    * A clean end inside of an event is a break. Any other one is the end of a stream
      that has sent neither an id nor `retry:`; else it is followed by a reconnection,
      unless you say `finite=True`.
    * 204 ends the stream. 408, 429 and 5xx are repeated, no earlier than `Retry-After`
      allows. Any other answer that is no event stream raises `RemoteProtocolError`,
      with its status and type.
    * The first event of a connection is dropped if it has the last id: some servers
      send that one again.

    Put it around a `RetryingTransport`, so that each reconnection is retried, limited
    and counted like any request. `attempts_of` has each connection.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        finite: Whether a clean end between two events is the end of the stream, also if
            it has ids.
        methods: The methods of requests that may be sent again.
        without_ids: Whether a stream without ids goes on after a break, too. Events may
            be lost then, or come twice: for streams of which only the latest counts.
        wait: Seconds before a reconnection, unless the stream sends `retry:`. Up to a
            tenth is added to each wait at random.
        max_wait: Seconds that waits grow to, from the third reconnection without an
            event on. These wait a second at least, whatever the stream says.
        max_reconnects: Reconnections in a row that bring no event, before the reader
            gets the last error. A connection that has lasted for `max_wait` ends a row.
        max_event_bytes: Bytes of an event, which is in memory until it is complete.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: An argument is of another type; `inner` is not a transport, or
            belongs to the other library; an option is unknown, or given together with
            an `inner`.
        ValueError: A number is out of range; a method is misspelt; a proxy cannot be
            used.
        ImportError: `http2=True` without the extra `http2`.

    A deadline around it limits the whole stream, unless it has `body=False`. The read
    timeout of the client is the longest silence: make it longer than the server's.

    Example:
        >>> import httpx
        >>> answers = [b"id: 1\ndata: a\n\nid: 2\nda", b"id: 2\ndata: b\n\n"]
        >>> def server(request):
        ...     if not answers:
        ...         return httpx.Response(204)
        ...     headers = {"Content-Type": "text/event-stream"}
        ...     return httpx.Response(200, headers=headers, content=answers.pop(0))
        >>> inner = RetryingTransport(httpx.MockTransport(server))
        >>> transport = EventStreamTransport(inner, wait=0)
        >>> with httpx.Client(transport=transport) as client:
        ...     with client.stream("GET", "https://api.example.com/") as response:
        ...         print([line for line in response.iter_lines() if line])
        ['id: 1', 'data: a', 'id: 2', 'data: b']
    """

    def __init__(
        self,
        inner: InnerT | None = None,
        *,
        finite: bool = False,
        methods: Collection[str] = frozenset({"GET"}),
        without_ids: bool = False,
        wait: float = 3.0,
        max_wait: float = 30.0,
        max_reconnects: int = 100,
        max_event_bytes: int = 1024 * 1024,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        for name, given in (("finite", finite), ("without_ids", without_ids)):
            check_switch(name, given)
        self._rules = rules = Rules(
            methods=method_names(methods),
            finite=finite,
            without_ids=without_ids,
            wait=number("wait", wait, least=0, unit="seconds"),
            max_wait=number("max_wait", max_wait, least=0, unit="seconds"),
            max_reconnects=number(
                "max_reconnects", max_reconnects, least=0, whole=True
            ),
            max_event_bytes=number(
                "max_event_bytes", max_event_bytes, above=0, whole=True, unit="bytes"
            ),
        )
        self._settings = Settings(rules, self._family, self._emit)
        self._plain_body = self._family.plain_body
        self._stream_class = self._family.stream_class(EventStream)

    async def _handle(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        if request.method not in self._rules.methods:
            return await io.send(request, context)
        body = body_of(request, self._family)
        began = io.now()
        response = await io.send(body.request, context)
        if not is_readable(response):
            return response
        context = context or begin(request, io)
        mutable: Any = response
        history = StreamHistory(mutable.extensions, began, io.now())
        call = EventStreamCall(self._settings, body, io, context, history)
        if mutable.is_closed:  # a mock's, which was read when it was made
            mark_unread(response)
        try:
            call.opened(response)
        except BaseException:  # observed only, and raised again: a listener may do so
            await io.discard(response, context, drain=False)
            raise
        mutable.headers = _without_length(mutable.headers)
        mutable.stream = self._stream_class(call, source_of(mutable.stream))
        return response


def _without_length(headers: Any) -> Any:
    """Return the headers, without those that hold for one encoded body only."""
    raw: list[tuple[bytes, bytes]] = headers.raw
    if all(name.lower() not in _OF_ONE_CONNECTION for name, _ in raw):
        return headers
    return type(headers)(
        [each for each in raw if each[0].lower() not in _OF_ONE_CONNECTION]
    )
