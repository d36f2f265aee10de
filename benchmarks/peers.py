"""The transports that are compared: each is made from the inner transport it wraps."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import httpx
import tenacity

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    CircuitBreakingTransport,
    ConcurrencyLimitingTransport,
    DeadlineTransport,
    FailoverTransport,
    HedgingTransport,
    RateLimit,
    RateLimitingTransport,
    RetryBudget,
    RetryingTransport,
    ThrottlingTransport,
    standard_transport,
)
from httpx_resilient.events import Event

Factory = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]

ATTEMPTS = 5
STATUSES = frozenset({429, 500, 502, 503, 504})
ERRORS = (httpx.TimeoutException, httpx.NetworkError)

PLENTY = 1_000_000
"""Retries of a budget that is asked each time, and not spent while it is measured."""

_FURTHER_ATTEMPTS = range(ATTEMPTS - 1)


def bare(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """Nothing around it: what all others are compared with."""
    return inner


class Minimal(httpx.AsyncBaseTransport):
    """
    The least that can be called a retry, and so the lower limit.

    It does not read what it throws away, and pays for that with a connection.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send until an answer is good enough, or the attempts are used up."""
        for _ in _FURTHER_ATTEMPTS:
            try:
                response = await self._inner.handle_async_request(request)
            except ERRORS:
                continue
            if response.status_code not in STATUSES:
                return response
            await response.aclose()
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def ours(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """As it comes."""
    return RetryingTransport(inner)


def ours_without_wait(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """As eager as the others: to wait is the point of a retry, not its overhead."""
    return RetryingTransport(
        inner,
        wait=tenacity.wait_none(),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        budget=RetryBudget(least=PLENTY, most=PLENTY),
    )


# Further packages are imported where they are used: under callgrind, an import that a
# case does not need takes longer than the case.


def httpx_retries(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """httpx-retries, which does not wait by default."""
    from httpx_retries import Retry, RetryTransport  # noqa: PLC0415 - only who is measured is loaded

    retry = Retry(total=ATTEMPTS - 1, status_forcelist=STATUSES)
    return RetryTransport(transport=inner, retry=retry)


def pydantic_ai(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """pydantic-ai's transport for httpx, which is deprecated for the one for httpx2."""
    from pydantic_ai import PydanticAIDeprecationWarning  # noqa: PLC0415 - only who is measured is loaded
    from pydantic_ai.retries import AsyncTenacityTransport, RetryConfig  # noqa: PLC0415 - only who is measured is loaded

    config = RetryConfig(
        retry=tenacity.retry_if_exception_type((httpx.HTTPStatusError, *ERRORS)),
        wait=tenacity.wait_none(),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        reraise=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PydanticAIDeprecationWarning)
        return AsyncTenacityTransport(config, inner, httpx.Response.raise_for_status)


BARE = "bare"
OURS = "ours"
RIVAL = "httpx-retries"

PEERS: dict[str, Factory] = {
    BARE: bare,
    "minimal": Minimal,
    OURS: ours,
    RIVAL: httpx_retries,
    "pydantic-ai": pydantic_ai,
}

EAGER: dict[str, Factory] = {**PEERS, OURS: ours_without_wait}
"""The same, and none waits between attempts."""


def _listen(_: Event) -> None:
    """Hear of all, and do nothing."""


LAYERS: dict[str, Factory] = {
    "retry, with a no-op listener": lambda inner: RetryingTransport(
        inner, on_event=_listen
    ),
    "deadline": lambda inner: DeadlineTransport(inner, 30),
    "breaker": CircuitBreakingTransport,
    "throttle": ThrottlingTransport,
    "rate limit, listening": RateLimitingTransport,
    "rate limit, its own": lambda inner: RateLimitingTransport(
        inner, RateLimit(PLENTY, burst=PLENTY)
    ),
    "concurrency": ConcurrencyLimitingTransport,
    "concurrency, adaptive": lambda inner: ConcurrencyLimitingTransport(
        inner, AdaptiveConcurrencyLimit()
    ),
    "hedging": HedgingTransport,
    "failover": lambda inner: FailoverTransport(
        inner, ["http://127.0.0.1", "http://localhost"]
    ),
    "standard_transport()": standard_transport,
}
"""Each layer of ours alone, and what is around it."""
