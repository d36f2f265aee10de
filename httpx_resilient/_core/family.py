"""
What the inner rings know of an HTTP library, without importing one.

*httpx* and its fork *httpx2* share every name and no class. A `Family` carries
the few classes of one of them that decisions and flows need; the protocols say
what a request and a response of either look like.
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
    """
    One HTTP library: the classes that flows and decisions tell apart.

    Args:
        name: The module users import, `httpx` or `httpx2`.
        home: The module of ours that is bound to it.
        request: Its `Request`.
        response: Its `Response`.
        origin: What gets the scheme, the raw host and the port of its `URL`.
        plain_body: The stream of a body held in memory. It replays.
        iterator_body: The stream around an iterable or a file.
        multipart_body: The stream of a multipart form.
        streams: The base classes of synchronous and of asynchronous streams.
        transport_error: The root of what a transport may raise.
        never_sent: Errors raised before a byte of the request was written.
        interrupted: Errors after which the server may have acted.
        disconnected: Those of them that tell of a connection that was closed.
        timed_out: The root of all timeouts.
        pool_timeout: Raised by a request that got no connection in time.
        read_timeout: Raised if nothing came in time.
        read_error: Raised if the connection was reset while something was awaited.
        protocol_error: Raised if it was closed too early.
        clients: Its two clients.
        bases: The two base classes of its transports.
        http: Its synchronous HTTP transport.
        async_http: Its asynchronous HTTP transport.
        proxy: Its description of a proxy.
        limits: Its default limits of a connection pool.
        ssl_context: Makes the TLS settings from `verify`, `cert` and `trust_env`.
        package: The package its classes really live in.
    """

    name: str
    home: str
    request: type[Any]
    response: type[Any]
    origin: tuple[Callable[[Any], Any], ...]
    plain_body: type[Any]
    iterator_body: type[Any]
    multipart_body: type[Any]
    streams: tuple[type[Any], type[Any]]
    transport_error: type[Exception]
    never_sent: tuple[type[Exception], ...]
    interrupted: tuple[type[Exception], ...]
    disconnected: tuple[type[Exception], ...]
    timed_out: type[Exception]
    pool_timeout: type[Exception]
    read_timeout: type[Exception]
    read_error: type[Exception]
    protocol_error: type[Exception]
    clients: tuple[type[Any], ...]
    bases: tuple[type[Any], ...]
    http: type[Any]
    async_http: type[Any]
    proxy: type[Any]
    limits: Any
    ssl_context: Callable[..., ssl.SSLContext]
    package: str

    @classmethod
    def of(cls, module: ModuleType, *, home: str) -> Family:
        """Read a family from its public module, private names untouched."""

        def stream(**body: object) -> type[Any]:
            request = module.Request("POST", "http://localhost", **body)
            return cast("type[Any]", type(request.stream))  # type: ignore[redundant-cast]  # to pyright it is not

        return cls(
            name=module.__name__,
            home=home,
            request=module.Request,
            response=module.Response,
            # Called, these cost a fifth less than the properties they are of.
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
        """
        hashable: Any = base  # to mypy a type is not
        made: type[StreamT] = _stream_class(hashable, self)
        return made


@cache
def _stream_class(base: Any, family: Family) -> type[Any]:
    return type(base.__name__, (base, *family.streams), {})
