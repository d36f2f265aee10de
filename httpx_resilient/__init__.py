"""
Makes any httpx client resilient by changing one argument.

    async with httpx.AsyncClient(transport=RetryingTransport()) as client: ...

For httpx2 clients the same names are in `httpx_resilient.httpx2`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, Unpack

import httpx

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._core.attempts import Attempt, attempts_of
from httpx_resilient._core.explain import explain
from httpx_resilient._core.family import Family
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker, CircuitState
from httpx_resilient._layers.circuit_breaker.transport import CircuitBreaking
from httpx_resilient._layers.circuit_breaker.transport import (
    CircuitOpen as _CircuitOpen,
)
from httpx_resilient._layers.concurrency.limit import (
    AdaptiveConcurrencyLimit,
    ConcurrencyLimit,
)
from httpx_resilient._layers.concurrency.semaphore import ConcurrencyState
from httpx_resilient._layers.concurrency.transport import ConcurrencyLimiting
from httpx_resilient._layers.deadline.transport import (
    DeadlineExceeded as _DeadlineExceeded,
)
from httpx_resilient._layers.deadline.transport import DeadlineLayer
from httpx_resilient._layers.failover.group import Failover
from httpx_resilient._layers.failover.transport import FailingOver
from httpx_resilient._layers.hedging.policy import HedgePolicy
from httpx_resilient._layers.hedging.transport import Hedging
from httpx_resilient._layers.pool.transport import Pooling
from httpx_resilient._layers.rate_limit.limit import RateLimit, RateLimitState
from httpx_resilient._layers.rate_limit.transport import (
    RateLimitExceeded as _RateLimitExceeded,
)
from httpx_resilient._layers.rate_limit.transport import RateLimitingLayer
from httpx_resilient._layers.retry.state import RetryState as _RetryState
from httpx_resilient._layers.retry.strategies import (
    retry_if_idempotent,
    retry_if_status,
    retry_if_transient,
    wait_retry_after,
    wait_transient,
)
from httpx_resilient._layers.retry.transport import Retrying
from httpx_resilient._layers.throttle.throttle import AdaptiveThrottle
from httpx_resilient._layers.throttle.transport import (
    RequestThrottled as _RequestThrottled,
)
from httpx_resilient._layers.throttle.transport import Throttling
from httpx_resilient._pool.stats import PoolStats
from httpx_resilient._stack.standard import Kinds, Layers, standard
from httpx_resilient._stack.wrap import wrapped

__all__ = [
    "AdaptiveConcurrencyLimit",
    "AdaptiveThrottle",
    "Attempt",
    "CircuitBreaker",
    "CircuitBreakingTransport",
    "CircuitOpen",
    "CircuitState",
    "ConcurrencyLimit",
    "ConcurrencyLimitingTransport",
    "ConcurrencyState",
    "DeadlineExceeded",
    "DeadlineTransport",
    "Failover",
    "FailoverTransport",
    "HedgePolicy",
    "HedgingTransport",
    "PoolStats",
    "PoolingTransport",
    "RateLimit",
    "RateLimitExceeded",
    "RateLimitState",
    "RateLimitingTransport",
    "RequestThrottled",
    "RetryBudget",
    "RetryState",
    "RetryingTransport",
    "ThrottlingTransport",
    "attempts_of",
    "explain",
    "retry_if_idempotent",
    "retry_if_status",
    "retry_if_transient",
    "standard_transport",
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


_Inner = httpx.AsyncBaseTransport | httpx.BaseTransport
_Proxy = httpx.Proxy | httpx.URL | str


class _Bound(httpx.AsyncBaseTransport, httpx.BaseTransport):
    _family: ClassVar[Family] = _FAMILY


class CircuitOpen(_CircuitOpen, httpx.TransportError):
    __doc__ = _CircuitOpen.__doc__


class CircuitBreakingTransport(
    CircuitBreaking[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy], _Bound
):
    __doc__ = CircuitBreaking.__doc__

    _refusal = CircuitOpen


class ConcurrencyLimitingTransport(
    ConcurrencyLimiting[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy],
    _Bound,
):
    __doc__ = ConcurrencyLimiting.__doc__


class DeadlineExceeded(_DeadlineExceeded, httpx.TimeoutException):
    __doc__ = _DeadlineExceeded.__doc__


class DeadlineTransport(
    DeadlineLayer[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy], _Bound
):
    __doc__ = DeadlineLayer.__doc__

    _exceeded = DeadlineExceeded


class FailoverTransport(
    FailingOver[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy], _Bound
):
    __doc__ = FailingOver.__doc__


class HedgingTransport(
    Hedging[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy],
    httpx.AsyncBaseTransport,
):
    __doc__ = Hedging.__doc__

    _family = _FAMILY


class PoolingTransport(
    Pooling[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy], _Bound
):
    __doc__ = Pooling.__doc__


class RateLimitExceeded(_RateLimitExceeded, httpx.TransportError):
    __doc__ = _RateLimitExceeded.__doc__


class RateLimitingTransport(
    RateLimitingLayer[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy],
    _Bound,
):
    __doc__ = RateLimitingLayer.__doc__

    _exceeded = RateLimitExceeded


class RequestThrottled(_RequestThrottled, httpx.TransportError):
    __doc__ = _RequestThrottled.__doc__


class RetryingTransport(
    Retrying[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy], _Bound
):
    __doc__ = Retrying.__doc__


class ThrottlingTransport(
    Throttling[httpx.Request, httpx.Response, _Inner, httpx.Limits, _Proxy], _Bound
):
    __doc__ = Throttling.__doc__

    _refusal = RequestThrottled


_KINDS = Kinds(
    DeadlineTransport,
    RetryingTransport,
    FailoverTransport,
    HedgingTransport,
    ThrottlingTransport,
    CircuitBreakingTransport,
    RateLimitingTransport,
    ConcurrencyLimitingTransport,
)


def standard_transport(
    inner: _Inner | None = None, **layers: Unpack[Layers[httpx.Limits, _Proxy]]
) -> _Bound:
    transport: _Bound = standard(_KINDS, inner, **layers)
    return transport


standard_transport.__doc__ = standard.__doc__


ClientT = TypeVar("ClientT", bound=httpx.AsyncClient | httpx.Client)


def wrap(
    client: ClientT,
    layer: Callable[[Any], httpx.AsyncBaseTransport | httpx.BaseTransport],
) -> ClientT:
    return wrapped(client, layer, _FAMILY)


wrap.__doc__ = wrapped.__doc__
