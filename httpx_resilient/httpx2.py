"""
The names of `httpx_resilient`, for clients of httpx2.

    async with httpx2.AsyncClient(transport=RetryingTransport()) as client: ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, Unpack

import httpx2

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

if TYPE_CHECKING:
    RetryState = _RetryState[httpx2.Request, httpx2.Response]
else:
    RetryState = _RetryState

_FAMILY = Family.of(httpx2, home=__name__)


_Inner = httpx2.AsyncBaseTransport | httpx2.BaseTransport
_Proxy = httpx2.Proxy | httpx2.URL | str


class _Bound(httpx2.AsyncBaseTransport, httpx2.BaseTransport):
    _family: ClassVar[Family] = _FAMILY


class CircuitOpen(_CircuitOpen, httpx2.TransportError):
    __doc__ = _CircuitOpen.__doc__


class CircuitBreakingTransport(
    CircuitBreaking[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy],
    _Bound,
):
    __doc__ = CircuitBreaking.__doc__

    _refusal = CircuitOpen


class ConcurrencyLimitingTransport(
    ConcurrencyLimiting[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy],
    _Bound,
):
    __doc__ = ConcurrencyLimiting.__doc__


class DeadlineExceeded(_DeadlineExceeded, httpx2.TimeoutException):
    __doc__ = _DeadlineExceeded.__doc__


class DeadlineTransport(
    DeadlineLayer[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy],
    _Bound,
):
    __doc__ = DeadlineLayer.__doc__

    _exceeded = DeadlineExceeded


class FailoverTransport(
    FailingOver[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy], _Bound
):
    __doc__ = FailingOver.__doc__


class HedgingTransport(
    Hedging[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy],
    httpx2.AsyncBaseTransport,
):
    __doc__ = Hedging.__doc__

    _family = _FAMILY


class PoolingTransport(
    Pooling[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy], _Bound
):
    __doc__ = Pooling.__doc__


class RateLimitExceeded(_RateLimitExceeded, httpx2.TransportError):
    __doc__ = _RateLimitExceeded.__doc__


class RateLimitingTransport(
    RateLimitingLayer[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy],
    _Bound,
):
    __doc__ = RateLimitingLayer.__doc__

    _exceeded = RateLimitExceeded


class RequestThrottled(_RequestThrottled, httpx2.TransportError):
    __doc__ = _RequestThrottled.__doc__


class RetryingTransport(
    Retrying[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy], _Bound
):
    __doc__ = Retrying.__doc__


class ThrottlingTransport(
    Throttling[httpx2.Request, httpx2.Response, _Inner, httpx2.Limits, _Proxy], _Bound
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
    inner: _Inner | None = None, **layers: Unpack[Layers[httpx2.Limits, _Proxy]]
) -> _Bound:
    transport: _Bound = standard(_KINDS, inner, **layers)
    return transport


standard_transport.__doc__ = standard.__doc__


ClientT = TypeVar("ClientT", bound=httpx2.AsyncClient | httpx2.Client)


def wrap(
    client: ClientT,
    layer: Callable[[Any], httpx2.AsyncBaseTransport | httpx2.BaseTransport],
) -> ClientT:
    return wrapped(client, layer, _FAMILY)


wrap.__doc__ = wrapped.__doc__
