"""Names with several addresses on loopback: some answer, some refuse, some are dead."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

NAME = "many.example"


@contextmanager
def dead(*hosts: str, port: int = 0) -> Iterator[list[socket.socket]]:
    """
    Listen with a full queue: a connect to it hangs, as to a host that is gone.

    All of them listen at the same port.
    """
    with ExitStack() as open_until_then:
        listeners = []
        for host in hosts:
            listener = open_until_then.enter_context(socket.socket())
            listener.bind((host, port))
            port = listener.getsockname()[1]
            listener.listen(0)
            listeners.append(listener)
            for _ in range(4):
                client = open_until_then.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
        yield listeners


def entry(host: str, port: int, family: int = socket.AF_INET) -> Any:
    """An entry of `getaddrinfo`."""
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))


def resolve(
    monkeypatch: pytest.MonkeyPatch, entries: list[Any], name: str = NAME
) -> None:
    """Let a name have these addresses."""
    stock = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> list[Any]:
        if host in {name, name.encode()}:
            return entries
        return stock(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
