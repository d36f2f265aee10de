"""Any number is refused when it is given, or then requests are served with it."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.server import Server
from support.world import World
from tenacity import stop_after_attempt, wait_fixed

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    AdaptiveThrottle,
    CircuitBreaker,
    CircuitBreakingTransport,
    ConcurrencyLimit,
    ConcurrencyLimitingTransport,
    Credentials,
    CredentialsTransport,
    DeadlineExceeded,
    DeadlineTransport,
    Failover,
    FailoverTransport,
    HedgePolicy,
    HedgingTransport,
    PoolingTransport,
    RateLimit,
    RateLimitExceeded,
    RateLimitingTransport,
    RequestThrottled,
    RetryBudget,
    RetryingTransport,
    ThrottlingTransport,
    hints_in_body,
    key_by_path,
    openai_errors,
    standard_transport,
    wait_retry_after,
    wait_transient,
)
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.deadline import LONGEST

pytestmark = pytest.mark.anyio

URL = "https://api.example.com/"


REFUSALS = DeadlineExceeded, RateLimitExceeded, RequestThrottled


def cost(request: Any) -> float:
    return 1


def mock() -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(200))


def breaker(**given: Any) -> Any:
    return CircuitBreakingTransport(mock(), CircuitBreaker(**given))


def throttle(**given: Any) -> Any:
    rejecting = httpx.MockTransport(lambda request: httpx.Response(503))
    return ThrottlingTransport(rejecting, AdaptiveThrottle(**given))


def limited(*given: Any, **named: Any) -> Any:
    return RateLimitingTransport(mock(), RateLimit(*given, max_wait=0, **named))


def retrying(**given: Any) -> Any:
    return RetryingTransport(mock(), **given)


def failover(**given: Any) -> Any:
    origins = [URL, "https://eu.example.com"]
    return FailoverTransport(mock(), Failover(origins, **given))


def pooling(**given: Any) -> Any:
    PoolingTransport(limits=httpx.Limits(**given))
    return mock()


CONSTRUCTORS: dict[str, Callable[[Any], Any]] = {
    "deadline": lambda n: DeadlineTransport(mock(), n),
    "failure_rate": lambda n: breaker(failure_rate=n),
    "minimum_calls": lambda n: breaker(minimum_calls=n),
    "window of a breaker": lambda n: breaker(window=n),
    "open_for": lambda n: breaker(open_for=n, max_open_for=n),
    "max_open_for": lambda n: breaker(max_open_for=n),
    "half_open_wait": lambda n: breaker(half_open_wait=n),
    "slow_after of a breaker": lambda n: breaker(slow_after=n),
    "slow_rate": lambda n: breaker(slow_after=1, slow_rate=n),
    "k": lambda n: throttle(k=n, minimum_calls=1),
    "minimum_calls of a throttle": lambda n: throttle(minimum_calls=n),
    "window of a throttle": lambda n: throttle(window=n, minimum_calls=1),
    "max_rejection": lambda n: throttle(max_rejection=n),
    "requests": lambda n: limited(n),
    "per": lambda n: limited(10, n),
    "requests and per": lambda n: limited(n, n),
    "burst": lambda n: limited(1, burst=n),
    "requests by cost": lambda n: limited(n, cost=cost),
    "max_wait": lambda n: RateLimitingTransport(mock(), RateLimit(1e6, max_wait=n)),
    "ratio": lambda n: retrying(budget=RetryBudget(n)),
    "most": lambda n: retrying(budget=RetryBudget(most=n)),
    "least": lambda n: retrying(budget=RetryBudget(least=n)),
    "window of a budget": lambda n: retrying(budget=RetryBudget(window=n)),
    "grace": lambda n: retrying(budget=RetryBudget(grace=n)),
    "max_retry_after": lambda n: retrying(wait=wait_transient(max_retry_after=n)),
    "only max_retry_after": lambda n: retrying(wait=wait_retry_after(n)),
    "bridge": lambda n: retrying(wait=wait_transient(bridge=n)),
    "limit of hints": lambda n: retrying(
        body_hints=hints_in_body(openai_errors, limit=n)
    ),
    "cooldown": lambda n: failover(cooldown=n),
    "slow_after of a failover": lambda n: failover(slow_after=n),
    "depth": lambda n: breaker(key=key_by_path(depth=n)),
    "max_age": lambda n: CredentialsTransport(
        mock(), Credentials(lambda: "token", URL, max_age=n)
    ),
    "concurrency": lambda n: ConcurrencyLimitingTransport(mock(), ConcurrencyLimit(n)),
    "queue": lambda n: ConcurrencyLimitingTransport(mock(), ConcurrencyLimit(queue=n)),
    "most at a time": lambda n: ConcurrencyLimitingTransport(
        mock(), AdaptiveConcurrencyLimit(most=n)
    ),
    "delay": lambda n: HedgingTransport(mock(), HedgePolicy(n)),
    "quantile": lambda n: HedgingTransport(mock(), HedgePolicy(quantile=n)),
    "samples": lambda n: HedgingTransport(mock(), HedgePolicy(samples=n)),
    "extra": lambda n: HedgingTransport(mock(), HedgePolicy(extra=n)),
    "deadline of the stack": lambda n: standard_transport(mock(), deadline=n),
    "attempt of the stack": lambda n: standard_transport(mock(), attempt=n),
    "max_connections": lambda n: pooling(max_connections=n),
    "max_keepalive_connections": lambda n: pooling(max_keepalive_connections=n),
    "keepalive_expiry": lambda n: pooling(keepalive_expiry=n),
}


def built(name: str, number: float) -> Any:
    """Return the transport, or the exception of a number that is refused."""
    try:
        return CONSTRUCTORS[name](number)
    except (TypeError, ValueError) as error:
        return error


async def serve(transport: Any) -> None:
    """Send requests, some of which a limit or a short deadline may refuse."""
    if isinstance(transport, HedgingTransport):
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(URL)
        return
    with httpx.Client(transport=transport) as client:
        for _ in range(3):
            with suppress(*REFUSALS):
                client.get(URL)


numbers = st.floats() | st.integers() | st.integers(min_value=2**62)


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_a_number_is_refused_with_its_range_or_requests_are_served(name: str) -> None:
    @settings(max_examples=50, deadline=None)
    @given(number=numbers)
    @example(number=5e-324)
    @example(number=1.7e308)
    @example(number=math.inf)
    @example(number=sys.maxsize)
    @example(number=10**400)
    def check(number: float) -> None:
        transport = built(name, number)
        if isinstance(transport, Exception):
            assert re.search(r" is a .*number", str(transport))
        else:
            anyio.run(serve, transport)

    check()


@pytest.mark.parametrize("given", [True, "1", 1j])
@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_what_is_no_number_is_refused_when_it_is_given(name: str, given: Any) -> None:
    with pytest.raises(TypeError, match=r" is a .*number"):
        CONSTRUCTORS[name](given)


@pytest.mark.parametrize("total", [sys.maxsize, 1e10, 2.0**32 / 1000, math.inf])
async def test_a_deadline_may_be_as_long_as_anybody_likes(
    world: World, server: Server, total: float
) -> None:
    transport = world.ours.DeadlineTransport(total=total)
    async with world.client(transport, timeout=None) as client:
        assert (await client.get(server.url)).status_code == 200


async def test_the_timeouts_of_a_caller_are_used_within_a_very_long_deadline(
    world: World,
) -> None:
    seen: list[Any] = []

    def handle(request: Any) -> Any:
        timeouts = request.extensions["timeout"]
        seen.append({name: timeouts[name] for name in ("read", "pool")})
        return world.library.Response(200)

    transport = world.ours.DeadlineTransport(world.mock(handle), LONGEST * 2)
    timeout = world.library.Timeout(None, read=3)
    async with world.client(transport, timeout=timeout) as client:
        await client.get(URL)
    assert seen == [{"read": 3, "pool": None}]


def test_a_wait_may_be_longer_than_a_thread_can_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    Clock.block(1e300)
    assert 1e5 < slept[0] < 1e10


def test_a_rate_below_all_that_time_can_measure_sends_a_single_request() -> None:
    transport = limited(5e-324)
    with httpx.Client(transport=transport) as client:
        client.get(URL)
        with pytest.raises(httpx.TransportError, match="rate limit"):
            client.get(URL)


def test_an_infinite_wait_of_a_strategy_is_ended_by_the_deadline() -> None:
    broken = httpx.MockTransport(lambda request: httpx.Response(503))
    retrying = RetryingTransport(
        broken, wait=wait_fixed(math.inf), stop=stop_after_attempt(3)
    )
    with httpx.Client(transport=DeadlineTransport(retrying, 1)) as client:
        assert client.get(URL).status_code == 503
