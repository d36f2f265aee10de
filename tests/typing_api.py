"""Uses of the public API that mypy and pyright check; nothing here runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, assert_type

import httpx
import httpx2
from tenacity import (
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

import httpx_resilient
import httpx_resilient.httpx2
import httpx_resilient.testing.httpx2
from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    AdaptiveThrottle,
    Attempt,
    CircuitBreaker,
    CircuitBreakingTransport,
    CircuitOpen,
    CircuitState,
    ConcurrencyLimit,
    ConcurrencyLimitingTransport,
    ConcurrencyState,
    Credentials,
    CredentialsTransport,
    CredentialsUnavailable,
    Failover,
    FailoverTransport,
    HedgePolicy,
    HedgingTransport,
    PoolingTransport,
    RateLimit,
    RequestContext,
    RequestExtensions,
    ResilientTransport,
    RetryBudget,
    RetryingTransport,
    RetryOptions,
    RetryOverrides,
    RetryState,
    Stage,
    StageTransport,
    ThrottlingTransport,
    attempts_of,
    current_attempt,
    hints_in_body,
    key_by_header,
    key_by_path,
    openai_errors,
    otel,
    prometheus,
    retry_if_idempotent,
    retry_if_status,
    retry_if_transient,
    standard_transport,
    wait_retry_after,
    wait_transient,
    wrap,
)
from httpx_resilient.otel import httpx2 as otel2
from httpx_resilient.simulation import Server, SimulationResult, Traffic, simulate
from httpx_resilient.testing import (
    Chance,
    FaultInjectingTransport,
    Latency,
    Outage,
    Together,
    assert_attempts,
)


async def newcomer() -> None:
    async with httpx.AsyncClient(transport=RetryingTransport()) as client:
        response = await client.get("https://example.org/")
    assert_type(attempts_of(response), tuple[Attempt, ...])


def in_a_synchronous_client() -> None:
    httpx.Client(transport=RetryingTransport(httpx.HTTPTransport()))


def with_httpx2() -> None:
    transport = httpx_resilient.httpx2.RetryingTransport(
        limits=httpx2.Limits(), proxy=httpx2.Proxy("http://localhost:1")
    )
    httpx2.AsyncClient(transport=transport)
    httpx2.Client(transport=transport)


def with_options_for_one_request(client: httpx.Client, client2: httpx2.Client) -> None:
    def is_conflict(state: RetryState) -> bool:
        return state.response is not None and state.response.status_code == 409

    overrides: RetryOverrides = {
        "retry": is_conflict,
        "wait": wait_transient(),
        "stop": stop_after_attempt(5),
        "before_sleep": None,
        "buffer_request_body": 1000,
        "budget": False,
        "body_hints": hints_in_body(openai_errors),
        "body_factory": lambda: b"body",
    }
    extensions: RequestExtensions = {
        "retry": overrides, "deadline": 2.5, "hedge": True, "failover": False,
    }  # fmt: skip
    client.get("https://example.org/", extensions=extensions)
    client.get("https://example.org/", extensions=RequestExtensions(retry=False))
    client2.get(
        "https://example.org/",
        extensions=httpx_resilient.httpx2.RequestExtensions(
            retry=httpx_resilient.httpx2.RetryOverrides(stop=stop_after_attempt(5))
        ),
    )


def with_an_option_that_does_not_exist() -> None:
    RetryOptions(
        stopp=stop_after_attempt(5),  # type: ignore[typeddict-unknown-key] # pyright: ignore[reportCallIssue] - the type checker must refuse it
    )
    RetryOptions(
        body_factory=bytes,  # type: ignore[typeddict-unknown-key] # pyright: ignore[reportCallIssue] - a transport sends more than one body
    )
    RetryOverrides(
        stop=5,  # type: ignore[typeddict-item] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )
    RequestExtensions(
        retries=False,  # type: ignore[typeddict-unknown-key] # pyright: ignore[reportCallIssue] - the type checker must refuse it
    )
    RequestExtensions(
        retry={"wiat": wait_transient()},  # type: ignore[typeddict-item] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )
    standard_transport(
        retry={"stopp": stop_after_attempt(5)},  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )
    standard_transport(
        deadlines=5,  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - the type checker must refuse it
    )


def with_an_existing_client() -> None:
    class Special(httpx.AsyncClient):
        """A subclass, such as the client of an SDK."""

    assert_type(wrap(Special(), RetryingTransport), Special)
    retrying = partial(RetryingTransport, stop=stop_after_attempt(5))
    assert_type(wrap(httpx.Client(), retrying), httpx.Client)
    httpx_resilient.httpx2.wrap(
        httpx2.Client(), lambda inner: httpx_resilient.httpx2.RetryingTransport(inner)
    )
    wrap(
        httpx2.Client(),  # type: ignore[type-var] # pyright: ignore[reportArgumentType] - the type checker must refuse it
        RetryingTransport,
    )


def the_libraries_do_not_mix() -> None:
    httpx.AsyncClient(
        transport=httpx_resilient.httpx2.RetryingTransport()  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )
    RetryingTransport(
        httpx2.AsyncHTTPTransport()  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )
    RetryingTransport(
        limits=httpx2.Limits()  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )


def options_are_typed() -> None:
    RetryingTransport(
        verify=False, cert="c", http2=True, limits=httpx.Limits(), proxy="http://a"
    )
    RetryingTransport(
        retries=3,  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - the type checker must refuse it
    )


def tenacity_user() -> None:
    async def report(state: RetryState) -> None:
        print(state.request.url.host, state.attempt_number, state.upcoming_sleep)

    RetryingTransport(
        httpx.AsyncHTTPTransport(),
        retry=(retry_if_status(429) | retry_if_exception_type(httpx.ConnectTimeout))
        & retry_if_idempotent("POST"),
        wait=wait_retry_after() + wait_random_exponential(max=10),
        stop=stop_after_attempt(5) | stop_before_delay(30),
        before_sleep=report,
        buffer_request_body=1000,
    )
    RetryingTransport(
        retry=retry_if_transient() | retry_if_status(409), wait=wait_transient()
    )


def with_keys() -> None:
    def tenant(request: httpx.Request) -> str:
        return request.headers["tenant"]

    standard_transport(key=key_by_path("/v1/search", "/v1/export"))
    httpx_resilient.httpx2.standard_transport(key=key_by_path(depth=2))
    breaker = CircuitBreaker(key=lambda request: (tenant(request), request.url.path))
    breaker.force_open(("tenant", "/path"))
    RetryBudget(key=tenant)
    AdaptiveThrottle(key=key_by_header("Authorization"))
    ConcurrencyLimit(5, key=tenant)
    AdaptiveConcurrencyLimit(key=tenant)
    HedgePolicy(key=tenant)
    Failover(["https://a", "https://b"], key=tenant)


def with_a_breaker_and_a_throttle() -> None:
    breaker = CircuitBreaker(failure_rate=0.3, slow_after=2, metrics_only=True)
    breaker.force_open("https://example.org")
    breaker.reset(httpx2.URL("https://example.org"))
    assert_type(breaker.states(), Mapping[Any, CircuitState])
    throttling = ThrottlingTransport(None, AdaptiveThrottle(k=1.5), http2=True)
    httpx.AsyncClient(transport=CircuitBreakingTransport(throttling, breaker))
    error: httpx.TransportError = CircuitOpen("", retry_after=1)
    assert error
    httpx2.Client(
        transport=httpx_resilient.httpx2.CircuitBreakingTransport(None, breaker)
    )
    CircuitBreakingTransport(
        None,
        AdaptiveThrottle(),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )


def with_credentials_and_keys() -> None:
    async def token() -> str:
        return "token"

    def headers() -> dict[str, str]:
        return {"X-API-Key": "key"}

    credentials = Credentials(token, "https://a", max_age=3000)
    inner = CredentialsTransport(None, credentials, http2=True)
    httpx.AsyncClient(transport=RetryingTransport(inner, idempotency_header="X-Id"))
    standard_transport(
        credentials=Credentials(headers, ["https://a", "https://b"]),
        idempotency_header=("PayPal-Request-Id", "Idempotency-Key"),
        idempotency_key=True,
    )
    httpx_resilient.httpx2.CredentialsTransport(credentials=credentials)
    FailoverTransport(origins=["https://a"], idempotency_key=True)
    error: httpx.TransportError = CredentialsUnavailable("")
    assert error
    Credentials(lambda: 3, "https://a")  # type: ignore[arg-type,return-value] # pyright: ignore[reportArgumentType] - the type checker must refuse it


def with_hedges() -> None:
    hedge = HedgePolicy(quantile=0.99, extra=0.01, methods={"GET", "PUT"})
    assert_type(hedge.delays(), dict[Any, float])
    hedging = HedgingTransport(None, hedge, budget=RetryBudget(), http2=True)
    httpx.AsyncClient(transport=RetryingTransport(hedging))
    httpx2.AsyncClient(transport=httpx_resilient.httpx2.HedgingTransport(None, hedge))
    httpx.Client(
        transport=hedging,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the transport is asynchronous only
    )
    HedgingTransport(
        None,
        0.2,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )


def own_strategies() -> None:
    async def is_busy(state: RetryState) -> bool:
        return state.response is not None and state.response.status_code == 503

    RetryingTransport(retry=is_busy, wait=lambda state: state.attempt_number * 0.5)


def failover() -> None:
    group = Failover(["https://a.example", "https://b.example"], cooldown=5)
    assert_type(group.down, tuple[str, ...])
    httpx.AsyncClient(transport=FailoverTransport(RetryingTransport(), group))
    httpx2.Client(
        transport=httpx_resilient.httpx2.FailoverTransport(
            None, group, share_credentials=True, also_strip=["x-api-key"], http2=True
        )
    )
    FailoverTransport(
        httpx2.HTTPTransport(),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
        ["https://a.example"],
    )


def limits_of_concurrency() -> None:
    limit = ConcurrencyLimit(100, queue=10, per_origin=False)
    httpx.AsyncClient(transport=ConcurrencyLimitingTransport(limit=limit))
    httpx2.Client(
        transport=httpx_resilient.httpx2.ConcurrencyLimitingTransport(
            httpx2.HTTPTransport(), limit
        )
    )
    assert_type(limit.states(), dict[Any, ConcurrencyState])
    ConcurrencyLimitingTransport(None, AdaptiveConcurrencyLimit(10, least=2, most=50))
    ConcurrencyLimitingTransport(
        None,
        100,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )


def all_in_one() -> None:
    budget = RetryBudget(0.1)
    httpx.AsyncClient(transport=standard_transport(deadline=60, budget=budget))
    httpx.Client(transport=standard_transport(limits=httpx.Limits(), attempt=None))
    wrap(httpx.Client(), partial(standard_transport, rate_limit=RateLimit(50)))
    httpx2.Client(transport=httpx_resilient.httpx2.standard_transport(hedging=False))
    options: RetryOptions = {"stop": stop_after_attempt(5), "budget": budget}
    assert_type(standard_transport(retry=options), ResilientTransport)
    standard_transport(retry={"wait": wait_transient()}, failover=["https://a.example"])


def faults(response: httpx.Response) -> None:
    faulty = FaultInjectingTransport(
        httpx.HTTPTransport(),
        [503, httpx.ReadTimeout, httpx.ReadError(""), Latency(1), None],
    )
    assert_type(faulty.injected, dict[str, int])
    httpx.Client(transport=RetryingTransport(faulty))
    httpx.AsyncClient(transport=faulty)
    FaultInjectingTransport(
        None,
        Together(Chance(0.1, 503, httpx.ReadTimeout), Outage(1, fault=None)),
        seed="a",
        only=lambda request: request.url.path == "/",
        http2=True,
    )
    httpx2.Client(
        transport=httpx_resilient.testing.httpx2.FaultInjectingTransport(None, 503)
    )
    httpx2.Client(
        transport=faulty  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )
    attempts = assert_attempts(response, 503, httpx.ReadTimeout)
    assert_type(attempts, tuple[Attempt, ...])


def traced_and_measured() -> None:
    metrics = otel.Metrics(per_origin=False)
    metrics.watch(RetryBudget(), RateLimit(1), ConcurrencyLimit(1), PoolingTransport())
    tracing = otel.TracingTransport(http2=True, redact={"key"}, on_event=metrics)
    httpx.AsyncClient(transport=RetryingTransport(tracing, on_event=metrics))
    httpx.Client(transport=standard_transport(tracing, on_event=prometheus.Metrics()))
    inner = httpx_resilient.httpx2.RetryingTransport(otel2.TracingTransport())
    httpx2.Client(transport=otel2.TracingTransport(inner))
    httpx2.Client(
        transport=tracing,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )
    wrap(httpx.Client(), otel.TracingTransport)


class Named(Stage):
    """A stage of a user: a visit may have any type."""

    def before(self, context: RequestContext) -> str:
        assert_type(context.origin, tuple[str, str, int | None])
        assert_type(context.attempt, int)
        return "visit"

    def ended(
        self, context: RequestContext, visit: str, error: BaseException | None
    ) -> None: ...


def stages(request: httpx.Request) -> None:
    transport = StageTransport(Named(), StageTransport(Named(), http2=True))
    httpx.AsyncClient(transport=transport)
    httpx.Client(transport=RetryingTransport(transport))
    httpx2.Client(
        transport=transport,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the type checker must refuse it
    )
    httpx2.Client(transport=httpx_resilient.httpx2.StageTransport(Named()))
    number, left, failure = current_attempt(request)
    assert_type(number, int)
    assert_type(left, float | None)
    assert_type(failure, str)


def simulations() -> None:
    result = simulate(RetryingTransport, Server(300), Traffic(200), seconds=60)
    assert_type(result, SimulationResult)
    assert_type(result.recovery, int | None)
    simulate(lambda server: standard_transport(server, hedging=True))
