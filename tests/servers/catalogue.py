"""The servers, in the order of the table."""

from __future__ import annotations

from collections.abc import Iterator

from servers.actions import ACTIONS, Action
from servers.apache import Apache
from servers.base import Server
from servers.caddy import Caddy
from servers.gunicorn import GunicornSync, GunicornThreads
from servers.haproxy import HAProxy
from servers.nginx import Nginx
from servers.node import Node
from servers.python_servers import Granian, Hypercorn, Uvicorn

SERVERS: list[type[Server]] = [
    Nginx,
    HAProxy,
    Apache,
    Caddy,
    Uvicorn,
    GunicornThreads,
    GunicornSync,
    Hypercorn,
    Granian,
    Node,
]


def cases() -> Iterator[tuple[type[Server], str, Action]]:
    """Yield each server with each of its protocols and actions."""
    for server in SERVERS:
        for protocol in server.protocols:
            for action in ACTIONS:
                if action.applies(server, protocol):
                    yield server, protocol, action
