"""What a user may give for a layer of the standard stack, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, cast

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.idempotency import HeaderNames, idempotency_of
from httpx_resilient._core.keys import KeyFunction
from httpx_resilient._core.unknown_options import unknown_options
from httpx_resilient._core.validation import number
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
from httpx_resilient._layers.concurrency.limit import ConcurrencyLimit
from httpx_resilient._layers.failover.group import Failover
from httpx_resilient._layers.hedging.policy import HedgePolicy
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.throttle.throttle import AdaptiveThrottle
from httpx_resilient._stack.lazy import FAMILY
from httpx_resilient._transport.inner import HTTPOptions
from httpx_resilient._transport.recognition import is_transport, not_a_transport

_STATES: Mapping[str, Callable[..., Any]] = {
    "HedgingTransport": HedgePolicy,
    "ThrottlingTransport": AdaptiveThrottle,
    "CircuitBreakingTransport": CircuitBreaker,
    "RateLimitingTransport": RateLimit,
    "ConcurrencyLimitingTransport": ConcurrencyLimit,
}
"""The states by the names of their transports, each by origin or by another key."""

Layer = tuple[str, object, dict[str, Any]]
"""The name of a transport, the value given for it, and its further options."""


def check_given(inner: object, http: Mapping[str, object], binding: Any) -> None:
    """
    Refuse, in the words of `standard_transport`, what its layers would refuse.

    Args:
        inner: The inner transport, or `None`.
        http: The options that are not its own.
        binding: The module with `standard_transport`.

    Raises:
        TypeError: An option is unknown, or `inner` is not a transport.
    """
    function, known = binding.standard_transport, HTTPOptions.__annotations__
    if unknown := http.keys() - known:
        own = [each for each in signature(function).parameters if each != "http"]
        raise unknown_options(function.__name__, unknown, own, known)
    if inner is not None and not is_transport(inner):
        raise not_a_transport(inner, getattr(binding, FAMILY), function)


def check_seconds(**options: float | None) -> None:
    """
    Refuse limits of time that are none.

    Raises:
        TypeError: A limit is not a number.
        ValueError: A limit is out of range.
    """
    for name, seconds in options.items():
        if seconds is not None:
            number(name, seconds, above=0, unit="seconds")


def idempotency_options(header: HeaderNames | None, *, key: bool) -> dict[str, Any]:
    """
    Return the options of the layers that send a request more than once.

    Raises:
        TypeError: A name of a header is not a string.
        ValueError: A name of a header is not one.
    """
    idempotency_of(header, key)
    return {"idempotency_header": header, "idempotency_key": key}


def keyed(given: Any, kind: Callable[..., Any] | None, key: KeyFunction | None) -> Any:
    """Make the state of a layer if the user wants the default one, but with a key."""
    if given is not True or kind is None or key is None:
        return given
    return kind(key=key)


def group(given: Any, key: KeyFunction | None) -> Any:
    """Make the group of origins if the user has listed them, but with a key."""
    if key is None or not isinstance(given, Sequence):
        return given
    return Failover(cast("Sequence[str]", given), key=key)


def retries(
    given: object,
    budget: RetryBudget | None,
    key: KeyFunction | None,
    keys: Mapping[str, Any],
) -> tuple[bool, dict[str, Any]]:
    """Return whether there is a retry, and its options."""
    if given is not None and not isinstance(given, Mapping | bool):
        msg = (
            'retry must be options of RetryingTransport, such as {"stop": '
            f"stop_after_attempt(5)}}, or False to leave it out; got {given!r}"
        )
        raise TypeError(msg)
    own: Mapping[str, Any] = (
        cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}
    )
    is_chosen = given is not None and given is not False
    options = {"budget": budget or False, **keys, **own}
    return is_chosen, {**options, "budget": keyed(options["budget"], RetryBudget, key)}


def resuming(retry: object, budget: RetryBudget | None) -> dict[str, Any]:
    """Return the options of a resuming layer that those of the retry layer imply."""
    own: Mapping[str, Any] = (
        cast("Mapping[str, Any]", retry) if isinstance(retry, Mapping) else {}
    )
    budget = own.get("budget", budget)
    return {"budget": budget or False, "complete": own.get("complete", True)}


def nested(
    binding: Any,
    outside_in: list[Layer],
    inner: Any,
    key: KeyFunction | None,
    on_event: Listener | None,
    http: dict[str, Any],
) -> Any:
    """
    Put the layers that are chosen around an inner transport.

    Raises:
        ValueError: None is chosen.
    """
    chosen = [
        (name, keyed(given, _STATES.get(name), key), options)
        for name, given, options in outside_in
        if given is not None and given is not False
    ]
    if not chosen:
        msg = "every layer is left out: use the inner transport itself"
        raise ValueError(msg)
    redact = http.pop("redact", None)
    shared = {"on_event": on_event} | ({} if redact is None else {"redact": redact})
    for name, given, options in reversed(chosen):
        layer = getattr(binding, name)
        state = () if given is True else (given,)
        inner = layer(inner, *state, **shared, **options, **http)
        http = {}  # those of the innermost layer
    return inner
