"""
Retry strategies for HTTP, in tenacity's form.

They combine with each other and with tenacity's own by `|` and `&`. A decision is pure:
it reads the `RetryState` only, and writes only to its texts.
"""

from __future__ import annotations

from typing import Any, cast

from tenacity.retry import retry_base

from httpx_resilient._core.classify import (
    ALWAYS,
    IF_IDEMPOTENT,
    classify_error,
    classify_status,
)
from httpx_resilient._core.described import Described
from httpx_resilient._core.methods import (
    IDEMPOTENT_METHODS,
    condition_of,
    spelled,
)
from httpx_resilient._core.public import public
from httpx_resilient._core.validation import TOKEN
from httpx_resilient._layers.retry.state import RetryState


@public()
class retry_if_idempotent(Described, retry_base):  # noqa: N801 - tenacity's strategies are named as functions are
    """
    Retry if the request may be repeated without harm.

    A request may be repeated if its method is GET, HEAD, OPTIONS, TRACE, PUT, DELETE or
    QUERY (RFC 9110 §9.2.2, RFC 10008), or if it carries an idempotency key, see
    `idempotency_header` of the `RetryingTransport`.

    Args:
        extra_methods: Methods that this server handles idempotently too.

    Raises:
        TypeError: A method is not a string.
        ValueError: A method is not a token as HTTP defines it, or a misspelt one.

    Example:
        >>> strategy = retry_if_status(520, 522) & retry_if_idempotent()
        >>> transport = RetryingTransport(retry=strategy)
    """

    def __init__(self, *extra_methods: str) -> None:
        self.methods: frozenset[str] = _with_idempotent(extra_methods)

    def __call__(self, retry_state: Any) -> bool:
        return _is_repeatable(retry_state, self.methods)


@public()
class retry_if_status(Described, retry_base):  # noqa: N801 - tenacity's strategies are named as functions are
    """
    Retry if the response has one of these status codes, whatever the method.

    Args:
        status_codes: From 100 to 599.

    Raises:
        TypeError: No status code was given, or one is not an integer.
        ValueError: A status code is out of range.

    Example:
        >>> strategy = retry_if_transient() | retry_if_status(409)
        >>> transport = RetryingTransport(retry=strategy)
    """

    def __init__(self, *status_codes: int) -> None:
        if not status_codes:
            msg = "name the status codes to retry, as in retry_if_status(429, 503)"
            raise TypeError(msg)
        for code in status_codes:
            if not isinstance(code, int) or not 100 <= code <= 599:
                msg = (
                    f"a status code is an integer from 100 to 599; got {code!r}"
                    f"{_instead_of_code(code)}"
                )
                raise (ValueError if isinstance(code, int) else TypeError)(msg)
        self.status_codes: frozenset[int] = frozenset(status_codes)

    def __call__(self, retry_state: Any) -> bool:
        state: RetryState[Any, Any] = retry_state
        response = state.response
        return response is not None and response.status_code in self.status_codes


@public()
class retry_if_transient(Described, retry_base):  # noqa: N801 - tenacity's strategies are named as functions are
    """
    Retry a failure that is likely to be over soon, if the request is safe to repeat.

    * Whatever the method: a request that was certainly not processed. Connect errors
      and timeouts (but not a certificate that was refused), tunnels that a proxy did
      not open for now, HTTP/2 streams that the server refused, 425, 429, 449, 529, and
      answers whose headers prove it, such as 403 with `Retry-After`.
    * Only a request that may be repeated, as `retry_if_idempotent` defines it: timeouts
      and broken connections, before the response's headers or in a body that is read
      whole, 408, and 5xx except 501, 505, 511 and 526.
    * The server decides for any failure that it answers: `x-should-retry: false` or
      `Stripe-Should-Retry: false` stops, `true` allows. So do hints in its body, if
      `hints_in_body` reads them.

    Args:
        extra_methods: Methods to treat as idempotent too. APIs of language models
            accept nothing but POST: `retry_if_transient("POST")`.

    Raises:
        TypeError: A method is not a string.
        ValueError: A method is not a token as HTTP defines it, or a misspelt one.

    Example:
        >>> transport = RetryingTransport(retry=retry_if_transient("POST"))
    """

    def __init__(self, *extra_methods: str) -> None:
        self.methods: frozenset[str] = _with_idempotent(extra_methods)

    def __call__(self, retry_state: Any) -> bool:
        state: RetryState[Any, Any] = retry_state
        if state.response is not None:
            retryability = classify_status(state.response.status_code)
            hints = state.hints
            if hints.should_retry is not None:
                answer = str(hints.should_retry).lower()
                state.reason = f"{state.reason}, {hints.verdict_of}: {answer}"
                return hints.should_retry
            if hints.unprocessed:
                retryability = ALWAYS
        else:
            retryability = classify_error(state.error, state.family)
        if retryability is IF_IDEMPOTENT:
            if _is_repeatable(state, self.methods):
                condition = condition_of(state.request)
                if condition is not None:
                    state.reason += f", and maybe processed: {condition} may fail now"
                return True
            state.refusal = f"{state.request.method} is not idempotent"
            return False
        return retryability is ALWAYS


def _instead_of_code(given: object) -> str:
    """Return what to give instead of several status codes in one argument."""
    shown, codes = "", cast("Any", given)
    if isinstance(given, range):
        shown = f"*{given!r}"
    elif isinstance(given, list | tuple | set | frozenset):
        shown = ", ".join(map(str, codes))
    elif isinstance(given, str) and given[:1].isdigit():
        first = int(given[0])
        is_class = given[1:].lower() == "xx"
        shown = f"*range({first}00, {first + 1}00)" if is_class else given
    return f": give retry_if_status({shown})" if shown else ""


def _with_idempotent(extra_methods: tuple[str, ...]) -> frozenset[str]:
    """Add methods to the idempotent ones."""
    for method in extra_methods:
        if not isinstance(method, str) or not TOKEN.fullmatch(method):
            msg = f"a method must be a token such as 'POST'; got {method!r}"
            raise (ValueError if isinstance(method, str) else TypeError)(msg)
    return IDEMPOTENT_METHODS | {spelled(method) for method in extra_methods}


def _is_repeatable(state: RetryState[Any, Any], methods: frozenset[str]) -> bool:
    return state.request.method in methods or state.has_idempotency_key
