"""One request on its way from origin to origin, in the steps of the layer's flow."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, cast

from httpx_resilient._core.attempts import INNER_ATTEMPTS, Attempt, expand
from httpx_resilient._core.body.replay import body_of
from httpx_resilient._core.deadline import deadline_of
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestT, ResponseLike
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.marks import annotate, mark
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
    Failover,
    choose,
    record_answer,
    record_failure,
    release,
)
from httpx_resilient._layers.failover.readdress import Target, readdress

ORIGIN = "origin"
"""The extension of a response that names the origin which answered."""

_MAX_COOLDOWN = 60.0
"""The longest time in seconds that an origin can ask not to be used."""

_TIMER_TOLERANCE = 0.001
"""Seconds by which the timer of a deadline may fire early."""


class FailoverSettings(NamedTuple):
    """
    The settings of a layer, the same for all of its requests.

    Args:
        failover: The group of origins.
        family: The library that the requests belong to.
        targets: The origins in the parts that a request consists of.
        stripped: The names of headers that only the first origin gets, in lower case.
        share_credentials: Whether the URL keeps user and password for other origins,
            and whether other origins may set cookies.
        emit: Emits the events of the layer.
    """

    failover: Failover
    family: Family
    targets: Sequence[Target]
    stripped: frozenset[bytes]
    share_credentials: bool
    emit: EventEmitter


class FailoverCall(Generic[RequestT]):
    """
    One request of the caller, and the origins that it was sent to.

    Args:
        settings: The settings of the layer.
        request: The caller's request.
        sent: When it was sent to the first origin in monotonic seconds, if it was.
    """

    def __init__(
        self, settings: FailoverSettings, request: RequestT, sent: float | None = None
    ) -> None:
        self._settings = settings
        self._body = body_of(request, settings.family)
        self._request = self._body.request
        self._choice = FIRST_CHOICE
        self._in_flight = sent is not None
        self._sent = self._started = sent or 0.0
        self._copy: RequestT | None = None
        self._tried: list[int] = []
        self._attempts: list[Attempt] = []

    def next_request(self, now: float) -> RequestT:
        """Return the request to send next. At least one origin is not tried yet."""
        settings, failover = self._settings, self._settings.failover
        # A request that cannot fail over would be lost if its probe failed.
        patience = 0.0 if is_repeatable(self._request) else failover.cooldown
        self._choice = choice = failover.store.apply(
            GROUP, choose, self._tried, patience, failover.cooldown, now
        )
        self._in_flight, self._sent = True, now
        if self._attempts:
            last = self._attempts[-1]
            target = failover.origins[choice.origin]
            settings.emit(FailedOver, self._request, last.origin, target, last.reason)
        else:
            self._started = now
        if choice.origin == 0:
            return self._request
        self._copy = readdress(
            self._request,
            settings.targets[choice.origin],
            settings.stripped,
            userinfo=settings.share_credentials,
        )
        return self._copy

    async def on_response(self, response: ResponseLike, io: IO[RequestT, Any]) -> bool:
        """Record a response. Return whether to send the next request."""
        classified = classify_response(response, self._request, io.wall_time)
        if await self._continues(classified, io, response):
            return True
        mark(response, INNER_ATTEMPTS, self._attempts, io.now())
        origin, returned = self._choice.origin, cast("Any", response)
        returned.extensions[ORIGIN] = self._settings.failover.origins[origin]
        if origin and not self._settings.share_credentials:
            # The client would store the cookie for the first origin and send it there.
            returned.headers.pop("set-cookie", None)
        return False

    async def on_error(self, error: Exception, io: IO[RequestT, Any]) -> bool:
        """Record an exception. Return whether to send the next request."""
        classified = classify_failure(error, self._request, self._settings.family)
        if await self._continues(classified, io, error):
            return True
        mark(error, INNER_ATTEMPTS, self._attempts, io.now())
        if len(self._tried) > 1:
            tried = [f"{each.origin} ({each})" for each in self._attempts]
            annotate(error, "failover note", f"origins tried: {', '.join(tried)}")
        return False

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
            self._record(Classification(is_up, reason="too late"), now, None)

    async def _continues(
        self,
        classification: Classification,
        io: IO[RequestT, Any],
        outcome: ResponseLike | Exception,
    ) -> bool:
        now = io.now()
        self._record(classification, now, outcome)
        if (
            not classification.may_fail_over
            or len(self._tried) == len(self._settings.targets)
            or self._is_late(now)
        ):
            return False
        again = await self._body.again(io)
        self._request = again or self._request
        return again is not None

    def _record(
        self,
        classification: Classification,
        now: float,
        outcome: ResponseLike | Exception | None,
    ) -> None:
        self._in_flight = False
        copy, self._copy = self._copy, None
        if copy is not None:
            sync_body_back(self._request, copy)
        failover, choice = self._settings.failover, self._choice
        store, origin = failover.store, failover.origins[choice.origin]
        is_up, kind, _, reason, retry_after = classification
        self._tried.append(choice.origin)
        took, at = now - self._sent, self._sent - self._started
        attempt = Attempt(1, kind, reason, 0.0, took, at, origin=origin)
        self._attempts += expand(attempt, outcome, self._sent, now)
        if is_up is None:
            store.apply(GROUP, release, choice, now)
        elif not is_up:
            seconds = failover.cooldown
            if retry_after:
                seconds = min(retry_after, _MAX_COOLDOWN)
            seconds *= random.uniform(1, 1.1)  # noqa: S311 - jitter is not a secret
            if store.apply(GROUP, record_failure, choice, seconds, now):
                self._settings.emit(OriginDown, origin, reason)
        elif choice.down and store.apply(GROUP, record_answer, choice):
            self._settings.emit(OriginUp, origin)

    def _is_late(self, now: float) -> bool:
        deadline = deadline_of(self._request)
        return deadline is not None and now >= deadline.at
