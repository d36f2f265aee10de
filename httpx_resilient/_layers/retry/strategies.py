"""
tenacity strategies that know HTTP.

They combine with each other and with tenacity's own by `|`, `&` and `+`. Decisions
are pure: all they read is the `RetryState`, all they write is its `reason`.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any, cast

import tenacity
from tenacity.retry import retry_base
from tenacity.wait import WaitBaseT, wait_base

from httpx_resilient._core.classify import (
    ALWAYS,
    IF_IDEMPOTENT,
    classify_error,
    classify_status,
)
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.methods import IDEMPOTENT_METHODS
from httpx_resilient._core.public import public
from httpx_resilient._core.validation import TOKEN

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from httpx_resilient._layers.retry.state import RetryState


_THROTTLED = 429
_UNAVAILABLE = 503


def _methods(extra: tuple[str, ...]) -> frozenset[str]:
    for method in extra:
        if not isinstance(method, str) or not TOKEN.fullmatch(method):
            msg = f"a method is a word such as 'POST', got {method!r}"
            raise (ValueError if isinstance(method, str) else TypeError)(msg)
    return IDEMPOTENT_METHODS | {method.upper() for method in extra}


def _may_be_repeated(state: RetryState[Any, Any], methods: frozenset[str]) -> bool:
    return state.request.method in methods or state.has_idempotency_key


@public()
class retry_if_idempotent(retry_base):  # noqa: N801 - tenacity's idiom
    """
    Retry if the request may be repeated without harm.

    That is: its method is GET, HEAD, OPTIONS, TRACE, PUT, DELETE or QUERY (RFC 9110
    §9.2.2, RFC 10008), or it carries an `Idempotency-Key` header.

    Args:
        extra_methods: Methods that this server handles idempotently too.

    Raises:
        TypeError: A method is not a string.
        ValueError: A method is not a word that HTTP allows.

    Example:
        >>> RetryingTransport(retry=retry_if_status(520, 522) & retry_if_idempotent())
        <RetryingTransport>
    """

    def __init__(self, *extra_methods: str) -> None:
        self.methods: frozenset[str] = _methods(extra_methods)

    def __call__(self, retry_state: RetryCallState) -> bool:
        return _may_be_repeated(cast("RetryState[Any, Any]", retry_state), self.methods)


@public()
class retry_if_status(retry_base):  # noqa: N801 - tenacity's idiom
    """
    Retry if the response has one of these status codes, whatever the method.

    Args:
        status_codes: From 100 to 599.

    Raises:
        TypeError: No status code was given, or one is not an integer.
        ValueError: A status code is out of range.

    Example:
        >>> RetryingTransport(retry=retry_if_transient() | retry_if_status(409))
        <RetryingTransport>
    """

    def __init__(self, *status_codes: int) -> None:
        if not status_codes:
            msg = "name the status codes to retry: retry_if_status(429, 503)"
            raise TypeError(msg)
        for code in status_codes:
            if not isinstance(code, int) or not 100 <= code <= 599:
                msg = f"a status code is an integer from 100 to 599, got {code!r}"
                raise (ValueError if isinstance(code, int) else TypeError)(msg)
        self.status_codes: frozenset[int] = frozenset(status_codes)

    def __call__(self, retry_state: RetryCallState) -> bool:
        response = cast("RetryState[Any, Any]", retry_state).response
        return response is not None and response.status_code in self.status_codes


@public()
class retry_if_transient(retry_base):  # noqa: N801 - tenacity's idiom
    """
    Retry what is likely to go well a moment later, and safe to send again.

    * Whatever the method: what was certainly not processed. Connect errors and timeouts
      (but no certificate that was refused), HTTP/2 streams that the server refused,
      425 and 429.
    * Requests that may be repeated, as `retry_if_idempotent` says: timeouts and broken
      connections before the response's headers, 408, and 5xx but 501, 505 and 511.
    * The server's own word is final: `x-should-retry: false` stops, `true` allows.

    Args:
        extra_methods: Methods to treat as idempotent too. APIs of language models
            answer to nothing but POST: `retry_if_transient("POST")`.

    Raises:
        TypeError: A method is not a string.
        ValueError: A method is not a word that HTTP allows.

    Example:
        >>> RetryingTransport(retry=retry_if_transient("POST"))
        <RetryingTransport>
    """

    def __init__(self, *extra_methods: str) -> None:
        self.methods: frozenset[str] = _methods(extra_methods)

    def __call__(self, retry_state: RetryCallState) -> bool:
        state: Any = retry_state  # a cast would be a call
        if state.response is not None:
            status: int = state.response.status_code
            evidence = classify_status(status)
            told: bool | None = state.hints.should_retry if status >= 400 else None
            if told is not None:
                state.reason = f"{state.reason}, x-should-retry: {str(told).lower()}"
                return told
        else:
            evidence = classify_error(state.error, state.family)
        if evidence is IF_IDEMPOTENT:
            if _may_be_repeated(state, self.methods):
                return True
            state.refusal = f", and {state.request.method} is not idempotent"
            return False
        return evidence is ALWAYS


def _seconds(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"{name} is a number of seconds, got {value!r}"
        raise TypeError(msg)
    if not value >= 0:
        msg = f"{name} is a number of seconds, 0 or more, got {value!r}"
        raise ValueError(msg)
    return float(value)


@public()
class wait_retry_after(wait_base):  # noqa: N801 - tenacity's idiom
    """
    Wait as long as the server said, and a little longer; 0 s if it said nothing.

    `Retry-After`, `retry-after-ms` and `x-ms-retry-after-ms` are understood, and the
    `retry_after` of what a layer inside has raised instead of sending, such as
    `CircuitOpen`. Never earlier than told: up to a tenth is added at random, 5 s at
    most, because clients that were turned away together would else come back together.

    Add a backoff of your own for responses that say nothing.

    Args:
        max_retry_after: Seconds. If the server asks for more, no attempt is made and
            the response is returned at once: to come back earlier than told is a
            certain failure, to sleep for hours a surprise.

    Raises:
        TypeError: `max_retry_after` is not a number.
        ValueError: `max_retry_after` is negative or not a number.

    Example:
        >>> from tenacity import wait_fixed
        >>> RetryingTransport(wait=wait_retry_after(20) + wait_fixed(1))
        <RetryingTransport>
    """

    def __init__(self, max_retry_after: float = 60.0) -> None:
        self.max_retry_after: float = _seconds("max_retry_after", max_retry_after)

    def __call__(self, retry_state: RetryCallState) -> float:
        state = cast("RetryState[Any, Any]", retry_state)
        told, says = state.hints.retry_after, "Retry-After"
        if told is None and isinstance(state.error, Refusal):
            told, says = state.error.retry_after, "retry after"
        if told is None:
            return 0.0
        state.reason += f", {says} {told:.4g} s"
        if told > self.max_retry_after:
            state.reason += f" is above {self.max_retry_after:.4g} s"
            return math.inf
        return told + random.uniform(0, min(told / 10, 5))  # noqa: S311 - jitter


@public()
class wait_transient(wait_base):  # noqa: N801 - tenacity's idiom
    """
    Back off briefly from a failure, longer from a server that is throttling.

    429, and 503 with a `Retry-After`, say that there are too many requests: to come
    back soon makes it worse. Any other failure is likely to be over in a moment. Both
    backoffs are exponential with full jitter, which needs the fewest calls of all
    published schemes (Brooker, "Exponential Backoff And Jitter", AWS, 2015). What the
    server asks for is kept as by `wait_retry_after`: the longer of the two counts.

    Args:
        failure: The wait after a failure: up to 0.1 s, then 0.2 s, 0.4 s ... 5 s.
        throttled: The wait when throttled: up to 1 s, then 2 s, 4 s ... 20 s. `None`
            for the same as after a failure.
        max_retry_after: Seconds, as for `wait_retry_after`.

    Raises:
        TypeError: A wait is not callable, or `max_retry_after` is not a number.
        ValueError: `max_retry_after` is negative or not a number.

    Example:
        >>> from tenacity import wait_random_exponential
        >>> RetryingTransport(
        ...     wait=wait_transient(
        ...         failure=wait_random_exponential(multiplier=0.5, max=10),
        ...         max_retry_after=120,
        ...     )
        ... )
        <RetryingTransport>
    """

    def __init__(
        self,
        failure: WaitBaseT = tenacity.wait_random_exponential(multiplier=0.1, max=5),
        throttled: WaitBaseT | None = tenacity.wait_random_exponential(
            multiplier=1, max=20
        ),
        max_retry_after: float = 60.0,
    ) -> None:
        throttled = failure if throttled is None else throttled
        for name, wait in (("failure", failure), ("throttled", throttled)):
            if not callable(wait):
                msg = f"{name} is a tenacity wait such as wait_fixed(1), got {wait!r}"
                raise TypeError(msg)
        self.failure = failure
        self.throttled = throttled
        self.server: wait_retry_after = wait_retry_after(max_retry_after)

    def __call__(self, retry_state: RetryCallState) -> float:
        state = cast("RetryState[Any, Any]", retry_state)
        told = self.server(state)
        status = None if state.response is None else state.response.status_code
        throttled = status == _THROTTLED or (status == _UNAVAILABLE and told > 0)
        return max(told, (self.throttled if throttled else self.failure)(state))
