"""The state of a request between its attempts, as tenacity's strategies read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic

import tenacity

from httpx_resilient._core.attempts import (
    INNER_ATTEMPTS,
    KEY,
    Attempt,
    Record,
    attempts_from,
)
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.marks import QUEUED, Mark, mark, mark_since, marks
from httpx_resilient._core.methods import has_idempotency_key
from httpx_resilient._core.origin import safe_url
from httpx_resilient._core.public import public
from httpx_resilient._core.retry_after import Hints, hints_in
from httpx_resilient._layers.retry.outcome import Outcome

_NOTHING = Mark(-math.inf, None)
_NO_HINTS = Hints()

_SDK_RETRY_COUNTS = (b"x-stainless-retry-count", b"x-retry-count")
"""The number of retries of an SDK: openai and its relatives; postgrest, supabase."""


@public()
class RetryState(tenacity.RetryCallState, Generic[RequestT, ResponseT]):
    """
    The argument of strategies and hooks: tenacity's `RetryCallState`, and HTTP.

    Besides tenacity's attributes it has `request`; `response` or `error`, depending on
    how the attempt ended; `attempts`, the history so far; and `reason`, a text that
    strategies may append to.

    Args:
        request: The request, as the caller made it.
        controller: A tenacity object with the strategies.
        family: The library of the request.
        start_time: Monotonic seconds when the first attempt was sent.
        wall_time: Returns the seconds since the epoch.

    Example:
        >>> def report(state: RetryState) -> None:
        ...     print(state.attempt_number, state.reason, state.upcoming_sleep)
        >>> RetryingTransport(before_sleep=report)
        <RetryingTransport>
    """

    fn = None  # there is no function: see `get_fn_name`

    def __init__(
        self,
        request: RequestT,
        controller: tenacity.BaseRetrying,
        family: Family,
        start_time: float,
        wall_time: Callable[[], float],
    ) -> None:
        # Not tenacity's own __init__: it would read another clock.
        self.start_time = start_time
        self.retry_object: tenacity.BaseRetrying = controller
        self.args: tuple[RequestT] = (request,)
        self.kwargs: dict[str, Any] = {}
        self.attempt_number: int = 1
        self.outcome_timestamp = None
        self.idle_for: float = 0.0
        self.next_action: tenacity.RetryAction | None = None
        self.upcoming_sleep: float = 0.0

        self.request = request
        self.family = family
        self.response: ResponseT | None = None
        self.error: Exception | None = None
        self.hints: Hints = _NO_HINTS
        self.reason: str = ""
        self.refusal: str = ""
        self.worth_retrying: bool = False
        self.ended: float = start_time
        self._sent = start_time
        self._wall_time = wall_time
        self._records: list[Record] = []
        self._outcome: Outcome | None = None

    def raised(self, error: Exception, now: float) -> None:
        """Record that the attempt raised."""
        self.error = error
        self.reason = type(error).__name__
        self.outcome_timestamp = self.ended = now

    def returned(self, response: ResponseT, now: float) -> None:
        """Record that the attempt was answered."""
        self.response = response
        self.hints = hints_in(response.headers.raw, self._wall_time)
        self.reason = str(response.status_code)
        self.outcome_timestamp = self.ended = now

    def waits(self) -> None:
        """Record that another attempt follows, after `upcoming_sleep`."""
        self.idle_for += self.upcoming_sleep
        self._record(self.upcoming_sleep)

    def sends(self, now: float) -> None:
        """Record that another attempt is being sent."""
        self.attempt_number += 1
        self.outcome_timestamp = self.next_action = None
        self.response = self.error = self._outcome = None
        self.hints = _NO_HINTS
        self.worth_retrying = False
        self.refusal = ""
        self._sent = now

    def succeeds(self, response: ResponseT, now: float) -> None:
        """Store the history on the response that ends a request well."""
        self.response, self.reason, self.ended = response, "", now
        self._record(0.0)
        mark(response, KEY, self._records, now)

    def ends(self) -> None:
        """Store the history on the outcome and drop it: no cycle with an exception."""
        self._record(0.0)
        outcome = self.response if self.error is None else self.error
        mark(outcome, KEY, self._records, self.ended)
        self._outcome = self.response = self.error = None

    def cancelled(self, now: float) -> list[Record] | None:
        """Record that the request was cancelled. Return its history."""
        if self.is_under_way:
            self.reason, self.ended = "cancelled", now
            self._record(0.0)
        return self._records or None

    def _record(self, wait: float) -> None:
        """Append the attempt to the history, with the marks that inner layers left."""
        response, error = self.response, self.error
        kind: int | type[Exception] | None = None if error is None else type(error)
        if response is not None:
            kind = response.status_code
        sent, ended = self._sent, self.ended
        left: Any = marks(error) if response is None else response.extensions
        queued = sends = None
        if INNER_ATTEMPTS in left or QUEUED in left or KEY in left:
            # A failover that takes no time leaves its marks at the time of sending.
            made, sends = left.get(INNER_ATTEMPTS) or _NOTHING
            if not sent <= made <= ended:
                sends = None
            tried = mark_since(sent, ended, left, KEY)
            sends = attempts_from(tried) if tried else sends
            queued = mark_since(sent, ended, left, QUEUED)
        self._records.append(
            (
                self.attempt_number,
                kind,
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
        """Whether an attempt has been sent and has not ended yet."""
        return self.response is None and self.error is None

    @property
    def outcome(self) -> Outcome | None:  # type: ignore[override] # pyright: ignore[reportIncompatibleVariableOverride] - tenacity's attribute is writable, and only tenacity's own loop writes it
        """The outcome for tenacity's own strategies: ours never read it."""
        response, error = self.response, self.error
        if self._outcome is None and (response is not None or error is not None):
            self._outcome = Outcome(self.attempt_number, response, error)
        return self._outcome

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The history so far."""
        return attempts_from(self._records)

    @property
    def elapsed(self) -> float:
        """Seconds from sending the first attempt to the end of this one."""
        return self.ended - self.start_time

    @property
    def has_idempotency_key(self) -> bool:
        """Whether the request carries an `Idempotency-Key`."""
        return has_idempotency_key(self.request)

    @property
    def is_sdk_retry(self) -> bool:
        """Whether an SDK above retries this request: retries must not multiply."""
        for name, value in self.request.headers.raw:
            if name.lower() in _SDK_RETRY_COUNTS:
                return value.isdigit() and int(value) > 0
        return False

    def get_fn_name(self) -> str:
        """Name the request, for tenacity's own hooks such as `before_sleep_log`."""
        return f"{self.request.method} {safe_url(self.request)}"

    def __repr__(self) -> str:
        return f"<RetryState {self.get_fn_name()}: attempt {self.attempt_number}>"
