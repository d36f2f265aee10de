"""One request's way from origin to origin, in the steps that a flow takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, cast

from httpx_resilient._core.attempts import SENDS, Attempt, mark, unfolded
from httpx_resilient._core.body.replay import body_of
from httpx_resilient._core.classify import Retryability, classify_error, classify_status
from httpx_resilient._core.deadline import deadline_of
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestT, ResponseLike, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.methods import IDEMPOTENT_METHODS, has_idempotency_key
from httpx_resilient._core.request_copy import sync_body_back
from httpx_resilient._core.retry_after import hints_in
from httpx_resilient._layers.failover.events import FailedOver, OriginDown, OriginUp
from httpx_resilient._layers.failover.group import (
    FIRST,
    Failover,
    answered,
    choose,
    failed,
    released,
)
from httpx_resilient._layers.failover.readdress import Target, readdressed

ORIGIN = "origin"
"""Which origin has answered, in a response's extensions."""

_LONGEST = 60.0
"""Seconds that an origin is left alone at most, because it said so."""

_EARLY = 0.001
"""Seconds by which the timer of a deadline may be early."""


class Terms(NamedTuple):
    """
    What is the same for all requests of a layer.

    Args:
        failover: Knows which origins are down.
        family: The library that the requests are of.
        targets: The origins, as they are addressed.
        left_out: Headers that only the first one gets, in lower case.
        share_credentials: Whether the others get the rest of what is secret.
        tell: Tells what happens.
    """

    failover: Failover
    family: Family
    targets: Sequence[Target]
    left_out: frozenset[bytes]
    share_credentials: bool
    emit: EventEmitter


class Verdict(NamedTuple):
    """
    What an outcome says.

    Args:
        up: Of its origin: that it is up, or down; `None` if nothing.
        onward: Whether the request may go to another one.
        reason: What it was.
        told: Seconds that the origin wants to be left alone, if it said so.
    """

    up: bool | None
    onward: bool = False
    reason: str = ""
    told: float | None = None


