"""What the pool does with the socket of a connection, through its network stream."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any


def is_open(connection: Any) -> bool:
    """
    Whether an idle connection can be used: nothing has arrived on it.

    What arrives unasked is the end of the connection, or else belongs to no request.
    """
    try:
        return not connection.get_extra_info("is_readable")
    except Exception:  # noqa: BLE001 - a connection that was closed, or that of a mock
        return not hasattr(connection, "get_extra_info")


def hang_up(connection: Any) -> None:
    """
    Shut down the socket of a connection, so that its server and its reader notice.

    Another thread that reads from a socket which is closed would not notice, and might
    read from the next one that gets the same number.
    """
    with suppress(Exception):  # it is closed already, or has no socket
        sock = connection.get_extra_info("socket")
        if isinstance(sock, socket.socket):
            # Not the method of a TLS socket: it would let plain text through.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        else:
            sock.shutdown(socket.SHUT_RDWR)


def drop(connection: Any) -> None:
    """Close the socket of a connection in this process only, and send nothing."""
    with suppress(Exception):  # it is closed already, or has no socket
        socket.socket.close(connection.get_extra_info("socket"))
