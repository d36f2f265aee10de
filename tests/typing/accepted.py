"""Uses of the public API that mypy and pyright accept; nothing here runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, assert_type

import httpx
import httpx2
from tenacity import (
    RetryCallState,
    retry_always,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    stop_before_delay,
    stop_never,
    wait_fixed,
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
    Download,
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
    Upload,
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
    upload,
    upload_of,
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


async def with_uploads() -> None:
    assert_type(upload(httpx.Client(), "/", b"", metadata={"a": "b"}), httpx.Response)
    known = upload_of(await upload(httpx.AsyncClient(), httpx.URL("/"), Path("a")))
    assert_type(known, Upload | None)
    httpx_resilient.httpx2.upload(httpx2.Client(), "/", iter([b""]), protocol="draft")


def with_an_existing_client() -> None:
    class Special(httpx.AsyncClient):
        """A subclass, such as the client of an SDK."""

    assert_type(wrap(Special(), RetryingTransport), Special)
    retrying = partial(RetryingTransport, stop=stop_after_attempt(5))
    assert_type(wrap(httpx.Client(), retrying), httpx.Client)
    httpx_resilient.httpx2.wrap(
        httpx2.Client(), lambda inner: httpx_resilient.httpx2.RetryingTransport(inner)
    )


def options_are_typed() -> None:
    RetryingTransport(
        verify=False, cert="c", http2=True, limits=httpx.Limits(), proxy="http://a"
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


def with_hedges() -> None:
    hedge = HedgePolicy(quantile=0.99, extra=0.01, methods={"GET", "PUT"})
    assert_type(hedge.delays(), dict[Any, float])
    hedging = HedgingTransport(None, hedge, budget=RetryBudget(), http2=True)
    httpx.AsyncClient(transport=RetryingTransport(hedging))
    httpx2.AsyncClient(transport=httpx_resilient.httpx2.HedgingTransport(None, hedge))


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


class Busy:
    """An object that is called, and whose class is none of tenacity's."""

    def __call__(self, state: RetryState) -> bool:
        return state.response is not None and state.response.status_code == 503

    def has_failed(self, state: RetryState) -> bool:
        return state.error is not None

    def seconds(self, state: RetryState) -> int:
        return state.attempt_number


def strategies_of_every_form() -> None:
    def of_tenacity(retry_state: RetryCallState) -> bool:
        return retry_state.attempt_number > 2

    def for_a_method(state: RetryState, method: str) -> bool:
        return state.request.method == method

    async def slowly(state: RetryState) -> float:
        return state.attempt_number / 2

    RetryingTransport(retry=Busy(), stop=Busy())
    RetryingTransport(retry=Busy().has_failed, wait=Busy().seconds)
    RetryingTransport(retry=of_tenacity, stop=of_tenacity, wait=slowly)
    RetryingTransport(retry=partial(for_a_method, method="GET"), stop=stop_never)
    RetryingTransport(retry=lambda state: state.error is not None, wait=lambda _: 1)
    RetryingTransport(stop=lambda state: state.attempt_number == 9, retry=retry_always)
    RetryingTransport(wait=wait_fixed(1) + wait_transient(failure=lambda _: 0.5))
    RetryingTransport(retry=retry_if_result(bool) | retry_if_transient("POST"))
    RetryOptions(retry=Busy(), wait=slowly, stop=of_tenacity)


def a_hedging_stack(flag: bool, hedge: HedgePolicy | None) -> None:
    httpx.AsyncClient(transport=standard_transport(hedging=flag))
    httpx.AsyncClient(transport=standard_transport(hedging=hedge, http2=True))
    httpx.Client(transport=standard_transport(hedging=False))
    httpx.Client(transport=standard_transport(hedging=None, deadline=60))


def several_strings(strings: Sequence[str]) -> None:
    Failover(("https://a", "https://b"))
    FailoverTransport(None, strings, also_strip=["x-api-key"])
    standard_transport(failover=strings)
    HedgePolicy(methods=frozenset(strings))
    otel.TracingTransport(redact={"key": 1}.keys())


class Recording(RetryingTransport):
    """A subclass that overrides the methods of a transport, as their base declares."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await super().handle_async_request(request)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return super().handle_request(request)

    async def aclose(self) -> None:
        await super().aclose()

    def close(self) -> None:
        super().close()

    async def __aenter__(self) -> Self:
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await super().__aexit__(exc_type, exc_value, traceback)

    def __enter__(self) -> Self:
        return super().__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        super().__exit__(exc_type, exc_value, traceback)


class Recording2(httpx_resilient.httpx2.StageTransport):
    """The same for the other library, and for another layer."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await super().handle_async_request(request)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return super().handle_request(request)


async def results_have_public_types() -> None:
    assert_type(standard_transport(), ResilientTransport)
    assert_type(standard_transport(hedging=True), httpx.AsyncBaseTransport)
    assert_type(wrap(httpx.AsyncClient(), standard_transport), httpx.AsyncClient)
    assert_type(wrap(Busy(), RetryingTransport), Busy)
    async with Recording() as transport:
        assert_type(transport, Recording)


async def downloads_are_awaited_only_where_they_must_be() -> None:
    clients = httpx.Client(), httpx.AsyncClient(), httpx2.AsyncClient()
    download, download2 = httpx_resilient.download, httpx_resilient.httpx2.download
    assert_type(download(clients[0], "https://a.org/", "file"), Download)
    assert_type(await download(clients[1], httpx.URL(""), Path("file")), Download)
    chosen = await download2(clients[2], "https://a.org/", lambda response: "file")
    assert_type(chosen, Download)
