"""The retry policy: tenacity strategies, checked once, and the decision they make."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

import tenacity
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from httpx_resilient._budget.budget import RetryBudget, budget_of
from httpx_resilient._budget.token_bucket import RETRIES
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.validation import is_asynchronous
from httpx_resilient._layers.retry.bounds import lowest_retryable_status, max_attempts
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.strategies import wait_transient

_STRATEGIES = (retry_base, wait_base, stop_base)
_OPTIONAL = ("before_sleep", "body_factory")
_MAY_BE_NEGATIVE = ("start", "increment")

RetryStrategy = Callable[[RetryState[RequestT, ResponseT]], bool | Awaitable[bool]]
WaitStrategy = Callable[[RetryState[RequestT, ResponseT]], float | Awaitable[float]]
StopStrategy = Callable[[RetryState[RequestT, ResponseT]], bool | Awaitable[bool]]
Hook = Callable[[RetryState[RequestT, ResponseT]], Awaitable[None] | None]

_EXAMPLES = {
    "retry": "retry_if_transient()",
    "wait": "wait_transient(), or tenacity.wait_none() for no wait",
    "stop": "tenacity.stop_after_attempt(3)",
    "before_sleep": "a function that takes the RetryState",
    "body_factory": "a function without arguments that returns the body",
}


_ERROR = 400
"""Status codes from here on tell of a success only by a second look."""

_SETTLED = frozenset({bool, float, int})
"""What strategies answer, unless they are asynchronous."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """
    What decides after a failed attempt. Frozen, and shared by all requests.

    Args:
        retry: Whether an outcome is worth another attempt.
        wait: Seconds before it; `math.inf` for never.
        stop: Whether to give up instead.
        before_sleep: Called when another attempt is certain, with the outcome unread.
        buffer_request_body: Bytes of a one-shot body to keep for another attempt.
        body_factory: Makes the body anew for another attempt.
        budget: What pays for it, if it must be paid for.
    """

    retry: RetryStrategy[Any, Any]
    wait: WaitStrategy[Any, Any]
    stop: StopStrategy[Any, Any]
    before_sleep: Hook[Any, Any] | None = None
    buffer_request_body: int = 0
    body_factory: Callable[[], object] | None = None
    budget: RetryBudget | None = None

    beyond: float = field(init=False)
    lowest_retryable_status: float = field(init=False)
    asynchronous: str | None = field(init=False)
    controller: tenacity.BaseRetrying = field(init=False)

    def __post_init__(self) -> None:
        limit = self.buffer_request_body
        if isinstance(limit, bool) or not isinstance(limit, int):
            msg = f"buffer_request_body is a whole number of bytes, got {limit!r}"
            raise TypeError(msg)
        if limit < 0:
            msg = f"buffer_request_body is 0 or more bytes, got {limit!r}"
            raise ValueError(msg)
        asynchronous = None
        for name, example in _EXAMPLES.items():
            strategy = getattr(self, name)
            if strategy is None and name in _OPTIONAL:
                continue
            _check(name, strategy, example)
            if is_asynchronous(strategy):
                asynchronous = name
        derive = functools.partial(object.__setattr__, self)
        derive("asynchronous", asynchronous)
        derive("beyond", max(max_attempts(self.stop) - 1 - RETRIES, 0))
        derive(
            "lowest_retryable_status", min(lowest_retryable_status(self.retry), _ERROR)
        )
        # Never run: hooks written for tenacity look their strategies up in it.
        strategies: dict[str, Any] = {
            "retry": self.retry,
            "wait": self.wait,
            "stop": self.stop,
        }
        derive("controller", tenacity.Retrying(**strategies))

    def refuse_asynchronous(self) -> None:
        """
        Refuse what is asynchronous, in a synchronous client.

        Raises:
            TypeError: A strategy or a hook is.
        """
        if self.asynchronous is not None:
            msg = (
                f"{self.asynchronous} is asynchronous and cannot be awaited in a "
                "synchronous client: give a synchronous one, or use an AsyncClient"
            )
            raise TypeError(msg)

    def merged(self, options: object) -> RetryPolicy:
        """
        Change some of it for one request.

        Raises:
            TypeError: `options` is no mapping, or names something else.
        """
        known = sorted(f.name for f in fields(self) if f.init)
        if not isinstance(options, Mapping):
            msg = (
                'extensions["retry"] is False, or a dict with some of '
                f"{', '.join(known)}; got {options!r}"
            )
            raise TypeError(msg)
        changes = dict(cast("Mapping[str, Any]", options))
        if unknown := [key for key in changes if key not in known]:
            msg = (
                f'unknown in extensions["retry"]: {", ".join(map(repr, unknown))}; '
                f"known are {', '.join(known)}"
            )
            raise TypeError(msg)
        if "budget" in changes:
            changes["budget"] = budget_of(changes["budget"], self.budget)
        return replace(self, **changes)

    async def decide(
        self, state: RetryState[Any, Any], settle: Callable[[Any], Awaitable[Any]]
    ) -> float | None:
        """
        Say how many seconds to wait before the next attempt, or `None` to stop here.

        In tenacity's order: retry, wait, stop. A strategy that is asynchronous gives
        an awaitable, and `settle` awaits it.

        Raises:
            ValueError: A strategy asks to wait for what is not a number of seconds.
        """
        retry = self.retry(state)
        if not (retry if type(retry) in _SETTLED else await settle(retry)):
            state.reason += state.refusal
            return None
        state.worth_retrying = True
        if state.attempt_number == 1 and state.is_sdk_retry:
            state.reason += ", and the SDK is retrying already"
            return None
        wait: Any = self.wait(state)
        delay = float(wait if type(wait) in _SETTLED else await settle(wait))
        if delay == math.inf:
            return None
        if not delay >= 0:
            msg = f"wait gave {delay!r}: give seconds, 0 or more, or math.inf for never"
            raise ValueError(msg)
        state.upcoming_sleep = delay
        stop = self.stop(state)
        return (
            None if (stop if type(stop) in _SETTLED else await settle(stop)) else delay
        )


def _check(name: str, strategy: Any, example: str) -> None:
    """Refuse what would fail, or be ignored, only once a request has failed."""
    if inspect.isclass(strategy) and issubclass(strategy, _STRATEGIES):
        msg = f"{name} is the class {strategy.__name__}: give an instance of it"
        raise TypeError(msg)
    if not callable(strategy):
        msg = f"{name} must be callable, such as {example}; got {strategy!r}"
        raise TypeError(msg)
    if isinstance(strategy, tenacity.retry_if_exception_type):
        _check_types(strategy.exception_types)
    settings = getattr(strategy, "__dict__", {})
    if type(strategy).__module__.startswith("tenacity."):
        for setting, value in settings.items():
            if not isinstance(value, (int, float)) or setting in _MAY_BE_NEGATIVE:
                continue
            if not value >= 0:
                msg = (
                    f"{type(strategy).__name__}: {setting} is {value!r}, not 0 or more"
                )
                raise ValueError(msg)
    for part in _parts(strategy):
        _check(name, part, example)
        if is_asynchronous(part) and not is_asynchronous(strategy):
            msg = (
                f"{name}: {part!r} is asynchronous and {type(strategy).__name__} would "
                "not await it: combine with tenacity.asyncio, or in one async function"
            )
            raise TypeError(msg)


def _check_types(types: type[BaseException] | tuple[type[BaseException], ...]) -> None:
    for kind in types if isinstance(types, tuple) else (types,):
        if kind.__name__ == "HTTPStatusError":
            msg = (
                "HTTPStatusError is raised by raise_for_status(), not by a transport. "
                "retry_if_status(502, 503) asks for responses with these statuses"
            )
            raise TypeError(msg)


def _parts(strategy: Any) -> Iterator[Any]:
    for combined in ("retries", "stops", "wait_funcs", "strategies"):
        yield from getattr(strategy, combined, ())
    if isinstance(strategy, wait_transient):
        yield from (strategy.failure, strategy.throttled)
