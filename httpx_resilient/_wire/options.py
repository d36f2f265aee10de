"""The options of a connection, and whether a connection of our own has them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class WireOptions(NamedTuple):
    """
    The options of a connection.

    Args:
        tls: The settings of TLS.
        uds: The path of a Unix socket, in place of the host of a URL.
        local_address: The address to connect from.
        socket_options: The arguments of `setsockopt`.
    """

    tls: ssl.SSLContext
    uds: str | None = None
    local_address: str | None = None
    socket_options: Sequence[tuple[Any, ...]] = ()


def options_of(given: Mapping[str, Any]) -> WireOptions:
    """Return the options of a connection from those of a transport of the family."""
    return WireOptions(
        tls=given["verify"],
        uds=given.get("uds"),
        local_address=given.get("local_address"),
        socket_options=given.get("socket_options") or (),
    )
