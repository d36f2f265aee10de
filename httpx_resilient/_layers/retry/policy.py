"""The retry policy: tenacity strategies, checked once, and the decision they make."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import InitVar, dataclass, field, fields, replace
from typing import Any, cast

import tenacity

from httpx_resilient._budget.budget import RetryBudget, budget_of
from httpx_resilient._budget.token_bucket import DEFAULT_RETRIES
from httpx_resilient._core.idle_failure import was_idle
from httpx_resilient._core.methods import is_sdk_retry
from httpx_resilient._core.unknown_options import unknown_options
from httpx_resilient._core.validation import check_switch, is_asynchronous
from httpx_resilient._layers.retry.body_hints import check_body_hints, hints_in_body
from httpx_resilient._layers.retry.bounds import lowest_retryable_status, max_attempts
from httpx_resilient._layers.retry.checks import (
    check_buffer_limit,
    check_strategy,
)
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.strategy_types import (
    Hook,
    RetryStrategy,
    StopStrategy,
    WaitStrategy,
)
from httpx_resilient._layers.retry.successes import repeats_success

_EXAMPLES = {
    "retry": "retry_if_transient()",
    "wait": "wait_transient(), or tenacity.wait_none() for no wait",
    "stop": "tenacity.stop_after_attempt(3)",
    "before_sleep": "a function that takes the RetryState",
    "body_factory": "a function without arguments that returns the body",
}
"""The callable parts of a policy, with an example of each for error messages."""

_OPTIONAL = ("before_sleep", "body_factory")
_SWITCHES = ("retry_response_body", "complete")

_LOWEST_ERROR = 400
"""The fast path counts its responses as successes, so it ends below the errors."""

IDLE = ", on a connection that had been idle"

_PLAIN = frozenset({bool, float, int})
"""The classes of a plain answer. Any other answer may be awaitable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """
    The strategies that decide after a failed attempt. Frozen, shared by all requests.

    Args:
        retry: Whether an outcome is worth another attempt.
        wait: Seconds before the next attempt; `math.inf` for never.
        stop: Whether to give up instead.
        before_sleep: Called when another attempt is certain, with the outcome unread.
        buffer_request_body: Bytes of a one-shot body to buffer for another attempt.
        body_factory: Makes the body again for another attempt.
        budget: The budget that retries are charged to, or `None`.
        body_hints: Reads hints in bodies before the strategies are asked, or `None`.
        retry_response_body: Whether a body that breaks while it is read whole is a
            failed attempt.
        complete: Whether an encoded body that ends early is a broken one.
        checked: Another policy, whose strategies need no second check.

    Raises:
        TypeError: A strategy is not callable, or cannot work.
        ValueError: A number is negative or not a number (NaN).
    """

    retry: RetryStrategy[Any, Any]
    wait: WaitStrategy[Any, Any]
    stop: StopStrategy[Any, Any]
    before_sleep: Hook[Any, Any] | None = None
    buffer_request_body: int = 0
    body_factory: Callable[[], object] | None = None
    budget: RetryBudget | None = None
    body_hints: hints_in_body | None = None
    retry_response_body: bool = True
    complete: bool = True
    checked: InitVar[RetryPolicy | None] = None

    lowest_retryable_status: float = field(init=False)
    """The status code below which a response is final without a decision."""
    overdraft: float = field(init=False)
    """Retries above the usual number, by which a request may overdraw its budget."""
    asynchronous_part: str | None = field(init=False)
    """The name of an asynchronous strategy or hook, or `None`."""
    controller: tenacity.BaseRetrying = field(init=False)
    """A tenacity object that never runs: hooks look up the strategies in it."""

    def __post_init__(self, checked: RetryPolicy | None) -> None:
        check_buffer_limit(self.buffer_request_body)
        check_body_hints(self.body_hints)
        for each in _SWITCHES:
            check_switch(each, getattr(self, each))
        for name, example in _EXAMPLES.items():
            strategy = getattr(self, name)
            if checked is not None and strategy is getattr(checked, name):
                continue
            if strategy is not None or name not in _OPTIONAL:
                check_strategy(name, strategy, example)

        strategies: dict[str, Any]
        strategies = {"retry": self.retry, "wait": self.wait, "stop": self.stop}
        asynchronous = [
            each for each in _EXAMPLES if is_asynchronous(getattr(self, each))
        ]
        self._set(
            lowest_retryable_status=min(
                lowest_retryable_status(self.retry),
                _LOWEST_ERROR
                if self.body_hints is None
                else self.body_hints.lowest_status,
                _LOWEST_ERROR,
            ),
            overdraft=max(max_attempts(self.stop) - 1 - DEFAULT_RETRIES, 0),
            asynchronous_part=asynchronous[-1] if asynchronous else None,
            controller=tenacity.Retrying(**strategies),
        )

    def _set(self, **derived: object) -> None:
        """Set derived fields: a frozen dataclass does not allow an assignment."""
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def refuse_asynchronous(self) -> None:
        """
        Refuse asynchronous strategies and hooks, for a synchronous client.

        Raises:
            TypeError: A strategy or a hook is asynchronous.
        """
        if self.asynchronous_part is not None:
            msg = (
                f"{self.asynchronous_part} is asynchronous and cannot be awaited in a "
                "synchronous client: give a synchronous one, or use an AsyncClient"
            )
            raise TypeError(msg)

    def merged(self, options: object) -> RetryPolicy:
        """
        Return the policy of one request: this one with some parts replaced.

        Raises:
            TypeError: `options` is not a mapping, or names an unknown part.
        """
        known = [each.name for each in fields(self) if each.init]
        owner = 'extensions["retry"]'
        if not isinstance(options, Mapping):
            msg = (
                f"{owner} must be False, or a dict with any of {', '.join(known)}; "
                f"got {options!r}"
            )
            raise TypeError(msg)
        changes = dict(cast("Mapping[str, Any]", options))
        if unknown := changes.keys() - known:
            raise unknown_options(owner, map(str, unknown), known)
        if "budget" in changes:
            changes["budget"] = budget_of(changes["budget"], self.budget)
        return replace(self, checked=self, **changes)

    async def decide(
        self, state: RetryState[Any, Any], settle: Callable[[Any], Awaitable[Any]]
    ) -> float | None:
        """
        Return the seconds to wait before the next attempt, or `None` to stop here.

        The strategies are called in tenacity's order: retry, wait, stop. A response
        below 400 is a success: only a strategy that has read it repeats it.

        Args:
            state: The state, with the outcome of the last attempt.
            settle: Awaits the answer of an asynchronous strategy.

        Raises:
            TypeError: The wait strategy returned no number.
            ValueError: It returned a negative number or NaN.
        """
        if state.is_success:
            repeat: Any = await repeats_success(self.retry, state, settle)
        else:
            repeat = self.retry(state)
        if not (repeat if type(repeat) in _PLAIN else await settle(repeat)):
            if state.refusal:
                state.reason += f", and {state.refusal}"
            return None
        state.worth_retrying = True
        if state.attempt_number == 1 and is_sdk_retry(state.request):
            state.reason += ", and the SDK is retrying already"
            return None
        if was_idle(state.error):
            state.reason += IDLE
            delay = 0.0
        else:
            wait: Any = self.wait(state)
            delay = _seconds(wait if type(wait) in _PLAIN else await settle(wait))
        if delay == math.inf:
            return None
        state.upcoming_sleep = delay
        stop = self.stop(state)
        return None if (stop if type(stop) in _PLAIN else await settle(stop)) else delay


def _seconds(wait: Any) -> float:
    """Check what a wait strategy has returned."""
    is_number = hasattr(wait, "__float__") and not isinstance(wait, bool)
    if is_number and wait >= 0:
        return float(wait)
    msg = f"wait must return seconds, 0 or more, or math.inf for never; got {wait!r}"
    raise (ValueError if is_number else TypeError)(msg)
