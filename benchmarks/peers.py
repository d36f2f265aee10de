"""The compared transports: each factory takes the inner transport to wrap."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import httpx
import tenacity

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    CircuitBreakingTransport,
    ConcurrencyLimitingTransport,
    Credentials,
    CredentialsTransport,
    DeadlineTransport,
    EventStreamTransport,
    FailoverTransport,
    HedgingTransport,
    RateLimit,
    RateLimitingTransport,
    ResumingTransport,
    RetryBudget,
    RetryingTransport,
    ThrottlingTransport,
    standard_transport,
    wait_transient,
)
from httpx_resilient.events import Event

Factory = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]

ATTEMPTS = 5
STATUSES = frozenset({429, 500, 502, 503, 504})
ERRORS = (httpx.TimeoutException, httpx.NetworkError)

PLENTY = 1_000_000
"""Retries of a budget that the transport checks each time and never exhausts."""

_FURTHER_ATTEMPTS = range(ATTEMPTS - 1)


def bare(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """Return the inner transport, the reference of all comparisons."""
    return inner


class Minimal(httpx.AsyncBaseTransport):
    """
    The least that a retrying wrapper can do, and so the lower limit of its cost.

    It does not drain a failed response, and so loses its connection.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send until a response is final, or no attempt is left."""
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
    """Make our transport with its defaults."""
    return RetryingTransport(inner)


def ours_without_wait(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """Make ours without waits, as the others: a wait is not overhead of a retry."""
    return RetryingTransport(
        inner,
        wait=tenacity.wait_none(),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        budget=RetryBudget(least=PLENTY, most=PLENTY),
    )


def ours_with_default_strategies(
    inner: httpx.AsyncBaseTransport,
) -> httpx.AsyncBaseTransport:
    """Make ours with its default strategies, whose waits are 0 s long."""
    none = tenacity.wait_random_exponential(multiplier=0)
    return RetryingTransport(
        inner,
        wait=wait_transient(failure=none, bridge=0),
        budget=RetryBudget(least=PLENTY, most=PLENTY),
    )


def ours_giving_up(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """Make ours with a single attempt."""
    return RetryingTransport(inner, stop=tenacity.stop_after_attempt(1))


# The factories below import their packages: under callgrind, an unneeded import takes
# longer than the case.


def httpx_retries(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """Make that of httpx-retries, which does not wait by default."""
    from httpx_retries import Retry, RetryTransport  # noqa: PLC0415 - load only the measured package

    retry = Retry(total=ATTEMPTS - 1, status_forcelist=STATUSES)
    return RetryTransport(transport=inner, retry=retry)


def pydantic_ai(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """Make that of pydantic-ai for httpx, deprecated in favour of that for httpx2."""
    from pydantic_ai import PydanticAIDeprecationWarning  # noqa: PLC0415 - load only the measured package
    from pydantic_ai.retries import AsyncTenacityTransport, RetryConfig  # noqa: PLC0415 - load only the measured package

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
DEFAULTS = "ours, default strategies"
GIVING_UP = "ours, giving up"

PEERS: dict[str, Factory] = {
    BARE: bare,
    "minimal": Minimal,
    OURS: ours,
    RIVAL: httpx_retries,
    "pydantic-ai": pydantic_ai,
}

EAGER: dict[str, Factory] = {
    **PEERS,
    OURS: ours_without_wait,
    DEFAULTS: ours_with_default_strategies,
    GIVING_UP: ours_giving_up,
}
"""The same peers, none of which waits between attempts, and two more of ours."""


def _listen(_: Event) -> None:
    """Receive each event, and do nothing."""


LAYERS: dict[str, Factory] = {
    "retry, with a no-op listener": lambda inner: RetryingTransport(
        inner, on_event=_listen
    ),
    "retry, only whole encodings": lambda inner: RetryingTransport(
        inner, retry_response_body=False
    ),
    "retry, no bodies": lambda inner: RetryingTransport(
        inner, retry_response_body=False, complete=False
    ),
    "resuming": ResumingTransport,
    "resuming inside retry": lambda inner: RetryingTransport(ResumingTransport(inner)),
    "event stream": EventStreamTransport,
    "event stream around retry": lambda inner: EventStreamTransport(
        RetryingTransport(inner)
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
    "credentials": lambda inner: CredentialsTransport(
        inner, Credentials(lambda: "token", "http://127.0.0.1")
    ),
    "standard_transport()": standard_transport,
}
"""Each of our layers alone, a listener, and the standard stack."""
