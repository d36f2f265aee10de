"""One event stream, connection after connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic

from httpx_resilient._core.body.replay import Body
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.history import annotate
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._layers.event_stream.blocks import Blocks
from httpx_resilient._layers.event_stream.encodings import decoded
from httpx_resilient._layers.event_stream.ends import CLOSED, End, text_of
from httpx_resilient._layers.event_stream.events import (
    EventStreamEnded,
    EventStreamOpened,
    EventStreamReconnecting,
)
from httpx_resilient._layers.event_stream.history import StreamHistory
from httpx_resilient._layers.event_stream.position import Position
from httpx_resilient._layers.event_stream.rules import Fruitless, Rules


def source_of(stream: Any) -> Any:
    """
    Return the stream of a response as it was before this layer has replaced it.

    A mock may answer by the same object again, and a client puts its own stream around.
    """
    return getattr(getattr(stream, "_stream", stream), "event_source", stream)


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What all streams of a layer have in common.

    Args:
        rules: What the user has set.
        family: The library of the requests.
        emit: Emits the events of the layer.
    """

    rules: Rules
    family: Family
    emit: EventEmitter


class EventStreamCall(Generic[RequestT, ResponseT]):
    """
    What is known of an event stream that somebody reads.

    Args:
        settings: The settings of the layer.
        body: The request, and how it is sent again.
        io: What it is sent with.
        context: What is known of the request.
        history: What the caller is told.
    """

    __slots__ = (
        "_is_over", "_number", "blocks", "body", "context", "deadline", "fruitless",
        "history", "io", "is_closed", "opened_at", "position", "settings", "stream",
        "waiter",
    )  # fmt: skip

    def __init__(
        self,
        settings: Settings,
        body: Body[RequestT],
        io: IO[RequestT, ResponseT],
        context: RequestContext,
        history: StreamHistory,
    ) -> None:
        self.settings = settings
        self.body = body
        self.io = io
        self.context = context
        self.deadline: Deadline | None = context.deadline
        """The deadline around, which the layers around may lift with the headers."""
        self.history = history
        self.position = Position()
        self.blocks = Blocks(self.position, settings.rules.max_event_bytes)
        self.fruitless = Fruitless()
        self.stream: Any = None
        """The stream of the present connection, decoded; `None` if there is none."""
        self.opened_at = 0.0
        """When the last connection was opened, in monotonic seconds."""
        self.waiter: Any = None
        """What waits for the next attempt, if anything does."""
        self.is_closed = False
        """Whether the reader, or somebody else, has closed the response."""
        self._number = 0
        self._is_over = False

    def opened(self, response: ResponseT) -> None:
        """Begin with a connection."""
        self._number += 1
        self.opened_at = self.io.now()
        self.blocks.connect()
        self.position.connect()
        headers: Any = response.headers
        encoding: str = headers.get("content-encoding", "")
        stream = source_of(response.stream)
        self.stream = decoded(stream, encoding, self.settings.family)
        self._emit(EventStreamOpened, self._number)

    async def lost(self) -> None:
        """Count what a connection has brought, and release it."""
        position = self.position
        self.fruitless = self.fruitless.after(
            self.settings.rules,
            self.io.now() - self.opened_at,
            is_alive=position.is_alive,
            has_moved=position.has_moved,
        )
        position.is_alive = position.has_moved = False
        stream, self.stream = self.stream, None
        if stream is not None:
            await self.io.close(stream)

    def waits(self, end: End, wait: float) -> None:
        """Record that another attempt follows after a wait."""
        self.fruitless = self.fruitless.again()
        self.history.lost(end.reason, wait)
        self._emit(EventStreamReconnecting, end.reason, wait)

    def over(self, reason: str, *, failed: bool = False) -> None:
        """Emit that the stream has ended, once."""
        if not self._is_over:
            self._is_over = True
            self._emit(EventStreamEnded, reason, self._number, failed)

    def failed(self, end: End, why: str = "") -> Exception:
        """
        End the stream, and return the exception that its reader gets.

        Args:
            end: How its last connection, or the last attempt, has ended.
            why: Why there is no other one.
        """
        family = self.settings.family
        if self.is_closed:
            msg = "the response was closed while its event stream was being read"
            return end.error or family.read_error(msg)
        not_again = f"not reconnected: {why}" if why else ""
        self.history.lost(not_again, 0.0)
        self.over(end.reason, failed=True)
        if end.error is None:
            text = text_of(end)
            return family.protocol_error(f"{text}; {not_again}" if why else text)
        annotate(end.error, "event stream note", f"event stream {not_again}")
        return end.error

    def close(self) -> None:
        """Let nobody wait for another connection any more."""
        self.is_closed = True
        self.over(CLOSED)
        if self.waiter is not None:
            self.waiter.wake()

    async def settle(self) -> None:
        """Await what asynchronous listeners have returned."""
        await self.settings.emit.settle(self.context)

    def _emit(self, kind: Any, *what: Any) -> None:
        self.settings.emit(self.context, kind, self.context.request, *what)
