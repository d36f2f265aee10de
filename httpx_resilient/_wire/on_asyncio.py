"""A connection of HTTP/1.1 on asyncio."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._wire.buffers import HIGH_WATER, PIECE, buffers, discard
from httpx_resilient._wire.connection import Connection
from httpx_resilient._wire.errors import BadAnswer
from httpx_resilient._wire.timer import Timer

_ADDRESSES = {"sockname", "peername"}


class AsyncioConnection(Connection, asyncio.BufferedProtocol):
    """A connection on an event loop of asyncio."""

    __slots__ = (
        "_error", "_is_receiving", "_is_write_paused", "_loop", "_put",
        "_timer", "_transport", "_view", "_waiter",
    )  # fmt: skip

    is_asynchronous = True

    def __init__(self, family: Family, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(family)
        self._loop = loop
        self._transport: Any = None
        self._put: Any = None
        """Takes what is to be written."""
        self._waiter: asyncio.Future[None] | None = None
        """Woken by whatever the request waits for: an answer, room for more, an end."""
        self._timer = Timer(loop, self._expire)
        self._error: Exception | None = None
        self._is_write_paused = False
        self._is_receiving = True

    # The event loop calls these.

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._put = transport.write

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's
        self._view = view = buffers.received
        return view

    def buffer_updated(self, nbytes: int) -> None:
        reader = self.reader
        if reader.is_complete or self.is_closed:
            self._lose()  # nobody has asked for it
            return
        try:
            reader.feed(self._view[:nbytes])
        except BadAnswer as error:
            self._fail(self._family.protocol_error(str(error)))
            return
        if (waiter := self._waiter) is not None and not waiter.done():
            waiter.set_result(None)  # each part of a head has the whole timeout, too
        elif reader.size > HIGH_WATER and self._is_receiving is not reader.is_complete:
            # Behind a whole answer, the end of the connection is to be noticed.
            self._is_receiving = reader.is_complete
            loop = self._transport
            loop.resume_reading() if self._is_receiving else loop.pause_reading()

    def eof_received(self) -> bool:
        self._end(None)
        return False  # the loop closes the connection

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_closed:
            return
        if exc is not None and not self.reader.is_complete:
            self._receive_rest()
        self._end(exc)
        self._lose()

    def pause_writing(self) -> None:
        self._is_write_paused = True

    def resume_writing(self) -> None:
        self._is_write_paused = False
        self._wake()

    def _end(self, exc: Exception | None) -> None:
        """Take the end of what the server sends: an orderly one, or an exception."""
        if self._error is None and not self.reader.is_complete:
            if exc is not None:
                self._error = self._family.read_error(str(exc))
                self._error.__cause__ = exc
            else:
                try:
                    self.reader.feed_eof()
                except BadAnswer as error:
                    self._error = self._family.protocol_error(str(error))
        self.reader.is_reusable = False
        self._wake()

    def _lose(self) -> None:
        on_lost = self.on_lost
        self.close()
        if on_lost is not None:
            on_lost()

    def _receive_rest(self) -> None:
        """
        Read what has arrived before the connection broke.

        A server may answer before it has read the request, and close. The loop then
        fails in writing, and reads no more.
        """
        view = buffers.received
        with suppress(OSError, BadAnswer), self.info("socket").dup() as sock:
            sock.settimeout(0)
            while not self.reader.is_complete and (size := sock.recv_into(view)):
                self._feed_rest(view[:size])

    def _feed_rest(self, data: memoryview) -> None:
        self.reader.feed(data)

    def _expire(self, reason: type[Exception]) -> None:
        if (waiter := self._waiter) is None or waiter.done():
            return  # a loop that was blocked has met both ends of the wait at once
        failure = reason("")
        failure.__cause__ = TimeoutError()
        self._fail(failure)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self.close()
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self, seconds: float | None, error: type[Exception]) -> None:
        if self._waiter is not None:  # such as a reader, while its response is closed
            msg = "another task waits for this connection"
            raise self._family.read_error(msg)
        self._waiter = waiter = self._loop.create_future()
        self._timer.start(seconds, error)
        try:
            await waiter
        finally:
            self._waiter = None
            self._timer.is_running = False

    # The request.

    @property
    def has_ended(self) -> bool:
        return self.reader.has_head or self._error is not None or self.is_closed

    def _write_head(
        self, data: bytes, seconds: float | None
    ) -> Awaitable[object] | None:
        self._put(data)
        if not self._is_write_paused or self.has_ended:
            return None
        return self._wait(seconds, self._family.write_timeout)

    async def _write(
        self, data: bytes, seconds: float | None, *, is_first: bool = False
    ) -> bool:
        # The loop keeps what the socket does not take, and the caller may fill a buffer
        # anew for the next part.
        view = memoryview(data if type(data) is bytes else bytes(data))
        for start in range(0, len(data), PIECE):
            if start or not is_first:
                await self._poll_answer()
                if self.has_ended:
                    return False
            self._put(view[start : start + PIECE])
            while self._is_write_paused and not self.has_ended:
                await self._wait(seconds, self._family.write_timeout)
        return not self._is_write_paused

    async def _poll_answer(self) -> None:
        await asyncio.sleep(0)
        while not self.has_ended and self.is_readable():  # noqa: ASYNC110 - the loop is about to read
            await asyncio.sleep(0)

    def _receive(self, seconds: float | None) -> Awaitable[None]:
        if self._error is not None:
            raise self._error
        if self.is_closed:
            msg = "the connection was closed"
            raise self._family.read_error(msg)
        if not self._is_receiving:
            self._is_receiving = True
            self._transport.resume_reading()
        return self._wait(seconds, self._family.read_timeout)

    def close(self) -> None:
        self.on_lost = None
        self._timer.cancel()
        if self.is_closed:
            return
        self.is_closed = True
        try:
            self._transport.abort()  # not `close`, which would go on writing
            # Whoever keeps the response need not keep the buffers of the loop.
            self._transport, self._put = None, discard
            self._wake()
        except RuntimeError:  # the loop has ended, but the server can hear of it
            with suppress(OSError, TypeError):  # uvloop's socket cannot do that
                self.info("socket").shutdown(socket.SHUT_RDWR)

    def info(self, name: str) -> Any:
        found = self._transport and self._transport.get_extra_info(name)
        if name in _ADDRESSES and not isinstance(found, str):
            return found and found[:2]  # as anyio, also of IPv6
        return found
