"""Dialing on event loops: whichever address of a host answers first (RFC 8305)."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from ipaddress import ip_address

import anyio

from httpx_resilient._wire.dialing import (
    ATTEMPT_DELAY,
    NO_ADDRESS,
    Address,
    interleaved,
)
from httpx_resilient._wire.options import WireOptions

QUEUE_DELAY = 0.02
"""Seconds until a Unix socket whose queue was full is tried again."""


async def dial_async(host: str, port: int, options: WireOptions) -> socket.socket:
    """
    Connect to a host.

    Returns:
        A socket that does not block.

    Raises:
        OSError: The name is unknown, or all addresses have failed.
    """
    if options.uds is not None:
        return await _connect_unix(options.uds, options)
    addresses = await _addresses_of(host, port)
    if len(addresses) == 1:
        return await _connect(addresses[0], options)
    return await _race(addresses, options)


async def _addresses_of(host: str, port: int) -> list[Address]:
    try:
        kind = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return interleaved(found)
    # A look-up would need a thread. One of a zone (`%`) does, too.
    if "%" in host:
        return interleaved(await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return [(kind, socket.SOCK_STREAM, 0, "", (host, port))]


async def _connect(address: Address, options: WireOptions) -> socket.socket:
    with ExitStack() as failed:
        sock = failed.enter_context(socket.socket(*address[:3]))
        sock.settimeout(0)
        if options.local_address is not None:
            sock.bind((options.local_address, 0))
        try:
            sock.connect(address[4])
        except BlockingIOError:
            await anyio.wait_writable(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code)) from None
        set_options(sock, options)
        failed.pop_all()
        return sock


async def _connect_unix(path: str, options: WireOptions) -> socket.socket:
    with ExitStack() as failed:
        sock = failed.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        sock.settimeout(0)
        while True:
            try:
                sock.connect(path)
            except BlockingIOError:  # its queue is full, and no event tells of room
                await anyio.sleep(QUEUE_DELAY)
            else:
                break
        set_options(sock, options)
        failed.pop_all()
        return sock


def set_options(sock: socket.socket, options: WireOptions) -> None:
    """Set the options of a connected socket."""
    for option in options.socket_options:
        sock.setsockopt(*option)
    if sock.family in {socket.AF_INET, socket.AF_INET6}:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _race(addresses: list[Address], options: WireOptions) -> socket.socket:
    """Connect to several addresses, each one a while after the one before."""
    errors: list[OSError] = []
    with ExitStack() as connected:

        async def attempt(address: Address, ended: anyio.Event) -> None:
            try:
                sock = await _connect(address, options)
            except OSError as error:
                errors.append(error)
            else:
                connected.enter_context(sock)
                winners.append(sock)
                group.cancel_scope.cancel()
            finally:
                ended.set()

        winners: list[socket.socket] = []
        async with anyio.create_task_group() as group:
            for address in addresses:
                ended = anyio.Event()
                group.start_soon(attempt, address, ended)
                with anyio.move_on_after(ATTEMPT_DELAY):
                    await ended.wait()
        if not winners:
            raise errors[-1] if errors else OSError(NO_ADDRESS)
        for loser in winners[1:]:
            loser.close()
        connected.pop_all()
        return winners[0]
