"""The statistics of a pool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from httpx_resilient._core.origin import origin_name
from httpx_resilient._core.public import public
from httpx_resilient._pool.origins import Origin
from httpx_resilient._pool.supply import Supply


@public()
@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStats:
    """
    The statistics of a connection pool.

    The first three numbers are current, the others count since the pool was made.

    Args:
        active: Requests that have a connection.
        idle: Connections without a request.
        waiting: Requests that wait for a connection.
        opened: Connections that were opened.
        wired: Those of them that are the library's own, not those of httpcore.
        reused: Requests that were sent on a connection that was open already.
        retired: Connections closed because a request on them failed or was cancelled.
        origins: The statistics of each origin, such as `https://example.org`.

    Example:
        >>> PoolingTransport().stats().waiting
        0
    """

    active: int = 0
    idle: int = 0
    waiting: int = 0
    opened: int = 0
    wired: int = 0
    reused: int = 0
    retired: int = 0
    origins: Mapping[str, PoolStats] = field(default_factory=dict[str, Any])


def stats_of(pools: Iterable[Supply]) -> PoolStats:
    """Add up the statistics of pools: a transport has one for each side."""
    origins: dict[str, PoolStats] = {}
    for pool in pools:
        # Copied in one step, because a request may add an origin at any time.
        for origin in list(pool.origins.values()):
            name = origin_name(origin.key)
            origins[name] = _sum(_of(origin), origins.get(name, PoolStats()))
    return replace(_sum(*origins.values()), origins=origins)


def _of(origin: Origin) -> PoolStats:
    return PoolStats(
        active=origin.active,
        idle=len(origin.idle),
        waiting=origin.waiting,
        opened=origin.opened,
        wired=origin.wired,
        reused=origin.reused,
        retired=origin.retired,
    )


def _sum(*stats: PoolStats) -> PoolStats:
    return PoolStats(
        active=sum(each.active for each in stats),
        idle=sum(each.idle for each in stats),
        waiting=sum(each.waiting for each in stats),
        opened=sum(each.opened for each in stats),
        wired=sum(each.wired for each in stats),
        reused=sum(each.reused for each in stats),
        retired=sum(each.retired for each in stats),
    )