class Journey(Generic[RequestT]):
    """
    Where a request has been, and where it goes next.

    Args:
        terms: What is the same for all.
        request: The caller's.
        sent: When it was sent to the first origin, if it was already.
    """

    def __init__(
        self, terms: Terms, request: RequestT, sent: float | None = None
    ) -> None:
        self._terms = terms
        self._body = body_of(request, terms.family)
        self._request = self._body.request
        self._choice = FIRST
        self._is_out = sent is not None
        self._sent = self._since = sent or 0.0
        self._twin: RequestT | None = None
        self._tried: list[int] = []
        self._sends: list[Attempt] = []

    def onward(self, now: float) -> RequestT:
        """Return what to send next. There is an origin that has not been tried."""
        terms, failover = self._terms, self._terms.failover
        # Should it fail where it might go well elsewhere, it is no good as a probe.
        patience = 0.0 if self._repeatable else failover.cooldown
        self._choice = choice = failover.change(
            choose, self._tried, patience, failover.cooldown, now
        )
        self._is_out, self._sent = True, now
        if self._sends:
            last = self._sends[-1]
            target = failover.origins[choice.origin]
            terms.emit(FailedOver, self._request, last.origin, target, last.reason)
        else:
            self._since = now
        if choice.origin == 0:
            return self._request
        self._twin = readdressed(
            self._request,
            terms.targets[choice.origin],
            terms.left_out,
            userinfo=terms.share_credentials,
        )
        return self._twin

    async def returned(self, response: ResponseT, io: IO[RequestT, ResponseT]) -> bool:
        """Note an answer. Tells whether the request goes on."""
        if await self._goes_on(self._judge(response, io), io, response):
            return True
        mark(response, SENDS, self._sends, io.now())
        origin, told = self._choice.origin, cast("Any", response)
        told.extensions[ORIGIN] = self._terms.failover.origins[origin]
        if origin and not self._terms.share_credentials:
            # It would be kept for the first origin, and sent there.
            told.headers.pop("set-cookie", None)
        return False

    async def raised(self, error: Exception, io: IO[RequestT, Any]) -> bool:
        """Note an exception. Tells whether the request goes on."""
        if await self._goes_on(self._judge_error(error), io, error):
            return True
        mark(error, SENDS, self._sends, io.now())
        if len(self._tried) > 1:
            story = [f"{each.origin}: {each}" for each in self._sends]
            error.add_note(f"failed over: {', '.join(story)}")
        return False

    async def is_abandoned(
        self, response: ResponseT | None, io: IO[RequestT, ResponseT]
    ) -> None:
        """
        Note that it was cancelled, if it was: a deadline blames the origin.

        An answer that nobody gets is released.
        """
        if response is not None:
            await io.discard(response, drain=False)
        elif self._is_out:
            now = io.now()
            late = self._is_late(now + _EARLY)
            self._learn(Verdict(False if late else None, reason="too late"), now, None)

    async def _goes_on(
        self, verdict: Verdict, io: IO[RequestT, Any], outcome: ResponseLike | Exception
    ) -> bool:
        now = io.now()
        self._learn(verdict, now, outcome)
        if (
            not verdict.onward
            or len(self._tried) == len(self._terms.targets)
            or self._is_late(now)
        ):
            return False
        following = await self._body.again(io)
        self._request = following or self._request
        return following is not None

    def _learn(
        self, verdict: Verdict, now: float, outcome: ResponseLike | Exception | None
    ) -> None:
        self._is_out = False
        twin, self._twin = self._twin, None
        if twin is not None:
            sync_body_back(self._request, twin)
        failover, choice = self._terms.failover, self._choice
        origin = failover.origins[choice.origin]
        self._tried.append(choice.origin)
        self._remember(origin, verdict.reason, now, outcome)
        if verdict.up is None:
            failover.change(released, choice, now)
        elif not verdict.up:
            told = verdict.told
            seconds = min(told, _LONGEST) if told else failover.cooldown
            seconds *= random.uniform(1, 1.1)  # noqa: S311 - jitter
            if failover.change(failed, choice, seconds, now):
                self._terms.emit(OriginDown, origin, verdict.reason)
        elif choice.down and failover.change(answered, choice):
            self._terms.emit(OriginUp, origin)

    def _remember(
        self,
        origin: str,
        reason: str,
        now: float,
        outcome: ResponseLike | Exception | None,
    ) -> None:
        kind: int | type[Exception] | None = None
        if isinstance(outcome, Exception):
            kind = type(outcome)
        elif outcome is not None:
            kind = outcome.status_code
        took, at = now - self._sent, self._sent - self._since
        attempt = Attempt(1, kind, reason, 0.0, took, at, origin=origin)
        self._sends += unfolded(attempt, outcome, self._sent, now)

    def _judge(self, response: ResponseT, io: IO[RequestT, ResponseT]) -> Verdict:
        evidence = classify_status(response.status_code)
        if evidence is Retryability.NEVER:
            return Verdict(up=True)
        hints = hints_in(response.headers.raw, io.wall_time)
        onward = hints.should_retry
        if onward is None:
            onward = evidence is Retryability.ALWAYS or self._repeatable
        reason = str(response.status_code)
        return Verdict(up=False, onward=onward, reason=reason, told=hints.retry_after)

    def _judge_error(self, error: Exception) -> Verdict:
        family, told = self._terms.family, None
        evidence = classify_error(error, family)
        if isinstance(error, Refusal) and error.retry_after is not None:
            # Nothing was sent, and nothing will be for so long.
            evidence, told = Retryability.ALWAYS, error.retry_after
        elif evidence is Retryability.NEVER and isinstance(error, family.never_sent):
            # A refused certificate will not change. Another origin has another one.
            evidence = Retryability.ALWAYS
        up = None if evidence is Retryability.NEVER else False
        onward = evidence is Retryability.ALWAYS or (up is False and self._repeatable)
        return Verdict(up, onward, type(error).__name__, told)

    @property
    def _repeatable(self) -> bool:
        """Whether it may be sent again though it was perhaps processed."""
        request = self._request
        return request.method in IDEMPOTENT_METHODS or has_idempotency_key(request)

    def _is_late(self, now: float) -> bool:
        deadline = deadline_of(self._request)
        return deadline is not None and now >= deadline.at
