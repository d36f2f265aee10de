"""The options of retries as dicts whose keys type checkers know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypedDict

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.public import public
from httpx_resilient._layers.retry.body_hints import hints_in_body
from httpx_resilient._layers.retry.strategy_types import (
    Hook,
    RetryStrategy,
    StopStrategy,
    WaitStrategy,
)


@public()
class RetryOptions(TypedDict, Generic[RequestT, ResponseT], total=False):
    """
    The options that `standard_transport(retry=...)` passes to `RetryingTransport`.

    At run time it is a plain `dict`. A type checker refuses a key that does not exist.

    Example:
        >>> from tenacity import stop_after_attempt
        >>> patient: RetryOptions = {"stop": stop_after_attempt(10)}
        >>> transport = standard_transport(retry=patient, deadline=600)
    """

    retry: RetryStrategy[RequestT, ResponseT]
    wait: WaitStrategy[RequestT, ResponseT]
    stop: StopStrategy[RequestT, ResponseT]
    before_sleep: Hook[RequestT, ResponseT] | None
    buffer_request_body: int
    budget: RetryBudget | bool
    body_hints: hints_in_body | None
    retry_response_body: bool
    complete: bool


@public()
class RetryOverrides(RetryOptions[RequestT, ResponseT], total=False):
    """
    The options that one request may change, in `extensions={"retry": {...}}`.

    These are all `RetryOptions`, and `body_factory`, which makes the body again for
    every further attempt.

    Example:
        >>> import httpx
        >>> rows = RetryOverrides(body_factory=lambda: iter([b"first", b"second"]))
        >>> with httpx.Client(transport=RetryingTransport()) as client:
        ...     request = client.build_request(
        ...         "PUT",
        ...         "https://api.example.com/rows",
        ...         content=iter([b"first", b"second"]),
        ...         extensions={"retry": rows},
        ...     )
    """

    body_factory: Callable[[], object] | None
