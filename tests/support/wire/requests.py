"""The same request, written by h11 as httpcore uses it, and by the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import h11

from httpx_resilient._wire.errors import BadRequest
from httpx_resilient._wire.head import BodyFrames, head_of

Pair = tuple[bytes, bytes]


@dataclass
class Headers:
    raw: list[Pair]


@dataclass
class URL:
    raw_path: bytes = b"/"


@dataclass
class Request:
    """A request that no client has checked."""

    headers: Headers = field(default_factory=lambda: Headers([(b"Host", b"x")]))
    method: str = "GET"
    url: URL = field(default_factory=URL)
    extensions: dict[str, Any] = field(default_factory=dict)


def request_with(*pairs: Pair, host: bool = True, **fields: Any) -> Request:
    own = [(b"Host", b"x")] if host else []
    return Request(Headers([*own, *pairs]), **fields)


@dataclass(frozen=True)
class Written:
    """What was written, and whether the connection may serve another request."""

    data: bytes
    keeps: bool


def written_by_h11(request: Any, parts: list[bytes]) -> Written | None:
    """Write a request. Return `None` if it is refused."""
    connection = h11.Connection(h11.CLIENT)
    target = request.extensions.get("target", request.url.raw_path)
    try:
        head = h11.Request(
            method=request.method, target=target, headers=request.headers.raw
        )
        events = [head, *(h11.Data(data=part) for part in parts), h11.EndOfMessage()]
        data = b"".join(connection.send(event) for event in events)
    except (h11.LocalProtocolError, UnicodeEncodeError):
        return None
    return Written(data, connection.our_state is not h11.MUST_CLOSE)


def written_by_ours(request: Any, parts: list[bytes]) -> Written | None:
    """Write a request. Return `None` if it is refused."""
    try:
        head = head_of(request)
        frames = BodyFrames(head.length)
        data = head.data + b"".join(frames.frame(part) for part in parts)
        return Written(data + frames.end(), not head.closes)
    except BadRequest:
        return None


def read_by_server(data: bytes) -> tuple[h11.Request, bytes]:
    """Return what a server on h11 reads: a request and its whole body."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    head, body = connection.next_event(), b""
    assert isinstance(head, h11.Request)
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data)
        body += event.data
    assert connection.trailing_data == (b"", False)
    return head, body
