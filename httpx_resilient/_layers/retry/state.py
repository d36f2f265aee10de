"""The state of a request between its attempts, as tenacity's strategies read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tenacity

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._core.attempts import Attempt, attempts_from
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.family import Family
from httpx_resilient._core.hints.reading import NO_HINTS, Hints, hints_in
from httpx_resilient._core.history import Record, broken, leave_history
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.methods import has_idempotency_key
from httpx_resilient._core.public import public
from httpx_resilient._layers.retry.attempts_so_far import AttemptsSoFar
from httpx_resilient._layers.retry.call_state import HTTPCallState
from httpx_resilient._layers.retry.outcome import Outcome

_ROUNDING = 1e-6
"""Seconds by which the difference of two times may be wrong."""


@public()
class RetryState(HTTPCallState[RequestT, ResponseT]):
    """
    The argument of strategies and hooks: tenacity's `RetryCallState`, and HTTP.

    Besides tenacity's attributes it has `request`; `response` or `error`, depending on
    how the attempt ended; `attempts`, the history so far; and `reason`, a text that
    strategies may append to.

    Args:
        request: The request, as the caller made it.
        context: What the layers know of it. Its `now` is when it was first sent.
        controller: A tenacity object with the strategies.
        family: The library of the request.

    Example:
        >>> def report(state: RetryState) -> None:
        ...     print(state.attempt_number, state.reason, state.upcoming_sleep)
        >>> transport = RetryingTransport(before_sleep=report)
    """

    def __init__(
        self,
        request: RequestT,
        context: RequestContext,
        controller: tenacity.BaseRetrying,
        family: Family,
    ) -> None:
        # Not tenacity's own __init__: it would read another clock.
        self.start_time: float = context.now
        self.retry_object: tenacity.BaseRetrying = controller
        self.attempt_number: int = 1
        self.outcome_timestamp = None
        self.idle_for: float = 0.0
        self.next_action: tenacity.RetryAction | None = None
        self.upcoming_sleep: float = 0.0
        self.budget: RetryBudget | None = None
        self.request: RequestT = request
        self.context: RequestContext = context
        self.family = family
        self._response: ResponseT | None = None
        self.error: Exception | None = None
        self.hints: Hints = NO_HINTS
        self.reason: str = ""
        self.failure: str = ""
        self.refusal: str = ""
        self.worth_retrying: bool = False
        self.ended: float = context.now
        self.sent: float = context.now
        self._records: list[Record] = []
        self._kind: int | type[BaseException] | None = None
        self._is_flat = True
        self._around = context.attempt, context.last_failure
        context.attempt, context.last_failure = 1, ""
        self._queued_around = 0.0
        self._outcome: Outcome | None = None

    def begins(self) -> None:
        """Put aside what was queued in front of this layer."""
        context = self.context
        self._queued_around, context.queued = context.queued, 0.0

    def raised(self, error: Any, now: float) -> None:
        """Record that the attempt raised."""
        self.error = error
        self._kind = error.__class__
        self.reason = self.failure = error.__class__.__name__
        self.outcome_timestamp = self.ended = now

    def returned(self, response: ResponseT, now: float) -> None:
        """Record that the attempt was answered."""
        self.response = response
        self._kind = status = response.status_code
        self.hints = hints_in(response, self.context.clock.wall_time)
        self.reason = self.failure = str(status)
        self.outcome_timestamp = self.ended = now

    def reopens(self, context: RequestContext) -> None:
        """Take back the end of a request: the body of its answer has broken."""
        # A copy: what was left before is of the layers around.
        *self._records, last = self._records
        *_, context.queued, context.attempts, _, _ = last
        context.attempt = self.attempt_number
        self.context, self.hints, self.response = context, NO_HINTS, None

    def breaks(self, error: Exception, received: int, now: float) -> None:
        """Record that the body of the attempt broke after so many bytes."""
        self.raised(error, now)
        self.reason += f" after {received:,} bytes of the body"
        self.failure = self.reason
        if inside := self.context.attempts:
            self.context.attempts = broken(inside, self._kind, self.reason, 0.0)

    def waits(self) -> None:
        """Record that another attempt follows, after `upcoming_sleep`."""
        self.idle_for += self.upcoming_sleep
        self._record(self.upcoming_sleep)

    def sends(self, now: float) -> None:
        """Record that another attempt is being sent."""
        if self._records and now - self.ended < self.upcoming_sleep - _ROUNDING:
            self._shorten_wait(now)
        self.attempt_number += 1
        context = self.context
        context.attempt = self.attempt_number
        context.last_failure = self.failure
        context.unsent, context.refused, context.in_memory = None, False, False
        self.outcome_timestamp = self.next_action = None
        self.response = self.error = self._outcome = self._kind = None
        self.hints = NO_HINTS
        self.worth_retrying = False
        self.refusal = ""
        self.sent = now

    def succeeds(self, response: ResponseT, now: float) -> None:
        """Leave the history on the response that ends a request well."""
        self.response, self.reason, self.ended = response, "", now
        self._kind = response.status_code
        self._record(0.0)
        self._leave(response)

    def ends(self) -> None:
        """Leave the history on the outcome and drop it: no cycle with an exception."""
        self._record(0.0)
        self._leave(self.response if self.error is None else self.error)
        self._outcome = self.response = self.error = None

    def cancelled(self, now: float) -> None:
        """Record that the request was cancelled, for the layers around."""
        if self.response is None and self.error is None:
            self.reason, self.ended = "cancelled", now
        if self._is_recorded:
            self._shorten_wait(now)
        else:
            self._record(0.0)
        self._leave(None)

    @property
    def _is_recorded(self) -> bool:
        return bool(self._records) and self._records[-1][0] == self.attempt_number

    def _shorten_wait(self, now: float) -> None:
        """Correct a wait that was interrupted, or that a timer has ended early."""
        number, kind, reason, wait, *rest = self._records[-1]
        slept = max(min(wait, now - self.ended), 0.0)
        self._records[-1] = (number, kind, reason, slept, *rest)  # type: ignore[assignment]  # mypy loses the types of `rest`

    def _leave(self, outcome: object) -> None:
        """Leave the history for the layers around, and for the caller."""
        context = self.context
        context.attempts = self._records
        context.attempt, context.last_failure = self._around
        context.queued = self._queued_around
        if outcome is not None:
            leave_history(outcome, self._records)

    def _record(self, wait: float) -> None:
        """Append the attempt to the history, with what layers inside have sent."""
        sent, context = self.sent, self.context
        queued, inside = context.queued, context.attempts
        if queued or inside:
            context.take()
            self._is_flat = self._is_flat and not inside
        self._records.append(
            (
                self.attempt_number,
                self._kind,
                self.reason,
                wait,
                self.ended - sent,
                sent,
                queued,
                inside,
                "",
                False,
            )
        )

    @property
    def attempts(self) -> Sequence[Attempt]:
        """The history so far, without a copy."""
        return AttemptsSoFar(self._records, is_flat=self._is_flat)

    def history(self) -> tuple[Attempt, ...]:
        """Return all attempts, when the request has ended."""
        return attempts_from(self._records)

    @property
    def has_idempotency_key(self) -> bool:
        """Whether the request carries an idempotency key."""
        return has_idempotency_key(self.request, self.context.key_headers)

    def __repr__(self) -> str:
        return f"<RetryState {self.get_fn_name()}: attempt {self.attempt_number}>"
