"""The pool as a transport, and its statistics."""

from __future__ import annotations

from typing import Any, Unpack

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.redaction import Redactor
from httpx_resilient._pool.stats import PoolStats, stats_of
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import LimitsT, PlainHTTPOptions, ProxyT


class PoolingTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    The HTTP transport of the library, with a connection pool that is fair and scales.

    A `RetryingTransport()` sends with it; a client can also use it alone. Requests to
    an origin get connections in order of arrival. A request to another origin is
    overtaken only a bounded number of times. The cost of a request does not depend on
    the number of others. A request that is cancelled releases its connection.

    `max_connections` counts the connections to all origins. The pool closes idle
    connections beyond `max_keepalive_connections` one second after a burst. A request
    waits for a connection for at most `timeout["pool"]` seconds. `timeout["connect"]`
    is for all addresses of a host together: the next one is tried beside those that do
    not answer within 250 ms (RFC 8305), in synchronous clients, too.

    The pool sends nothing again by itself. A request that must not be repeated gets no
    connection that was idle for longer than its server is known to wait. One transport
    can be used in several event loops and threads, and after a fork.

    Args:
        max_connection_age: Seconds after which a connection serves no further request,
            so that a client under steady traffic follows DNS. Up to a tenth less,
            because connections that were opened together should not close together.
        wire: Whether to send requests of HTTP/1.1 on the library's own connections,
            where that changes nothing but the cost. `False`, or the environment
            variable `HTTPX_RESILIENT_WIRE=0`, leaves all to httpcore.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        redact: What logs and events show of a URL, as in `redact_tokens`.
        http: The options of the library's own HTTP transport: `verify`, `cert`,
            `trust_env`, `http1`, `http2`, `limits`, `proxy`, `uds`, `local_address`,
            `socket_options`. The proxies of the environment are used, unless `proxy`,
            `uds` or `trust_env=False` excludes them.

    Raises:
        TypeError: An option is unknown, or `wire` is no boolean.
        ValueError: A proxy, given or from the environment, cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    Example:
        >>> import httpx
        >>> pool = PoolingTransport(limits=httpx.Limits(max_connections=500))
        >>> with httpx.Client(transport=RetryingTransport(pool)) as client:
        ...     pool.stats().active
        0
    """

    def __init__(
        self,
        *,
        max_connection_age: float | None = None,
        wire: bool = True,
        on_event: Listener | None = None,
        redact: Redactor | None = None,
        **http: Unpack[PlainHTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        own = {"max_connection_age": max_connection_age, "wire": wire}
        options: dict[str, Any] = {**http, **own}
        super().__init__(None, on_event, {**options, "redact": redact})

    async def _handle(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        return await io.send(request, context)

    def stats(self) -> PoolStats:
        """
        Return the statistics of the pool, in total and for each origin.

        The cost depends on the number of origins, not of connections: the call is cheap
        enough for every second.
        """
        sides: list[Any] = [self._async_side.made, self._sync_side.made]
        return stats_of([side.pool for side in sides if side is not None])
