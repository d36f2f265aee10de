"""The limits of a pool."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from httpx_resilient._core.validation import number


class PoolLimits(NamedTuple):
    """
    The limits of a pool.

    Args:
        max_slots: Connections at most, over all origins.
        max_idle: Idle connections that stay open after a burst.
        expiry: Seconds until an idle connection is closed.
        max_age: Seconds after which a connection serves no further request.
    """

    max_slots: float
    max_idle: float
    expiry: float
    max_age: float = math.inf


def pool_limits(limits: Any, options: Mapping[str, Any]) -> PoolLimits:
    """
    Return the limits of a pool, checked.

    Args:
        limits: The `Limits` of the family.
        options: The options of the pool.

    Raises:
        TypeError: A limit is neither `None` nor a number.
        ValueError: A limit is out of its range.
    """
    slots, idle = limits.max_connections, limits.max_keepalive_connections
    expiry, age = limits.keepalive_expiry, options.get("max_connection_age")
    if slots is not None:
        slots = number("max_connections", slots, least=1, whole=True)
    if idle is not None:
        idle = number("max_keepalive_connections", idle, least=0, whole=True)
    if expiry is not None:
        expiry = number("keepalive_expiry", expiry, least=0, unit="seconds")
    if age is not None:
        age = number("max_connection_age", age, above=0, unit="seconds")
    return PoolLimits(*map(_or_infinite, (slots, idle, expiry, age)))


def _or_infinite(limit: float | None) -> float:
    return math.inf if limit is None else limit
