"""
A connection of HTTP/1.1 over TLS on asyncio.

The loop's own TLS reserves 256 KiB for each connection. If writing fails, it drops what
has arrived and is not decrypted yet, such as a 413 that came early. So TLS is done
here, above a plain transport.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._wire.buffers import buffers
from httpx_resilient._wire.on_asyncio import AsyncioConnection

_ENDS = ssl.SSLZeroReturnError, ssl.SSLEOFError


class AsyncioTlsConnection(AsyncioConnection):
    """
    A connection over TLS. Whoever has connected it awaits `handshake` first.

    Args:
        family: The library, for its exceptions.
        loop: The event loop.
        tls: The settings of TLS.
        name: The name of the server.
    """

    __slots__ = (
        "_incoming", "_is_loop_full", "_is_secure", "_lost", "_outgoing", "_stopped",
        "_tls", "_unsent",
    )  # fmt: skip

    def __init__(
        self,
        family: Family,
        loop: asyncio.AbstractEventLoop,
        tls: ssl.SSLContext,
        name: str,
    ) -> None:
        super().__init__(family, loop)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._is_secure = self._is_loop_full = False
        self._lost: Exception | None = None
        self._stopped: ssl.SSLError | None = None
        """Why nothing more can be decrypted."""
        self._unsent = b""
        """What cannot be encrypted until the server has answered a handshake."""

    async def handshake(self) -> None:
        """
        Agree on a secret with the server.

        Raises:
            OSError: The handshake failed. The connection is closed.
        """
        try:
            while not self._is_secure:
                try:
                    self._tls.do_handshake()
                    self._is_secure = True
                except ssl.SSLWantReadError:
                    await self._more_of_handshake()
        finally:
            self._flush()  # an alert says why it failed
            if not self._is_secure:
                self.close()
        # What came with the end of the handshake belongs to the request, which is
        # written before the loop takes its next turn.
        self._loop.call_soon(self._advance)

    async def _more_of_handshake(self) -> None:
        self._flush()
        if not self.is_closed:
            await self._wait(None, self._family.connect_timeout)
        if self.is_closed:
            msg = "the server has closed the connection in the handshake of TLS"
            raise self._lost or ConnectionResetError(msg)

    # The event loop calls these.

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._put = self._encrypt

    def buffer_updated(self, nbytes: int) -> None:
        is_idle = self.reader.is_complete and self._is_secure
        if is_idle and not _are_records(self._view[:nbytes]):
            self._lose()  # the rest must not become the answer to the next request
            return
        self._incoming.write(self._view[:nbytes])
        self._advance()

    def eof_received(self) -> bool:
        self._incoming.write_eof()
        self._advance()
        return not self._is_secure  # a handshake may have to write

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._is_loop_full = True
        super().pause_writing()

    def resume_writing(self) -> None:
        self._is_loop_full = False
        if not self._unsent:  # otherwise it would grow until the server answers
            super().resume_writing()

    # Between the loop and the reader.

    def _advance(self) -> None:
        """Decrypt what has arrived, and send what TLS has to say to it."""
        if not self._is_secure:
            self._wake()
            return
        view = buffers.decrypted
        while not self.is_closed and (size := self._decrypt(view)):
            self._view = view
            super().buffer_updated(size)
        self._flush()
        if self._stopped is not None and not self.is_closed:
            self._stop(self._stopped)
        if self._unsent and not self.is_closed:
            data, self._unsent = self._unsent, b""
            self._encrypt(data)
            if not self._unsent and not self._is_loop_full:
                super().resume_writing()

    def _decrypt(self, view: memoryview) -> int:
        """Fill a buffer. Return the number of bytes: 0 if no more can be decrypted."""
        size = 0
        while size < len(view) and self._stopped is None:
            try:
                read: Any = self._tls.read(len(view) - size, view[size:])
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self._stopped = error
            else:
                size += read
                if not read:
                    self._stopped = ssl.SSLZeroReturnError()
        return size

    def _feed_rest(self, data: memoryview) -> None:
        self._incoming.write(data)
        view = buffers.decrypted
        while size := self._decrypt(view):
            self.reader.feed(view[:size])

    def _end(self, exc: Exception | None) -> None:
        if exc is not None and not isinstance(self._stopped, _ENDS):
            exc = self._stopped or exc  # an alert says why the connection broke
        super()._end(exc)

    def _stop(self, reason: ssl.SSLError) -> None:
        """Close the connection, because TLS has ended on it."""
        if isinstance(reason, _ENDS):
            self._end(None)
            self._lose()
        else:
            failure = self._family.read_error(str(reason))
            failure.__cause__ = reason
            self._fail(failure)

    def _encrypt(self, data: bytes | memoryview) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            self._tls.write(data)  # all of it: the buffer grows
        except ssl.SSLWantReadError:  # the server begins a handshake anew
            self._unsent = bytes(data)
            self._is_write_paused = True
        except ssl.SSLError as error:
            self._stop(error)
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    def info(self, name: str) -> Any:
        return self._tls if name == "ssl_object" else super().info(name)


def _are_records(data: memoryview) -> bool:
    """Whether records of TLS end where the data ends (RFC 8446 §5.1)."""
    at = 0
    while at + 5 <= len(data):
        at += 5 + int.from_bytes(data[at + 3 : at + 5], "big")
    return at == len(data)
