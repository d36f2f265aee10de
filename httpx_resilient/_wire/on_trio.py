"""A connection of HTTP/1.1 on trio."""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from typing import Any

import trio
from trio import lowlevel

from httpx_resilient._wire.on_sockets import SocketConnection


class TrioConnection(SocketConnection):
    """A connection that a task of trio waits for."""

    __slots__ = ()

    is_asynchronous = True

    async def _wait(self, seconds: float | None, *, write: bool) -> None:
        with trio.move_on_after(math.inf if seconds is None else seconds) as scope:
            if write:
                await _wait_for_both(self._sock)
            else:
                await _wait_for(lowlevel.wait_readable, self._sock)
        if scope.cancelled_caught:
            msg = "timed out"
            raise TimeoutError(msg)

    async def _poll_answer(self) -> None:
        await lowlevel.checkpoint()
        self._read()

    async def _receive(self, seconds: float | None) -> None:
        if self._read():  # what comes at once must not keep other tasks waiting
            await lowlevel.checkpoint()
        else:
            await super()._receive(seconds)

    def close(self) -> None:
        if not self.is_closed:
            with suppress(RuntimeError):  # no task waits where trio does not run
                lowlevel.notify_closing(self._sock)
        super().close()


Event = Callable[[Any], Awaitable[object]]


async def _wait_for(event: Event, sock: Any) -> None:
    """Wait for an event on a socket, or until it is closed: reading from it says so."""
    if sock.fileno() < 0:  # closed already: trio would remember a wait for no socket
        return
    with suppress(trio.ClosedResourceError, OSError):
        await event(sock)


async def _wait_for_both(sock: Any) -> None:
    """Wait until a socket can be read from or written to."""

    async def wait_for(event: Event) -> None:
        await _wait_for(event, sock)
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for, lowlevel.wait_readable)
        nursery.start_soon(wait_for, lowlevel.wait_writable)


async def wrap_tls(
    sock: socket.socket, tls: ssl.SSLContext | None, name: str
) -> socket.socket:
    """
    Speak TLS on a socket, if there are settings for it.

    Raises:
        OSError: The handshake failed.
    """
    if tls is None:
        return sock
    with ExitStack() as failed:
        secure = failed.enter_context(
            tls.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
        )
        while True:
            try:
                secure.do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
                reads = isinstance(error, ssl.SSLWantReadError)
                await (lowlevel.wait_readable if reads else lowlevel.wait_writable)(
                    secure
                )
            else:
                failed.pop_all()
                return secure
