"""The deadline as a stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from httpx_resilient._core.body.limited import LimitedStream
from httpx_resilient._core.classify import Retryability, is_own, was_not_sent
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import LEAST, Deadline, PausingDeadline
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.history import Record, leave_history
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.validation import number
from httpx_resilient._core.waits import Unsent
from httpx_resilient._layers.deadline.body import DeadlineBodies
from httpx_resilient._layers.deadline.events import Awaited, DeadlineCut, describe_cut
from httpx_resilient._transport.stage import Stage

OPTION = "deadline"
"""The extension that sets the deadline of one request."""


class DeadlineStage(DeadlineBodies, Stage):
    """
    Limits the time of all that a request is sent with. Its visit is the deadline.

    Args:
        total: The limit in seconds; `None` if only the extension sets one.
        refusal: The exception of a request that exceeds it.
        family: The library of the requests.
        emit: The emitter of the layer.
        body: Whether it limits the body, too. If not, it limits the time of the server:
            waits in queues of this side are not part of it.
    """

    limits_time: ClassVar[bool] = True

    def __init__(
        self,
        total: float | None,
        refusal: type[Refusal],
        family: Family,
        emit: EventEmitter,
        *,
        body: bool,
    ) -> None:
        self._total = total
        self._refusal = refusal
        self._emit = emit
        self._body = body
        self._deadline_class = Deadline if body else PausingDeadline
        self._family = family
        self._stream_class = family.stream_class(LimitedStream)
        self.timeouts: tuple[type[Exception], ...] = (TimeoutError, family.timed_out)

    def before(self, context: RequestContext) -> Deadline | None:
        """Set the deadline, which is not later than one around it."""
        seconds, outer, now = self._total, context.deadline, context.now
        if context.has_options and outer is None:
            extensions = context.request.extensions
            seconds = extensions.get(OPTION, seconds)
            if OPTION in extensions and seconds is not None:
                name = f'extensions["{OPTION}"]'
                seconds = number(name, seconds, above=0, unit="seconds")
        if seconds is None:
            return None
        own = at = now + seconds
        if outer is not None and outer.at <= at:
            # A deadline of its own, because this layer may lift it.
            at = outer.at
        # `set_deadline`, written out for the path of every request.
        context.deadline = deadline = self._deadline_class()
        deadline.at = at
        deadline.own = own
        deadline.total = seconds
        deadline.since = now
        deadline.outer = outer
        return deadline

    def after(
        self,
        context: RequestContext,
        visit: Deadline | None,
        outcome: ResponseLike | Exception | None,
    ) -> None:
        """Replace a timeout by its reason, or limit the body."""
        if visit is None or outcome is None:
            return
        if isinstance(outcome, Exception):
            if isinstance(outcome, self.timeouts):
                self.raise_if_exceeded(context, visit, "headers", outcome)
        elif not self._body:
            visit.lift()
        elif not outcome.is_closed:
            limited: Any = outcome
            limited.stream = self._stream_class(limited.stream, self, (context, visit))

    def raise_if_exceeded(
        self,
        context: RequestContext,
        deadline: Deadline,
        awaited: Awaited,
        cause: Exception | None = None,
    ) -> None:
        """
        Raise if the deadline has passed.

        The event loop may fire a timer early by less than a millisecond.
        """
        now = Clock.now()
        if now < deadline.at - LEAST or (awaited == "body" and context.in_memory):
            return
        source, history = deadline.source, None
        if awaited == "headers":
            history = _history(context, deadline, now)
            unsent = self._unsent(context, cause)
            awaited = unsent or awaited
        # A layer inside may have reported the same moment.
        if getattr(cause, "source", None) is not source:
            self._emit(context, DeadlineCut, context.request, awaited, source.total)
        text = describe_cut(awaited, source.total)
        exceeded: Any = self._refusal(text)
        exceeded.source = source
        if history is not None:
            if awaited != "headers" and _is_first(context.attempts):
                exceeded.args = (f"{text}: the request was not sent",)
                exceeded.retryability = Retryability.ALWAYS
            exceeded.is_own = awaited == "queue"
            leave_history(exceeded, history)
        raise exceeded from cause

    def _unsent(
        self, context: RequestContext, cause: Exception | None
    ) -> Unsent | None:
        """Return what the attempt was cut in, if that proves that it was not sent."""
        unsent, context.unsent = context.unsent, None  # a later attempt may be sent
        if unsent is None and isinstance(cause, self._family.timed_out):
            pool_timeout = self._family.pool_timeout
            if isinstance(cause, pool_timeout) or is_own(cause):
                unsent = "queue"
            elif was_not_sent(cause, self._family):
                unsent = "connection"
        return unsent


def _is_first(attempts: Sequence[Record]) -> bool:
    """Whether nothing was sent before the attempt that was cut off."""
    return not attempts or (len(attempts) == 1 and _is_first(attempts[0][7]))


def _history(
    context: RequestContext, deadline: Deadline, now: float
) -> Sequence[Record]:
    """Return what was sent, or that one request was cut off."""
    took, queued = now - deadline.since, context.queued
    since = deadline.since
    cut: Record = (1, None, "cancelled", 0.0, took, since, queued, (), "", False)
    return context.attempts or [cut]
