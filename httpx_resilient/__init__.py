"""
Makes any httpx client resilient by changing one argument.

    async with httpx.AsyncClient(transport=RetryingTransport()) as client: ...

For httpx2 clients the same names are in `httpx_resilient.httpx2`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import httpx

from httpx_resilient._family import Family
from httpx_resilient._history import Attempt, attempts_of
from httpx_resilient._pooling import Pooling
from httpx_resilient._retrying import Retrying
from httpx_resilient._state import RetryState as _RetryState
from httpx_resilient._stats import PoolStats
from httpx_resilient._strategies import (
    retry_if_idempotent,
    retry_if_status,
    retry_if_transient,
    wait_retry_after,
    wait_transient,
)
from httpx_resilient._wrapping import wrapped

__all__ = [
    "Attempt",
    "PoolStats",
    "PoolingTransport",
    "RetryState",
    "RetryingTransport",
    "attempts_of",
    "retry_if_idempotent",
    "retry_if_status",
    "retry_if_transient",
    "wait_retry_after",
    "wait_transient",
    "wrap",
]

__version__ = "0.1.0"

if TYPE_CHECKING:
    RetryState = _RetryState[httpx.Request, httpx.Response]
else:
    RetryState = _RetryState

_FAMILY = Family.of(httpx, home=__name__)


class RetryingTransport(  # noqa: D101 - it has one, from its base
    Retrying[
        httpx.Request,
        httpx.Response,
        httpx.AsyncBaseTransport | httpx.BaseTransport,
        httpx.Limits,
        httpx.Proxy | httpx.URL | str,
    ],
    httpx.AsyncBaseTransport,
    httpx.BaseTransport,
):
    __doc__ = Retrying.__doc__

    _family: ClassVar[Family] = _FAMILY


class PoolingTransport(  # noqa: D101 - it has one, from its base
    Pooling[
        httpx.Request,
        httpx.Response,
        httpx.AsyncBaseTransport | httpx.BaseTransport,
        httpx.Limits,
        httpx.Proxy | httpx.URL | str,
    ],
    httpx.AsyncBaseTransport,
    httpx.BaseTransport,
):
    __doc__ = Pooling.__doc__

    _family: ClassVar[Family] = _FAMILY


ClientT = TypeVar("ClientT", bound=httpx.AsyncClient | httpx.Client)


def wrap(  # noqa: D103 - it has one, below
    client: ClientT,
    layer: Callable[[Any], httpx.AsyncBaseTransport | httpx.BaseTransport],
) -> ClientT:
    return wrapped(client, layer, _FAMILY)


wrap.__doc__ = wrapped.__doc__
