"""A transport of one connection of HTTP/1.1, in the place of one of the family."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Callable
from typing import Any, Protocol, cast

from httpx_resilient._core.family import Family
from httpx_resilient._core.io.asyncio_fast import on_asyncio
from httpx_resilient._wire.connect import connect_async, connect_sync
from httpx_resilient._wire.connection import Connection, Timeouts
from httpx_resilient._wire.options import WireOptions
from httpx_resilient._wire.reader import ResponseReader
from httpx_resilient._wire.stream import Ended, NetworkStream, WireBody


class OpeningObserver(Protocol):
    """Who observes the opening of a connection."""

    def connecting(self) -> None:
        """Observe that it begins."""

    def sending(self) -> None:
        """Observe that it is open, and that a request is sent next. It may raise."""


class WireTransport:
    """
    One connection, which is opened by its first request, and again if it was closed.

    Args:
        family: The library.
        options: The options of the connection.
        asynchronous: Whether the transport is for event loops, or for threads.
    """

    __slots__ = (
        "_body_class", "_connect", "_connection", "_family", "_options", "_stream",
        "on_lost", "opening",
    )  # fmt: skip

    def __init__(
        self, family: Family, options: WireOptions, *, asynchronous: bool
    ) -> None:
        self._family = family
        self._options = options
        self._connect = connect_async if asynchronous else connect_sync
        self._body_class = family.stream_class(WireBody)
        self._connection: Connection | None = None
        self._stream: NetworkStream | None = None
        self.opening: OpeningObserver | None = None
        """Observes the next opening."""
        self.on_lost: Callable[[], object] | None = None
        """Called when the server closes the connection, where that is noticed."""

    def looks_open(self) -> bool:
        """
        Return whether the connection can serve another request, and close it if not.

        The event loop may not have noticed yet that its server has closed it, or has
        sent something that nobody asked for.
        """
        connection = self._connection
        if connection is None or connection.is_closed:
            return False
        if connection.is_readable():
            connection.close()
            return False
        return True

    @property
    def ends(self) -> tuple[Ended, ...]:
        """What is true once the open connection is closed."""
        return () if self._connection is None else (Ended(self._connection),)

    @property
    def reader(self) -> ResponseReader:
        """The reader of the open connection."""
        return cast("Connection", self._connection).reader

    @property
    def has_received(self) -> bool:
        """Whether something of the answer has arrived."""
        return self._connection is not None and self._connection.reader.has_begun

    async def send(self, request: Any, timeouts: Timeouts) -> Any:
        """
        Send a request. In a thread, it never suspends.

        Args:
            request: The request.
            timeouts: Its timeouts, which may change until the body is read.

        Raises:
            Exception: An exception of the family.
        """
        connection = self._connection
        if connection is None or connection.is_closed:
            connection = await self._open(request, timeouts)
        await connection.exchange(request, timeouts)
        reader = connection.reader
        return self._family.response(
            reader.status,
            headers=reader.headers,
            stream=self._body_class(connection, timeouts),
            extensions={
                "http_version": reader.http_version,
                "reason_phrase": reader.reason,
                "network_stream": self._stream,
            },
        )

    async def _open(self, request: Any, timeouts: Timeouts) -> Connection:
        self.close()
        opening, self.opening = self.opening, None
        if opening is not None:
            opening.connecting()
        connection = await self._connect(self._family, self._options, request, timeouts)
        self._connection, self._stream = connection, NetworkStream(connection)
        if opening is not None:
            try:
                opening.sending()
            except BaseException:  # observed only, and raised again
                connection.close()
                raise
        connection.on_lost = self.on_lost
        return connection

    async def aclose(self) -> None:
        self.close()
        if on_asyncio():
            await sleep(0)  # the loop closes the socket in its next turn

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
