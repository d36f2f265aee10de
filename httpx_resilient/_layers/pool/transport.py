"""The pool as a transport, and what it tells of itself."""

from __future__ import annotations

from typing import Any, Unpack

from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._pool.stats import PoolStats, stats_of
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class PoolingTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    The library's own HTTP transport, with a pool that holds under load.

    It is what a `RetryingTransport()` sends with, and can be given to a client alone.
    The requests to one origin get connections in the order in which they came, at a
    cost that does not grow with their number; those to another one wait for a bounded
    number of them. A request that was cancelled leaves no gap. `max_connections` counts
    over all origins. `max_keepalive_connections` is what remains a second after a
    burst. A request waits for a connection for `timeout["pool"]` seconds in all.

    Args:
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: What the library's own HTTP transport takes: `verify`, `cert`,
            `trust_env`, `http1`, `http2`, `limits`, `proxy`, `uds`, `local_address`,
            `socket_options`. The environment's proxies are used, unless `proxy`, `uds`
            or `trust_env=False` says otherwise.

    Raises:
        TypeError: An option is unknown.
        ValueError: A proxy, given or from the environment, cannot be used.
        ImportError: `http2=True` without its extra.

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
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(None, on_event, dict(http))

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        return await io.send(request)

    def stats(self) -> PoolStats:
        """
        Count what the pool is doing, in all and by origin.

        Cheap enough to be asked every second: it looks at origins, not at connections.
        """
        sides: list[Any] = [self._async_side.made, self._sync_side.made]
        return stats_of([side.pool for side in sides if side is not None])
