"""
An HTTP library as a value, so that no inner ring imports one.

*httpx* and its fork *httpx2* share every name and no class. A `Family` carries the
classes of one of them.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from types import ModuleType


StreamT = TypeVar("StreamT")


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One HTTP library: the classes of it that flows and decisions need."""

    name: str
    """The module that users import, `httpx` or `httpx2`."""
    home: str
    """The module of this library that is bound to it."""
    package: str
    """The package that its classes are defined in."""

    request: type[Any]
    response: type[Any]
    clients: tuple[type[Any], ...]
    """The asynchronous and the synchronous client."""
    bases: tuple[type[Any], ...]
    """The base classes of asynchronous and of synchronous transports."""
    http: type[Any]
    """The synchronous HTTP transport."""
    async_http: type[Any]
    proxy: type[Any]
    """The description of a proxy."""
    limits: Any
    """The default limits of a connection pool."""
    ssl_context: Callable[..., ssl.SSLContext]
    """Creates TLS settings from `verify`, `cert` and `trust_env`."""
    origin: tuple[Callable[[Any], Any], ...]
    """
    Getters of scheme, raw host and port of a `URL`. Calling them costs a fifth less
    than reading the properties.
    """

    plain_body: type[Any]
    """The stream of a body in memory, which replays."""
    iterator_body: type[Any]
    """The stream around an iterable or a file."""
    multipart_body: type[Any]
    """The stream of a multipart form."""
    streams: tuple[type[Any], type[Any]]
    """The base classes of synchronous and of asynchronous streams."""

    transport_error: type[Exception]
    """The base of all errors that a transport may raise."""
    never_sent: tuple[type[Exception], ...]
    """Errors that are raised before a byte of the request is written."""
    interrupted: tuple[type[Exception], ...]
    """Errors after which the server may have processed the request."""
    disconnected: tuple[type[Exception], ...]
    """Those of them that mean a closed connection."""
    timed_out: type[Exception]
    """The base of all timeouts."""
    pool_timeout: type[Exception]
    read_timeout: type[Exception]
    read_error: type[Exception]
    """The connection was reset during a read."""
    protocol_error: type[Exception]
    """The server closed the connection too early."""

    @classmethod
    def of(cls, module: ModuleType, *, home: str) -> Family:
        """Read a family from the public names of its module."""

        def stream(**body: object) -> type[Any]:
            request = module.Request("POST", "http://localhost", **body)
            return cast("type[Any]", type(request.stream))  # type: ignore[redundant-cast]  # pyright needs it

        return cls(
            name=module.__name__,
            home=home,
            request=module.Request,
            response=module.Response,
            origin=tuple(
                getattr(module.URL, part).fget
                for part in ("scheme", "raw_host", "port")
            ),
            plain_body=stream(content=b""),
            iterator_body=stream(content=iter(())),
            multipart_body=stream(files={"file": b""}),
            streams=(module.SyncByteStream, module.AsyncByteStream),
            transport_error=module.TransportError,
            never_sent=(module.ConnectError, module.ConnectTimeout),
            interrupted=(
                module.ReadTimeout,
                module.ReadError,
                module.WriteTimeout,
                module.WriteError,
                module.CloseError,
                module.RemoteProtocolError,
            ),
            disconnected=(
                module.ReadError,
                module.WriteError,
                module.RemoteProtocolError,
            ),
            timed_out=module.TimeoutException,
            pool_timeout=module.PoolTimeout,
            read_timeout=module.ReadTimeout,
            read_error=module.ReadError,
            protocol_error=module.RemoteProtocolError,
            clients=(module.AsyncClient, module.Client),
            bases=(module.AsyncBaseTransport, module.BaseTransport),
            http=module.HTTPTransport,
            async_http=module.AsyncHTTPTransport,
            proxy=module.Proxy,
            limits=module.Limits(max_connections=100, max_keepalive_connections=20),
            ssl_context=module.create_ssl_context,
            package=module.Request.__module__.partition(".")[0],
        )

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
