"""
Mistakes that mypy and pyright must refuse; nothing here runs.

The comment of a line names the errors that they report there, first that of mypy.
"""
# fmt: off

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import httpx2
import tenacity
from tenacity import stop_after_attempt, stop_after_delay, wait_fixed

import httpx_resilient.testing
from httpx_resilient import (
    AdaptiveThrottle,
    CircuitBreakingTransport,
    ConcurrencyLimitingTransport,
    Credentials,
    Failover,
    FailoverTransport,
    HedgePolicy,
    HedgingTransport,
    RequestExtensions,
    RetryingTransport,
    RetryOptions,
    RetryOverrides,
    RetryState,
    Stage,
    StageTransport,
    otel,
    retry_if_status,
    retry_if_transient,
    standard_transport,
    wait_transient,
    wrap,
)
from httpx_resilient import httpx2 as ours2


def an_option_that_does_not_exist() -> None:
    RetryingTransport(retries=3)  # E: call-arg reportCallIssue
    standard_transport(deadlines=5)  # E: call-overload reportCallIssue
    standard_transport(retry={"stopp": stop_after_attempt(3)})  # E: call-overload reportArgumentType
    RetryOptions(stopp=stop_after_attempt(3))  # E: typeddict-unknown-key reportCallIssue
    RetryOptions(body_factory=bytes)  # E: typeddict-unknown-key reportCallIssue
    RetryOverrides(stop=5)  # E: typeddict-item reportArgumentType
    RequestExtensions(retries=False)  # E: typeddict-unknown-key reportCallIssue
    RequestExtensions(retry={"wiat": wait_transient()})  # E: typeddict-item reportArgumentType
    options: RetryOptions = {"stopp": stop_after_attempt(3)}  # E: typeddict-unknown-key reportAssignmentType
    extensions: RequestExtensions = {"retry": {"stopp": 3}}  # E: typeddict-item reportAssignmentType
    print(options, extensions)


def a_strategy_of_another_kind() -> None:
    RetryingTransport(wait=stop_after_attempt(3))  # E: arg-type reportArgumentType
    RetryingTransport(wait=retry_if_transient())  # E: arg-type reportArgumentType
    RetryingTransport(wait=tenacity.retry_if_result(bool))  # E: arg-type reportArgumentType
    RetryingTransport(wait=retry_if_transient() | retry_if_status(409))  # E: arg-type reportArgumentType
    RetryingTransport(stop=wait_fixed(1))  # E: arg-type reportArgumentType
    RetryingTransport(stop=wait_transient())  # E: arg-type reportArgumentType
    RetryingTransport(stop=retry_if_transient())  # E: arg-type reportArgumentType
    RetryingTransport(stop=tenacity.retry_if_exception_type(OSError))  # E: arg-type reportArgumentType
    RetryingTransport(stop=retry_if_transient() & retry_if_status(409))  # E: arg-type reportArgumentType
    RetryingTransport(retry=stop_after_attempt(3))  # E: arg-type reportArgumentType
    RetryingTransport(retry=stop_after_attempt(3) | stop_after_delay(3))  # E: arg-type reportArgumentType
    RetryingTransport(retry=wait_fixed(1))  # E: arg-type reportArgumentType
    RetryingTransport(before_sleep=wait_fixed(1))  # E: arg-type reportArgumentType
    ours2.RetryingTransport(stop=ours2.retry_if_transient())  # E: arg-type reportArgumentType
    ours2.RetryingTransport(wait=stop_after_attempt(3))  # E: arg-type reportArgumentType
    partial(RetryingTransport, stop=retry_if_transient())  # E: arg-type reportArgumentType
    standard_transport(retry={"stop": retry_if_transient()})  # E: call-overload reportArgumentType
    RetryOptions(wait=stop_after_attempt(3))  # E: typeddict-item reportArgumentType
    RetryOverrides(retry=stop_after_attempt(3))  # E: typeddict-item reportArgumentType
    wait_transient(failure=stop_after_attempt(3))  # E: arg-type reportArgumentType
    wait_transient(throttled=retry_if_transient())  # E: arg-type reportArgumentType


