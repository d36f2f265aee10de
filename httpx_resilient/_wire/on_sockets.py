"""Connections of HTTP/1.1 on sockets: in threads, and on trio."""

from __future__ import annotations

import selectors
import socket
import ssl
from abc import abstractmethod
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from httpx_resilient._core.deadline import LEAST
from httpx_resilient._core.family import Family
from httpx_resilient._wire.buffers import buffers
from httpx_resilient._wire.connection import Connection
from httpx_resilient._wire.errors import BadAnswer

_WOULD_BLOCK = BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError
PIECE = 256 * 1024
"""Bytes of a body that are written at once at most, between two looks for an answer."""

_Selector: Any = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""A selector that occupies no descriptor. Not every system has the better one."""


class SocketConnection(Connection):
    """
    A connection on a socket that does not block. Subclasses do the waiting.

    Args:
        family: The library, for its exceptions.
        sock: The socket, of TLS or not. It is connected.
    """

    __slots__ = ("_error", "_sock")

    def __init__(self, family: Family, sock: socket.socket) -> None:
        super().__init__(family)
        self._sock = sock
        self._error: OSError | None = None
        """Why nothing more can be written."""

    @abstractmethod
    async def _wait(self, seconds: float | None, *, write: bool) -> None:
        """
        Wait until something can be read, or written if that is asked for.

        Raises:
            TimeoutError: Nothing could.
        """

    @property
    def has_ended(self) -> bool:
        return self.reader.has_head or self._error is not None

    def _write_head(
        self, data: bytes, seconds: float | None
    ) -> Awaitable[object] | None:
        try:
            # As `_write`: OpenSSL refuses to try again with less than before.
            sent = self._sock.send(data[:PIECE])
        except OSError:
            sent = 0  # it will be raised once more
        return None if sent == len(data) else self._write(data[sent:], seconds)

    async def _write(
        self, data: bytes, seconds: float | None, *, is_first: bool = False
    ) -> bool:
        left = memoryview(data)
        while left:
            if not is_first:
                await self._poll_answer()
                if self.has_ended:
                    return False
            is_first = False
            try:
                left = left[self._sock.send(left[:PIECE]) :]
            except _WOULD_BLOCK as error:
                # An answer that comes meanwhile ends the waiting, too.
                await self._wait_to_write(seconds, error)
            except OSError as error:
                self._error = error  # but the server may have answered before
        return True

    async def _wait_to_write(self, seconds: float | None, reason: OSError) -> None:
        try:
            await self._wait(
                seconds, write=not isinstance(reason, ssl.SSLWantReadError)
            )
        except TimeoutError as error:
            raise self._family.write_timeout(str(error)) from error

    async def _receive(self, seconds: float | None) -> None:
        while not self._read():
            try:
                await self._wait(seconds, write=False)
            except TimeoutError as error:
                raise self._family.read_timeout(str(error)) from error

    def _read(self) -> bool:
        """Let the reader have what has arrived. Return whether there was something."""
        view = buffers.received
        try:
            size = self._sock.recv_into(view)
        except _WOULD_BLOCK:
            return False
        except OSError as error:
            raise self._family.read_error(str(error)) from error
        try:
            if size:
                self.reader.feed(view[:size])
            else:
                self.reader.feed_eof()
        except BadAnswer as error:
            raise self._family.protocol_error(str(error)) from error
        return True

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            with suppress(OSError):
                self._sock.close()

    def info(self, name: str) -> Any:
        sock = self._sock
        if name == "socket":
            return sock
        if name == "ssl_object":
            return sock if isinstance(sock, ssl.SSLSocket) else None
        if name == "sockname":
            return sock.getsockname()
        return sock.getpeername() if name == "peername" else None


class ThreadConnection(SocketConnection):
    """
    A connection that a thread waits for.

    The socket blocks, with a timeout, but where an answer may come while it is written:
    blocking calls are the fastest.
    """

    __slots__ = ("_timeout",)

    is_asynchronous = False

    def __init__(self, family: Family, sock: socket.socket) -> None:
        super().__init__(family, sock)
        self._timeout: float | None = -1.0

    def _limit(self, seconds: float | None) -> None:
        """Set the timeout of the socket. 0 lets it block no more."""
        if seconds != self._timeout:
            self._sock.settimeout(seconds)
            self._timeout = seconds

    async def _wait(self, seconds: float | None, *, write: bool) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
        with _Selector() as selector:
            selector.register(self._sock, events)
            if not selector.select(seconds):
                msg = "timed out"
                raise TimeoutError(msg)

    def _write_head(self, data: bytes, seconds: float | None) -> None:
        self._limit(_blocking(seconds))
        try:
            self._sock.sendall(data)
        except TimeoutError as error:
            raise self._family.write_timeout(str(error)) from error
        except OSError as error:
            self._error = error

    async def _write(
        self, data: bytes, seconds: float | None, *, is_first: bool = False
    ) -> bool:
        self._limit(0.0)
        return await super()._write(data, seconds, is_first=is_first)

    async def _poll_answer(self) -> None:
        self._limit(0.0)
        self._read()

    async def _receive(self, seconds: float | None) -> None:
        self._limit(_blocking(seconds))
        try:
            self._read()
        except self._family.read_error as error:
            if isinstance(error.__cause__, TimeoutError):
                raise self._family.read_timeout(str(error)) from error.__cause__
            raise


def _blocking(seconds: float | None) -> float | None:
    """Return a timeout with which a socket blocks. With 0 it would not."""
    return seconds if seconds is None or seconds > LEAST else LEAST
