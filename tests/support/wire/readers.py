"""The same answer, read by h11 as httpcore uses it, and by the reader of the wire."""

from __future__ import annotations

from dataclasses import dataclass

import h11

from httpx_resilient._wire.errors import BadAnswer
from httpx_resilient._wire.reader import ResponseReader

WHOLE = 1 << 30
LIMIT = 100 * 1024
"""Bytes of a head that httpcore lets h11 have."""


@dataclass(frozen=True)
class Outcome:
    """
    What has become of an answer.

    `state` is `read`, `refused`, `waiting` for more, or `cut` for a head that is not
    complete when the connection ends.
    """

    state: str
    status: int = 0
    version: bytes = b""
    reason: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    reusable: bool = False
    rest: bytes = b""
    """What follows the answer and was not read with it."""
    message: str = ""
    """Why it was refused."""

    @property
    def content(self) -> tuple[object, ...]:
        return (
            self.state,
            self.status,
            self.version,
            self.reason,
            self.headers,
            self.body,
        )


def read_by_h11(method: str, data: bytes, *, eof: bool, step: int = WHOLE) -> Outcome:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LIMIT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    head: dict[str, object] = {}
    body, at = b"", 0
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            return Outcome("refused", message=str(error))
        if event is h11.NEED_DATA:
            if at < len(data):
                connection.receive_data(data[at : at + step])
                at += step
            elif not eof:
                return Outcome("waiting", **head, body=body)
            elif connection.their_state is h11.SEND_RESPONSE:
                return Outcome("cut")
            else:
                connection.receive_data(b"")
        elif isinstance(event, h11.Response):
            head = {
                "status": event.status_code,
                "version": b"HTTP/" + event.http_version,
                "reason": bytes(event.reason),
                "headers": tuple((n, bytes(v)) for n, v in event.headers.raw_items()),
            }
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            keeps = connection.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
            rest = connection.trailing_data[0] + data[at:]
            return Outcome("read", **head, body=body, reusable=keeps, rest=rest)


def read_by_ours(method: str, data: bytes, *, eof: bool, step: int = WHOLE) -> Outcome:
    reader = ResponseReader()
    reader.begin(method)
    return read_next(reader, data, eof=eof, step=step)


def read_next(
    reader: ResponseReader, data: bytes, *, eof: bool = False, step: int = WHOLE
) -> Outcome:
    """Read the answer to the request that has begun, and no byte after it."""
    at = 0
    try:
        while at < len(data) and not reader.is_complete:
            reader.feed(memoryview(data)[at : at + step])
            at += step
        if eof and not reader.is_complete:
            reader.feed_eof()
    except BadAnswer as error:
        is_cut = str(error).startswith("Server disconnected")
        return Outcome("cut") if is_cut else Outcome("refused", message=str(error))
    if not reader.has_head:
        return Outcome("waiting")
    return Outcome(
        "read" if reader.is_complete else "waiting",
        reader.status,
        reader.http_version,
        reader.reason,
        tuple(reader.headers),
        reader.take(),
        reader.is_complete and reader.is_reusable,
        data[at:],
    )
