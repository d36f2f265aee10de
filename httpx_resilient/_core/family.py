"""
An HTTP library as a value, so that no inner ring imports one.

*httpx* and its fork *httpx2* share every name and no class. A `Family` carries the
classes of one of them.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from types import ModuleType


StreamT = TypeVar("StreamT")

_UNNAMED_FILE = ("", b"", "text/plain")
"""A file whose type need not be guessed: that would read the types of the system."""


class Family:
    """
    One HTTP library: the classes of it that flows and decisions need.

    Args:
        module: The module that users import, `httpx` or `httpx2`. Only its public names
            are read.
        home: The module of this library that is bound to it.
    """

    def __init__(self, module: ModuleType, *, home: str) -> None:
        self.name: str = module.__name__
        self.home = home
        self.package: str = module.Request.__module__.partition(".")[0]
        """The package that its classes are defined in."""
        self.core: str = self.package.replace("httpx", "httpcore")
        """The package that its transports send with."""

        self.request: type[Any] = module.Request
        self.response: type[Any] = module.Response
        self.clients: tuple[type[Any], ...] = (module.AsyncClient, module.Client)
        """The asynchronous and the synchronous client."""
        self.bases: tuple[type[Any], ...] = (
            module.AsyncBaseTransport,
            module.BaseTransport,
        )
        """The base classes of asynchronous and of synchronous transports."""
        self.http: type[Any] = module.HTTPTransport
        """The synchronous HTTP transport."""
        self.async_http: type[Any] = module.AsyncHTTPTransport
        self.proxy: type[Any] = module.Proxy
        """The description of a proxy."""
        self.limits: Any = module.Limits(
            max_connections=100, max_keepalive_connections=20
        )
        """The default limits of a connection pool."""
        self.ssl_context: Callable[..., ssl.SSLContext] = module.create_ssl_context
        """Creates TLS settings from `verify`, `cert` and `trust_env`."""
        self.plain_body: type[Any] = _stream_of(module, content=b"")
        """The stream of a body in memory, which replays."""
        self.iterator_body: type[Any] = _stream_of(module, content=iter(()))
        """The stream around an iterable or a file."""
        self.multipart_body: type[Any] = _stream_of(
            module, files={"file": _UNNAMED_FILE}
        )
        """The stream of a multipart form."""
        self.streams: tuple[type[Any], type[Any]] = (
            module.SyncByteStream,
            module.AsyncByteStream,
        )
        """The base classes of synchronous and of asynchronous streams."""

        self._read_errors(module)

    def _read_errors(self, module: ModuleType) -> None:
        self.transport_error: type[Exception] = module.TransportError
        """The base of all errors that a transport may raise."""
        self.never_sent: tuple[type[Exception], ...] = (
            module.ConnectError,
            module.ConnectTimeout,
        )
        """Errors that are raised before a byte of the request is written."""
        self.interrupted: tuple[type[Exception], ...] = (
            module.ReadTimeout,
            module.ReadError,
            module.WriteTimeout,
            module.WriteError,
            module.CloseError,
            module.RemoteProtocolError,
        )
        """Errors after which the server may have processed the request."""
        self.disconnected: tuple[type[Exception], ...] = (
            module.ReadError,
            module.WriteError,
            module.RemoteProtocolError,
        )
        """Those of them that mean a closed connection."""
        self.proxy_error: type[Exception] = module.ProxyError
        """A proxy has opened no tunnel, so the request was not sent."""
        self.timed_out: type[Exception] = module.TimeoutException
        """The base of all timeouts."""
        self.pool_timeout: type[Exception] = module.PoolTimeout
        self.connect_timeout: type[Exception] = module.ConnectTimeout
        self.read_timeout: type[Exception] = module.ReadTimeout
        self.write_timeout: type[Exception] = module.WriteTimeout
        self.connect_error: type[Exception] = module.ConnectError
        self.read_error: type[Exception] = module.ReadError
        """The connection was reset during a read."""
        self.protocol_error: type[Exception] = module.RemoteProtocolError
        """The server closed the connection too early."""
        self.local_protocol_error: type[Exception] = module.LocalProtocolError
        """This side did not send what the protocol does not allow."""

    def stream_class(self, base: type[StreamT]) -> type[StreamT]:
        """
        Derive from `base` the class of a stream that both clients accept.

        Each client checks that a stream is an instance of the library's own classes.
        The derived class has this family as its attribute `_family`.
        """
        hashable: Any = base  # mypy does not know that a class is
        made: type[StreamT] = _stream_class(hashable, self)
        return made


@cache
def _stream_class(base: Any, family: Family) -> type[Any]:
    return type(base.__name__, (base, *family.streams), {"_family": family})


def _stream_of(module: ModuleType, **body: object) -> type[Any]:
    request = module.Request("POST", "http://localhost", **body)
    return cast("type[Any]", type(request.stream))  # type: ignore[redundant-cast]  # pyright needs it
