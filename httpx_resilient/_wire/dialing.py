"""
Dialing: a blocking connect to whichever address of a host answers first (RFC 8305).

`socket.create_connection` tries one address after the other, each for the whole
timeout: behind three dead addresses, a good one is reached after three timeouts.
"""

from __future__ import annotations

import math
import os
import selectors
import socket
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from itertools import chain, zip_longest
from time import monotonic
from typing import Any

from httpx_resilient._core.deadline import LEAST

ATTEMPT_DELAY = 0.25
"""
Seconds for which an address is tried alone, before the next one is tried beside it. RFC
8305 §5 recommends them.
"""

NO_ADDRESS = "the host has no address"

_Selector: Any = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""A selector that occupies no descriptor. Not every system has the better one."""

Address = tuple[int, int, int, str, Any]
"""An entry of `socket.getaddrinfo`."""

Source = tuple[str, int] | None
"""The address and the port to connect from. Port 0 is any."""


def dial(
    host: str, port: int, *, timeout: float | None, local_address: str | None
) -> socket.socket:
    """
    Connect to a host, in the calling thread.

    Args:
        host: A name or an address.
        port: The port.
        timeout: Seconds for the look-up and for all addresses together. They are
            seconds of the system, like those of every socket.
        local_address: The address to connect from.

    Raises:
        TimeoutError: No address has answered in time.
        OSError: The name is unknown, or all addresses have failed. It is the last error
            then, as that of `socket.create_connection`.
    """
    until = math.inf if timeout is None else monotonic() + timeout
    addresses = [*socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)]
    source = None if local_address is None else (local_address, 0)
    if len(addresses) == 1:  # a race of one would take 40 µs longer
        connected = _connect(addresses[0], source, until)
    else:
        connected = _Race(interleaved(addresses), source).winner(until)
    connected.settimeout(None)  # its stream sets one for each read and write
    return connected


def interleaved(addresses: Iterable[Any]) -> list[Address]:
    """
    Alternate between IPv6 and IPv4, beginning with the preferred family (§4).

    So one family that does not work on the way delays the other by one attempt only.
    """
    families: dict[int, list[Address]] = {}
    for each in addresses:
        known = families.setdefault(each[0], [])
        if each not in known:  # a file of hosts may name an address twice
            known.append(each)
    turns = chain.from_iterable(zip_longest(*families.values()))
    return [each for each in turns if each is not None]


def _connect(address: Address, source: Source, until: float) -> socket.socket:
    sock, connected = socket.socket(*address[:3]), False
    try:
        if source is not None:
            sock.bind(source)
        left = max(until - monotonic(), LEAST)
        sock.settimeout(None if left == math.inf else left)
        sock.connect(address[4])
        connected = True
    finally:
        if not connected:
            sock.close()
    return sock


class _Race:
    """
    Connects to several addresses, each one a while after the one before.

    It uses sockets that do not block, and no threads: whatever interrupts the waiting
    thread, such as an exception of a signal handler, leaves neither of them behind. If
    it interrupts the closing, too, no circle keeps a socket from being collected.

    Args:
        addresses: The addresses, in the order in which they are tried.
        source: The address to connect from, or `None`.
    """

    def __init__(self, addresses: Iterable[Address], source: Source) -> None:
        self._untried = deque(addresses)
        self._source = source
        self._connecting: dict[int, socket.socket] = {}
        """The sockets by their descriptors."""
        self._selector = _Selector()
        self._errors: deque[OSError] = deque(maxlen=1)

    def winner(self, until: float) -> socket.socket:
        """Return the first socket that connects, until a monotonic time."""
        try:
            while True:
                self._start_next()
                if not self._connecting:
                    raise self._last_error()
                left = until - monotonic()
                pause = ATTEMPT_DELAY if self._untried else math.inf
                ended = self._await_end(min(left, pause))
                for sock in ended:
                    if self._has_connected(sock):
                        return sock
                # Not a look at the clock: a test may have stopped that.
                if not ended and left <= pause:
                    msg = "timed out"  # the text of a socket's own timeout
                    raise TimeoutError(msg)
        finally:
            for sock in self._connecting.values():
                sock.close()
            self._selector.close()

    def _start_next(self) -> None:
        """Try the next address. If it fails at once, try the one after it."""
        while self._untried:
            try:
                self._start(self._untried.popleft())
            except OSError as error:
                # Its traceback leads to this object.
                self._errors.append(error.with_traceback(None))
            else:
                return

    def _start(self, address: Address) -> None:
        with ExitStack() as failed:
            sock = failed.enter_context(socket.socket(*address[:3]))
            sock.settimeout(0)
            if self._source is not None:
                sock.bind(self._source)
            with suppress(BlockingIOError):
                sock.connect(address[4])
            self._connecting[sock.fileno()] = sock
            self._selector.register(sock.fileno(), selectors.EVENT_WRITE)
            failed.pop_all()

    def _await_end(self, seconds: float) -> list[socket.socket]:
        """Return the sockets that have connected or failed."""
        ready = self._selector.select(None if seconds == math.inf else seconds)
        return [self._connecting[key.fd] for key, _ in ready]

    def _has_connected(self, sock: socket.socket) -> bool:
        """Take a socket out of the race. Return whether it has connected."""
        self._selector.unregister(sock.fileno())
        del self._connecting[sock.fileno()]
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._errors.append(OSError(code, os.strerror(code)))
            sock.close()
        return not code

    def _last_error(self) -> OSError:
        return self._errors.pop() if self._errors else OSError(NO_ADDRESS)
