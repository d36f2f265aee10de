"""Was an attempt refused on this side?"""

from __future__ import annotations

from httpx_resilient._core.classify import is_own
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.family import Family


def is_refused_here(
    error: Exception | None, family: Family, context: RequestContext
) -> bool:
    """
    Whether an attempt was refused on this side, so that no server knows of it.

    A layer has refused it, also one that a user has written as a `Stage`; or a limit,
    the connection pool or a deadline has let it wait in a queue for too long.

    Args:
        error: How the attempt ended.
        family: The library of the request.
        context: The context that the attempt was sent with.
    """
    if error is None:
        return False
    return (
        is_own(error)
        or isinstance(error, family.pool_timeout)
        or (context.refused and isinstance(error, family.transport_error))
    )
