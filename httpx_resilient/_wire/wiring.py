"""Which requests a connection of our own serves, and which one of the family's."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping
from importlib import import_module
from types import FunctionType
from typing import Any, NamedTuple

from httpx_resilient._core.family import Family
from httpx_resilient._core.origin import OriginKey

VARIABLE = "HTTPX_RESILIENT_WIRE"
"""The environment variable that switches the wire off, if it is 0."""

_LOGGERS = "httpcore.connection", "httpcore.http11"
"""The loggers of a core that describe each step of a request."""

_SYNC = (
    ("_sync.connection_pool", "ConnectionPool", "handle_request"),
    ("_sync.connection", "HTTPConnection", "handle_request"),
    ("_backends.sync", "SyncBackend", "connect_tcp"),
)
_ASYNC = (
    ("_async.connection_pool", "AsyncConnectionPool", "handle_async_request"),
    ("_async.connection", "AsyncHTTPConnection", "handle_async_request"),
    ("_backends.auto", "AutoBackend", "connect_tcp"),
)
"""The methods of the core that mocks, recorders and instrumentations replace."""

_SOCKET = next(each for each in socket.socket.__mro__ if each.__module__ == "socket")
"""The class itself, also where gevent, a guard or a mock has taken its place."""

_DEBUG = logging.DEBUG
_MAX_ORIGINS = 1000
_LENGTH_OF_UPGRADE = len("upgrade")


class Wiring:
    """
    Decides for each request which connection may serve it.

    Mocks, recorders and instrumentations replace methods of the family and of its core.
    Whatever they would see must go through these. So must what only the core can do:
    proxies, CONNECT and Upgrade, HTTP/2, and the trace of its steps.

    Args:
        family: The library.
        options: The options of its transport.
        is_direct: Whether a request to this URL goes to its origin, not to a proxy.
        is_http1: Whether an origin is known to speak no HTTP/2. Not asked without
            `http2=True`.
        asynchronous: Whether the connections are for event loops, or for threads.
    """

    def __init__(
        self,
        family: Family,
        options: Mapping[str, Any],
        is_direct: Callable[[Any], bool],
        is_http1: Callable[[OriginKey], bool],
        *,
        asynchronous: bool,
    ) -> None:
        self._is_direct = is_direct
        self._is_http1 = is_http1 if options.get("http2", False) else None
        self._direct: dict[OriginKey, bool] = {}
        self._loggers = tuple(
            logging.getLogger(name.replace("httpcore", family.core))
            for name in _LOGGERS
        )
        watched = _watched(family, asynchronous=asynchronous)
        self._is_patched = _patched(watched, asynchronous=asynchronous)
        self.is_possible = (
            options.get("wire", True)
            and os.environ.get(VARIABLE) != "0"
            and options.get("http1", True)
            and watched is not None
            and _has_parser()
        )

    def takes(self, request: Any, key: OriginKey) -> bool:
        """
        Whether a connection of our own may serve a request.

        Args:
            request: The request.
            key: Its origin.
        """
        # In one piece, since each request pays for each call: 11,000 instructions.
        if not self.is_possible or "trace" in request.extensions:
            return False
        direct = self._direct.get(key)
        if direct is None:
            direct = self._learn(key, request.url)
        if not direct:
            return False
        is_http1 = self._is_http1
        if is_http1 is not None and key[0] != "http" and not is_http1(key):
            return False
        connecting, sending = self._loggers
        if (
            self._is_patched()
            or connecting.isEnabledFor(_DEBUG)
            or sending.isEnabledFor(_DEBUG)
            or request.method == "CONNECT"
        ):
            return False
        for name, _ in request.headers.raw:
            if len(name) == _LENGTH_OF_UPGRADE and name.lower() == b"upgrade":
                return False
        return True

    def _learn(self, key: OriginKey, url: Any) -> bool:
        """Learn whether requests to an origin go there directly, and in HTTP."""
        if len(self._direct) >= _MAX_ORIGINS:
            self._direct.clear()
        found = url.scheme in {"http", "https"} and self._is_direct(url)
        self._direct[key] = found
        return found


class _Watched(NamedTuple):
    """The classes whose methods may be replaced. The last one has `connect_tcp`."""

    transport: Any
    pool: Any
    connection: Any
    backend: Any


def _watched(family: Family, *, asynchronous: bool) -> _Watched | None:
    """Return these classes. `None` if a method is replaced already, or has moved."""
    name = "handle_async_request" if asynchronous else "handle_request"
    transport = family.async_http if asynchronous else family.http
    owners: list[Any] = [transport]
    if not _is_own(transport, name) or not _is_of(socket.create_connection, "socket"):
        return None
    for module, owner, method in _ASYNC if asynchronous else _SYNC:
        try:
            found = getattr(import_module(f"{family.core}.{module}"), owner, None)
        except ImportError:
            return None
        if found is None or not _is_own(found, method):
            return None
        owners.append(found)
    return _Watched(*owners)


def _is_own(owner: type[Any], name: str) -> bool:
    """Whether a method is the one that the package of a class defines: no patch."""
    package = owner.__module__.partition(".")[0]
    return _is_of(getattr(owner, name, None), package)


def _is_of(function: object, package: str) -> bool:
    """Whether a function was defined in a package, whatever it says of itself."""
    if type(function) is not FunctionType:
        return False
    module = str(function.__globals__.get("__name__"))
    return module.partition(".")[0] == package


def _patched(watched: _Watched | None, *, asynchronous: bool) -> Callable[[], bool]:
    """
    Return a function that tells whether one of the methods was replaced since.

    The names are written out: a loop with `getattr` takes twice the instructions.
    """
    if watched is None:
        return lambda: True
    transport, pool, connection, backend = watched
    connect = backend.connect_tcp
    if asynchronous:
        first = transport.handle_async_request
        second = pool.handle_async_request
        third = connection.handle_async_request

        def is_patched() -> bool:
            return (
                transport.handle_async_request is not first
                or pool.handle_async_request is not second
                or connection.handle_async_request is not third
                or backend.connect_tcp is not connect
                or socket.socket is not _SOCKET
            )

        return is_patched
    one = transport.handle_request
    two = pool.handle_request
    three = connection.handle_request
    create = socket.create_connection  # which the core calls in threads

    def is_patched_sync() -> bool:
        return (
            transport.handle_request is not one
            or pool.handle_request is not two
            or connection.handle_request is not three
            or backend.connect_tcp is not connect
            or socket.create_connection is not create
            or socket.socket is not _SOCKET
        )

    return is_patched_sync


def _has_parser() -> bool:
    """Whether httptools is installed. Not every Python has a wheel of it."""
    try:
        parser = import_module("httptools").HttpResponseParser
    except (ImportError, AttributeError):
        return False
    return hasattr(parser, "set_dangerous_leniencies")
