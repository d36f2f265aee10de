"""One request on its way from origin to origin, in the steps of the layer's flow."""

from __future__ import annotations

import random
from typing import Any, Generic, cast

from httpx_resilient._core.attempts import attempts_from
from httpx_resilient._core.body.replay import body_of
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.history import Record, annotate, leave_history
from httpx_resilient._core.http_types import RequestT, ResponseLike
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.request_copy import sync_body_back
from httpx_resilient._layers.failover.classification import (
    Classification,
    classify_failure,
    classify_response,
    is_repeatable,
)
from httpx_resilient._layers.failover.events import FailedOver, OriginDown, OriginUp
from httpx_resilient._layers.failover.group import (
    FIRST_CHOICE,
    GROUP,
    choose,
    record_answer,
    record_failure,
    release,
)
from httpx_resilient._layers.failover.readdress import readdress
from httpx_resilient._layers.failover.settings import FailoverSettings

ORIGIN = "origin"
"""The extension of a response that names the origin which answered."""

_MAX_COOLDOWN = 60.0
"""The longest time in seconds that an origin can ask not to be used."""

_TIMER_TOLERANCE = 0.001
"""Seconds by which the timer of a deadline may fire early."""


class FailoverCall(Generic[RequestT]):
    """
    One request of the caller, and the origins that it was sent to.

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
        self._body = body_of(request, settings.family)
        self._request = self._body.request
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

    def next_request(self, now: float) -> tuple[RequestT, RequestContext]:
        """
        Return the request to send next, and its context.

        At least one origin is not tried yet.
        """
        settings, failover = self._settings, self._settings.failover
        # A request that cannot fail over would be lost if its probe failed.
        patience = 0.0 if is_repeatable(self._request) else failover.cooldown
        self._choice = choice = failover.store.apply(
            GROUP, choose, self._tried, patience, failover.cooldown, now
        )
        self._in_flight, self._sent = True, now
        if self._records:
            *_, before, _ = last = self._records[-1]
            target = failover.origins[choice.origin]
            settings.emit(
                self._context, FailedOver, self._request, before, target, last[2]
            )
        if choice.origin == 0:
            self._leg = self._context
            return self._request, self._leg
        self._copy = readdress(
            self._request,
            settings.targets[choice.origin],
            settings.stripped,
            userinfo=settings.share_credentials,
        )
        self._leg = self._context.fork(self._copy)
        return self._copy, self._leg

    async def on_response(self, response: ResponseLike, io: IO[RequestT, Any]) -> bool:
        """Record a response. Return whether to send the next request."""
        classified = classify_response(response, self._request, io.wall_time)
        if await self._continues(classified, io):
            return True
        self._leave(response)
        origin, returned = self._choice.origin, cast("Any", response)
        returned.extensions[ORIGIN] = self._settings.failover.origins[origin]
        if origin and not self._settings.share_credentials:
            # The client would store the cookie for the first origin and send it there.
            returned.headers.pop("set-cookie", None)
        return False

    async def on_error(self, error: Exception, io: IO[RequestT, Any]) -> bool:
        """Record an exception. Return whether to send the next request."""
        classified = classify_failure(error, self._request, self._settings.family)
        if await self._continues(classified, io):
            return True
        self._leave(error)
        if len(self._tried) > 1:
            attempts = attempts_from(self._records)
            tried = [f"{each.origin} ({each})" for each in attempts]
            annotate(error, "failover note", f"origins tried: {', '.join(tried)}")
        return False

    def _leave(self, outcome: object) -> None:
        """Leave the history for the layers around, and for the caller."""
        self._context.attempts = self._records
        self._context.queued = self._queued_around
        if outcome is not None:
            leave_history(outcome, self._records)

    async def abandon(
        self, response: ResponseLike | None, io: IO[RequestT, Any]
    ) -> None:
        """
        Release the response or the probe of a request that ends by an exception.

        A cancellation says nothing about the origin, unless a deadline caused it.

        Args:
            response: The response that the caller never gets, if there is one.
            io: The IO of the request.
        """
        if response is not None:
            await io.discard(response, drain=False)
        elif self._in_flight:
            now = io.now()
            is_late = self._is_late(now + _TIMER_TOLERANCE)
            is_up = False if is_late else None
            self._record(Classification(is_up, reason="too late"), now)
            self._leave(None)

    async def _continues(
        self, classification: Classification, io: IO[RequestT, Any]
    ) -> bool:
        now = io.now()
        self._record(classification, now)
        if (
            not classification.may_fail_over
            or len(self._tried) == len(self._settings.targets)
            or self._is_late(now)
        ):
            return False
        again = await self._body.again(io)
        self._request = again or self._request
        return again is not None

    def _record(self, classification: Classification, now: float) -> None:
        self._in_flight = False
        copy, self._copy = self._copy, None
        if copy is not None:
            sync_body_back(self._request, copy)
        failover, choice = self._settings.failover, self._choice
        store, origin = failover.store, failover.origins[choice.origin]
        is_up, kind, _, reason, retry_after = classification
        self._tried.append(choice.origin)
        took, (queued, inside) = now - self._sent, self._leg.take()
        self._records.append(
            (0, kind, reason, 0.0, took, self._sent, queued, inside, origin, False)
        )
        if is_up is None:
            store.apply(GROUP, release, choice, now)
        elif not is_up:
            seconds = failover.cooldown
            if retry_after:
                seconds = min(retry_after, _MAX_COOLDOWN)
            seconds *= random.uniform(1, 1.1)  # noqa: S311 - jitter is not a secret
            if store.apply(GROUP, record_failure, choice, seconds, now):
                self._settings.emit(self._context, OriginDown, origin, reason)
        elif choice.down and store.apply(GROUP, record_answer, choice):
            self._settings.emit(self._context, OriginUp, origin)

    def _is_late(self, now: float) -> bool:
        deadline = self._context.deadline
        return deadline is not None and now >= deadline.at
