"""One request's way through its attempts, in the form tenacity's strategies read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic

import tenacity

from httpx_resilient._core.attempts import (
    KEY,
    QUEUED,
    SENDS,
    Attempt,
    Left,
    Record,
    attempts_in,
    left_between,
    mark,
    marks,
)
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.methods import has_idempotency_key
from httpx_resilient._core.origin import safe_url
from httpx_resilient._core.public import public
from httpx_resilient._core.retry_after import Hints, hints_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from httpx_resilient._budget.budget import Account
    from httpx_resilient._core.body.replay import Body
    from httpx_resilient._core.context import Resending
    from httpx_resilient._layers.retry.policy import RetryPolicy

_NOTHING = Left(-math.inf, None)

_COUNTS_OF_SDKS = (b"x-stainless-retry-count", b"x-retry-count")
"""How often an SDK has tried already: openai and its kin; postgrest, supabase."""


class Outcome(tenacity.Future):
    """
    The outcome of an attempt, as tenacity's strategies read it.

    A `concurrent.futures.Future` with its lock costs 2 µs to build, and strategies ask
    it for three things only. The rest of it comes to be when it is first asked for.
    """

    def __init__(self, number: int, value: object, error: Exception | None) -> None:
        self.attempt_number = number
        self._value = value
        self._error = error

    @property
    def failed(self) -> bool:
        return self._error is not None

    def exception(self, timeout: float | None = None) -> Exception | None:  # noqa: ARG002 - it is known already
        return self._error

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - it is known already
        if self._error is not None:
            raise self._error
        return self._value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_condition" in vars(self):
            raise AttributeError(name)
        super().__init__(self.attempt_number)
        if self._error is not None:
            self.set_exception(self._error)
        else:
            self.set_result(self._value)
        return getattr(self, name)


@public()
class RetryState(tenacity.RetryCallState, Generic[RequestT, ResponseT]):
    """
    What strategies and hooks are given: tenacity's `RetryCallState`, and HTTP.

    Args:
        request: The request, as the caller made it.
        body: How its body is sent again; `None` if the request just is.
        policy: The strategies that decide about it.
        family: The library it belongs to.
        start_time: Monotonic seconds when the first attempt was sent.
        wall_time: Seconds since the epoch, on demand.

    Besides tenacity's attributes it has `request`; `response` or `error`, whichever the
    attempt ended with; `attempts`, the history so far; and `reason`, a text that
    strategies may add to.

    Example:
        >>> def report(state: RetryState) -> None:
        ...     print(state.attempt_number, state.reason, state.upcoming_sleep)
        >>> RetryingTransport(before_sleep=report)
        <RetryingTransport>
    """

    # Not set on each: CPython lets instances share the names of 30 attributes, no more.
    fn = None

    def __init__(
        self,
        request: RequestT,
        body: Body[RequestT] | None,
        policy: RetryPolicy,
        family: Family,
        start_time: float,
        wall_time: Callable[[], float],
    ) -> None:
        # Not tenacity's own __init__: it would read a clock that is not ours.
        self.start_time = start_time
        self.retry_object: tenacity.BaseRetrying = policy.controller
        self.args: tuple[RequestT] = (request,)
        self.kwargs: dict[str, Any] = {}
        self.attempt_number: int = 1
        self.outcome_timestamp = None
        self.idle_for: float = 0.0
        self.next_action: tenacity.RetryAction | None = None
        self.upcoming_sleep: float = 0.0

        self.request = request
        self.body = body
        self.policy = policy
        self.family = family
        self.response: ResponseT | None = None
        self.error: Exception | None = None
        self._records: list[Record] = []
        self.reason: str = ""
        self.refusal: str = ""
        self.worth_retrying: bool = False
        self.is_over = False
        self.around: Resending | None = None
        self.account: Account | None = None
        self.paid: float = 0.0
        self._wall_time = wall_time
        self._sent = start_time
        self.ended: float = start_time
        self._hints: Hints | None = None
        self._outcome: Outcome | None = None
        self._kind: int | type[Exception] | None

    def raised(self, error: Exception, now: float) -> None:
        """Note that the attempt raised."""
        self.error = error
        self._kind = type(error)
        self.reason = type(error).__name__
        self.outcome_timestamp = self.ended = now

    def returned(self, response: ResponseT, now: float) -> None:
        """Note that the attempt was answered."""
        self.response = response
        self._kind = response.status_code
        self.reason = str(response.status_code)
        self.outcome_timestamp = self.ended = now

    def waits(self) -> None:
        """Note that another attempt follows, after `upcoming_sleep`."""
        self.idle_for += self.upcoming_sleep
        self._remember(self.error or self.response, self.upcoming_sleep)

    def sends(self, now: float) -> None:
        """Note that another attempt is being sent."""
        self.attempt_number += 1
        self.outcome_timestamp = self.next_action = None
        self.response = self.error = self._hints = self._outcome = None
        self.worth_retrying = False
        self.refusal = ""
        self._sent = now

    def succeeds(self, response: ResponseT, now: float) -> None:
        """Leave the history on the response that ends a request well."""
        self.ended = now
        self._kind, self.reason = response.status_code, ""
        self._remember(response, 0.0)
        mark(response, KEY, self._records, now)

    def ends(self) -> None:
        """Leave the history on the outcome and let go of it: no cycle with an error."""
        outcome = self.error or self.response
        self._remember(outcome, 0.0)
        mark(outcome, KEY, self._records, self.ended)
        self._outcome = self.response = self.error = None

    def cut_off(self, now: float) -> list[Record] | None:
        """Tell the history of a request that was cancelled."""
        if self.is_under_way:
            self._kind, self.reason, self.ended = None, "cancelled", now
            self._remember(None, 0.0)
        return self._records or None

    def _remember(self, outcome: object, wait: float) -> None:
        sent, ended, left = self._sent, self.ended, marks(outcome)
        queued = sends = None
        if SENDS in left or QUEUED in left or KEY in left:
            # What fails over in no time has left its marks in no time, too.
            made, sends = left.get(SENDS) or _NOTHING
            if not sent <= made <= ended:
                sends = None
            tried = left_between(sent, ended, left, KEY)
            sends = attempts_in(tried) if tried else sends
            queued = left_between(sent, ended, left, QUEUED)
        self._records.append(
            (
                self.attempt_number,
                self._kind,
                self.reason,
                wait,
                ended - sent,
                sent - self.start_time,
                queued,
                sends,
            )
        )

    @property
    def is_under_way(self) -> bool:
        """Whether an attempt has been sent, and has not ended yet."""
        return self.response is None and self.error is None

    @property
    def outcome(self) -> Outcome | None:  # type: ignore[override] # pyright: ignore[reportIncompatibleVariableOverride] - nobody else sets it
        """What tenacity's own strategies ask. Ours do not, so it is made on demand."""
        response, error = self.response, self.error
        if self._outcome is None and (response is not None or error is not None):
            self._outcome = Outcome(self.attempt_number, response, error)
        return self._outcome

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The history so far."""
        return attempts_in(self._records)

    @property
    def elapsed(self) -> float:
        """Seconds from sending the first attempt to the end of this one."""
        return self.ended - self.start_time

    @property
    def hints(self) -> Hints:
        """What the response says about trying again; nothing, if there is none."""
        if self._hints is None:
            response = self.response
            headers = () if response is None else response.headers.raw
            self._hints = hints_in(headers, self._wall_time)
        return self._hints

    @property
    def has_idempotency_key(self) -> bool:
        """Whether the request carries an `Idempotency-Key`."""
        return has_idempotency_key(self.request)

    @property
    def is_sdk_retry(self) -> bool:
        """Whether an SDK above is retrying this request: layers must not multiply."""
        for name, value in self.request.headers.raw:
            if name.lower() in _COUNTS_OF_SDKS:
                return value.isdigit() and int(value) > 0
        return False

    def get_fn_name(self) -> str:
        """Name the request, for tenacity's own hooks such as `before_sleep_log`."""
        return f"{self.request.method} {safe_url(self.request)}"

    def __repr__(self) -> str:
        return f"<RetryState {self.get_fn_name()}: attempt {self.attempt_number}>"