def no_strategy_at_all() -> None:
    def without_a_number(state: RetryState) -> str:
        return str(state.attempt_number)

    RetryingTransport(stop=3)  # E: arg-type reportArgumentType
    RetryingTransport(retry=httpx.ReadTimeout)  # E: arg-type reportArgumentType
    RetryingTransport(retry=retry_if_transient)  # E: arg-type reportArgumentType
    RetryingTransport(stop=stop_after_attempt)  # E: arg-type reportArgumentType
    RetryingTransport(wait=wait_fixed)  # E: arg-type reportArgumentType
    RetryingTransport(retry=lambda: True)  # E: misc,arg-type reportArgumentType
    RetryingTransport(retry=lambda state: state.status_code == 503)  # E: attr-defined reportAttributeAccessIssue,reportUnknownLambdaType,reportUnknownMemberType
    RetryingTransport(retry=lambda state: state.response.status_code == 503)  # E: union-attr reportOptionalMemberAccess
    RetryingTransport(stop=lambda state: state.attempt_number / 2)  # E: arg-type reportArgumentType
    RetryingTransport(wait=without_a_number)  # E: arg-type reportArgumentType


def a_string_for_several() -> None:
    Failover("https://a")  # E: arg-type reportArgumentType
    FailoverTransport(origins="https://a")  # E: arg-type reportArgumentType
    FailoverTransport(origins=["https://a"], also_strip="x-api-key")  # E: arg-type reportArgumentType
    standard_transport(failover="https://a")  # E: call-overload reportArgumentType
    HedgePolicy(methods="GET")  # E: arg-type reportArgumentType
    otel.TracingTransport(redact="key")  # E: arg-type reportArgumentType


def the_state_of_another_layer() -> None:
    CircuitBreakingTransport(None, AdaptiveThrottle())  # E: arg-type reportArgumentType
    ConcurrencyLimitingTransport(None, 100)  # E: arg-type reportArgumentType
    HedgingTransport(None, 0.2)  # E: arg-type reportArgumentType
    Credentials(lambda: 3, "https://a")  # E: arg-type,return-value reportArgumentType


def a_synchronous_client() -> None:
    httpx.Client(transport=HedgingTransport())  # E: arg-type reportArgumentType
    httpx2.Client(transport=ours2.HedgingTransport())  # E: arg-type reportArgumentType
    httpx.Client(transport=standard_transport(hedging=True))  # E: arg-type reportArgumentType
    httpx.Client(transport=standard_transport(hedging=HedgePolicy()))  # E: arg-type reportArgumentType
    httpx2.Client(transport=ours2.standard_transport(hedging=True))  # E: arg-type reportArgumentType


def the_other_library(client2: httpx2.Client, stage: Stage) -> None:
    tracing, faults = otel.TracingTransport(), httpx_resilient.testing.FaultInjectingTransport(None, 503)
    httpx.AsyncClient(transport=ours2.RetryingTransport())  # E: arg-type reportArgumentType
    httpx2.Client(transport=StageTransport(stage))  # E: arg-type reportArgumentType
    httpx2.Client(transport=tracing)  # E: arg-type reportArgumentType
    httpx2.Client(transport=faults)  # E: arg-type reportArgumentType
    RetryingTransport(httpx2.AsyncHTTPTransport())  # E: arg-type reportArgumentType
    RetryingTransport(limits=httpx2.Limits())  # E: arg-type reportArgumentType
    FailoverTransport(httpx2.HTTPTransport(), ["https://a"])  # E: arg-type reportArgumentType


def a_layer_that_is_none(client: httpx.Client) -> None:
    wrap(client, RetryingTransport())  # E: arg-type reportArgumentType
    wrap(client, httpx.Client)  # E: arg-type reportArgumentType
    wrap(client, ours2.RetryingTransport)  # E: arg-type reportArgumentType
    wrap(client)  # E: call-arg reportCallIssue


def a_subclass_with_another_signature() -> None:
    class Blocking(RetryingTransport):
        def handle_async_request(self, request: httpx.Request) -> httpx.Response: ...  # E: override,empty-body reportIncompatibleMethodOverride

    class Closed(RetryingTransport):
        async def close(self) -> Any: ...  # E: override reportIncompatibleMethodOverride

    print(Blocking, Closed)
