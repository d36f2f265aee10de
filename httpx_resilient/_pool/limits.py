"""The limits of a pool."""

from __future__ import annotations

import math
from typing import NamedTuple


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
