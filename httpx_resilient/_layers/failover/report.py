"""What one request finds out about the origins that it was sent to."""

from __future__ import annotations

import random
from typing import Any, Generic

from httpx_resilient._core.body.replay import body_of
from httpx_resilient._core.body.saved import SavedResponse
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.history import Record, leave_history
from httpx_resilient._core.http_types import RequestT
from httpx_resilient._core.request_copy import sync_body_back
from httpx_resilient._core.state.streak import HANGING
from httpx_resilient._layers.failover.classification import Classification
from httpx_resilient._layers.failover.events import OriginDown, OriginUp
from httpx_resilient._layers.failover.group import (
    FIRST_CHOICE,
    record_answer,
    record_failure,
    release,
)
from httpx_resilient._layers.failover.settings import FailoverSettings

_MAX_COOLDOWN = 60.0
"""The longest time in seconds that an origin can ask not to be used."""

_TIMER_TOLERANCE = 0.001
"""Seconds by which the timer of a deadline may fire early."""


class OriginReport(Generic[RequestT]):
    """
    The origins that a request was sent to, and how each of them did.

    Args:
        settings: The settings of the layer.
        request: The caller's request.
        context: The context of the request.
        sent: When it was sent to the first origin in monotonic seconds, if it was.
    """

    def __init__(
        self,
        settings: FailoverSettings,
        request: RequestT,
        context: RequestContext,
        sent: float | None = None,
    ) -> None:
        self._settings = settings
        if settings.idempotency is not None:
            request = settings.idempotency.enter(request, context)
        self._body = body_of(request, settings.family)
        self._request = self._body.request
        self._group = settings.failover.key_in(context)
        self._context = self._leg = context
        self._queued_around = 0.0
        if sent is None:
            # What was queued in front of this layer is put aside.
            self._queued_around, context.queued = context.queued, 0.0
        self._choice = FIRST_CHOICE
        self._in_flight = sent is not None
        self._sent = sent or 0.0
        self._copy: RequestT | None = None
        self._tried: list[int] = []
        self._records: list[Record] = []
        self.answer: SavedResponse[Any] | None = None
        """The last answer of a server, until a request fails at another one."""
        self._answered_by = 0

    def _leave(self, outcome: object) -> None:
        """Leave the history for the layers around, and for the caller."""
        self._context.attempts = self._records
        self._context.queued = self._queued_around
        if outcome is not None:
            leave_history(outcome, self._records)

    def _abandon(self, now: float) -> None:
        """
        Record a request that was cancelled.

        That says nothing about its origin, unless it had no answer for too long. What
        was in a queue on this side did not reach the origin.
        """
        is_up, reason = None, "too late"
        if self._leg.is_held_here:
            reason = "cancelled in a queue"
        elif (
            self._is_late(now + _TIMER_TOLERANCE)
            or self._is_slow(now)
            or self._is_hanging(now)
        ):
            is_up = False
        self._record(Classification(is_up, reason=reason), now)
        self._leave(None)

    def _record(self, classification: Classification, now: float) -> None:
        self._in_flight = False
        copy, self._copy = self._copy, None
        if copy is not None:
            sync_body_back(self._request, copy)
        failover, choice = self._settings.failover, self._choice
        store, origin = failover.store, failover.origins[choice.origin]
        is_up, kind, _, reason, retry_after = classification
        key = None if failover.key is None else self._group
        self._tried.append(choice.origin)
        took, (queued, inside) = now - self._sent, self._leg.take()
        self._context.is_where(self._leg)
        self._records.append(
            (0, kind, reason, 0.0, took, self._sent, queued, inside, origin, False)
        )
        if is_up is None:
            store.apply(self._group, release, choice, now)
        elif not is_up:
            seconds = failover.cooldown
            if retry_after:
                seconds = min(retry_after, _MAX_COOLDOWN)
            seconds *= random.uniform(1, 1.1)  # noqa: S311 - jitter is not a secret
            if store.apply(self._group, record_failure, choice, seconds, now):
                self._settings.emit(self._context, OriginDown, origin, reason, key)
        else:
            failover.has_answered = True
        if is_up and choice.down and store.apply(self._group, record_answer, choice):
            self._settings.emit(self._context, OriginUp, origin, key)

    def _is_late(self, now: float) -> bool:
        deadline = self._context.deadline
        return deadline is not None and now >= deadline.at

    def _is_hanging(self, now: float) -> bool:
        """Whether no caller has had an answer of the origin for many requests."""
        failover, key = self._settings.failover, (self._group, self._choice.origin)
        if failover.has_answered:
            failover.given_up.end(key)
            failover.has_answered = False
        return failover.given_up.add(key, self._sent, now) >= HANGING

    def _is_slow(self, now: float) -> bool:
        waited = self._leg.elapsed_since(self._sent, now)
        return waited + _TIMER_TOLERANCE >= self._settings.failover.slow_after
