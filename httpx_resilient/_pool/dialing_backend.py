"""The network backend by which synchronous transports of the family dial."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from types import FunctionType
from typing import Any, NamedTuple

from httpx_resilient._core.family import Family
from httpx_resilient._wire.dialing import dial


class Core(NamedTuple):
    """
    The parts of the family's core that dialing needs.

    Args:
        module: The core itself: its exceptions, and its synchronous backend.
        backend: The module of its synchronous backend, with the stream of a socket.
    """

    module: Any
    backend: Any


class DialingBackend:
    """
    The synchronous backend of the core, but for connections to hosts.

    Args:
        stock: The backend that does everything else.
        core: The parts of the core.
    """

    def __init__(self, stock: Any, core: Core) -> None:
        self._stock = stock
        self._core = core

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stock, name)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Any:
        """Connect to a host, with the exceptions of the core."""
        if self._is_replaced():
            return self._stock.connect_tcp(
                host=host,
                port=port,
                timeout=timeout,
                local_address=local_address,
                socket_options=socket_options,
            )
        core, stream_of = self._core.module, self._core.backend.SyncStream
        try:
            with ExitStack() as failed:
                sock = failed.enter_context(
                    dial(host, port, timeout=timeout, local_address=local_address)
                )
                for option in socket_options or ():
                    sock.setsockopt(*option)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stream = stream_of(sock)
                failed.pop_all()
                return stream
        except TimeoutError as error:
            raise core.ConnectTimeout(error) from error
        except OSError as error:
            raise core.ConnectError(error) from error

    def _is_replaced(self) -> bool:
        """Whether a mock, a guard or gevent is in the place of what would be called."""
        stock = self._core.backend.SyncBackend.connect_tcp
        return not (
            _is_own(stock, self._core.backend)
            and _is_own(socket.create_connection, socket)
            and socket.socket.__module__ == socket.__name__
        )


def dial_all_addresses(transport: Any, family: Family) -> None:
    """
    Let a synchronous transport of the family dial.

    The transport has no option for its backend. Where it is none of the family's own,
    or its parts have other names by now, everything stays as it is.
    """
    pool: Any = getattr(transport, "_pool", None)
    stock = getattr(pool, "_network_backend", None)
    core = _core_of(family)
    if core is not None and type(stock) is core.backend.SyncBackend:
        pool._network_backend = DialingBackend(stock, core)  # noqa: SLF001 - see above


@cache
def _core_of(family: Family) -> Core | None:
    try:
        core = import_module(family.core)
        backend = import_module(f"{family.core}._backends.sync")
        _ = core.ConnectTimeout, core.ConnectError, backend.SyncBackend
        _ = backend.SyncStream
    except (ImportError, AttributeError):
        return None
    return Core(core, backend)


def _is_own(function: object, module: Any) -> bool:
    """Whether a function is the one that a module defines: no patch, no wrapper."""
    return type(function) is FunctionType and function.__globals__ is vars(module)
