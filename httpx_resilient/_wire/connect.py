"""The opening of connections: TCP or a Unix socket, and TLS, each with its timeout."""

from __future__ import annotations

import socket
import ssl
from asyncio import get_running_loop
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import anyio

from httpx_resilient._core.deadline import LEAST
from httpx_resilient._core.family import Family
from httpx_resilient._core.io.asyncio_fast import on_asyncio
from httpx_resilient._wire.async_dialing import dial_async, set_options
from httpx_resilient._wire.connection import Connection, Timeouts
from httpx_resilient._wire.dialing import dial
from httpx_resilient._wire.on_asyncio import AsyncioConnection
from httpx_resilient._wire.on_sockets import ThreadConnection
from httpx_resilient._wire.options import WireOptions
from httpx_resilient._wire.tls_on_asyncio import AsyncioTlsConnection

_PORTS = {"http": 80, "https": 443}

Connect = Callable[..., Any]


class Target:
    """
    Where a request goes.

    Args:
        request: The request.
        options: The options of the connection.
    """

    __slots__ = ("host", "name", "port", "tls")

    def __init__(self, request: Any, options: WireOptions) -> None:
        url = request.url
        self.host = url.raw_host.decode("ascii")
        self.port = url.port or _PORTS[url.scheme]
        self.tls = options.tls if url.scheme == "https" else None
        """The settings of TLS, if the URL wants it."""
        if self.tls is not None:
            # The settings are shared with transports that may speak HTTP/2.
            self.tls.set_alpn_protocols(["http/1.1"])
        self.name: str = request.extensions.get("sni_hostname") or self.host


@contextmanager
def _as_connect_error(family: Family) -> Generator[None]:
    """Raise the exceptions of the family for what happens while connecting."""
    try:
        yield
    except TimeoutError as error:
        raise family.connect_timeout(str(error)) from error
    except OSError as error:
        raise family.connect_error(str(error) or repr(error)) from error


def _within(seconds: float | None) -> Any:
    return nullcontext() if seconds is None else anyio.fail_after(seconds)


async def connect_async(
    family: Family, options: WireOptions, request: Any, timeouts: Timeouts
) -> Connection:
    """
    Open a connection on asyncio or trio.

    Raises:
        Exception: It could not be opened; an exception of the family.
    """
    target = Target(request, options)
    seconds = timeouts.get("connect")
    with ExitStack() as failed, _as_connect_error(family):
        with _within(seconds):
            sock = await dial_async(target.host, target.port, options)
        failed.enter_context(sock)
        seconds = timeouts.get("connect")
        with _within(seconds):
            connection = await _wrapped(
                family, sock, target, is_unix=options.uds is not None
            )
        failed.pop_all()
        return connection


async def _wrapped(
    family: Family, sock: socket.socket, target: Target, *, is_unix: bool
) -> Connection:
    if not on_asyncio():
        from httpx_resilient._wire.on_trio import (  # noqa: PLC0415 - trio may not be installed
            TrioConnection,
            wrap_tls,
        )

        return TrioConnection(family, await wrap_tls(sock, target.tls, target.name))
    loop = get_running_loop()
    create: Any = loop.create_unix_connection if is_unix else loop.create_connection
    if target.tls is None:
        plain = AsyncioConnection(family, loop)
        await create(lambda: plain, sock=sock)
        return plain
    secure = AsyncioTlsConnection(family, loop, target.tls, target.name)
    await create(lambda: secure, sock=sock)
    await secure.handshake()
    return secure


async def connect_sync(
    family: Family, options: WireOptions, request: Any, timeouts: Timeouts
) -> Connection:
    """
    Open a connection in a thread. It never suspends.

    Raises:
        Exception: It could not be opened; an exception of the family.
    """
    target = Target(request, options)
    with ExitStack() as failed, _as_connect_error(family):
        sock = _dialed(target, options, timeouts.get("connect"))
        failed.enter_context(sock)
        set_options(sock, options)
        if target.tls is not None:
            seconds = timeouts.get("connect")
            sock.settimeout(None if seconds is None else max(seconds, LEAST))
            secure = target.tls.wrap_socket(
                sock,
                server_hostname=target.name,
                # Another class may check the certificate before it returns, as that of
                # truststore does before its version 0.10.5.
                do_handshake_on_connect=type(target.tls) is not ssl.SSLContext,
            )
            failed.enter_context(secure)  # whatever interrupts the handshake
            if secure.version() is None:
                secure.do_handshake()
            sock = secure
        failed.pop_all()
        return ThreadConnection(family, sock)


def _dialed(
    target: Target, options: WireOptions, seconds: float | None
) -> socket.socket:
    if options.uds is None:
        return dial(
            target.host,
            target.port,
            timeout=seconds,
            local_address=options.local_address,
        )
    with ExitStack() as failed:
        sock = failed.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        sock.settimeout(None if seconds is None else max(seconds, LEAST))
        sock.connect(options.uds)
        failed.pop_all()
        return sock
