"""The deadline as a stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from httpx_resilient._core.body.limited import LimitedStream
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import LEAST, Deadline
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.history import Record, leave_history
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.validation import number
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
        body: Whether it limits the body, too.
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
        self._stream_class = family.stream_class(LimitedStream)
        self.timeouts: tuple[type[Exception], ...] = (TimeoutError, family.timed_out)

    def before(self, context: RequestContext) -> Deadline | None:
        """Set the deadline, which is not later than one around it."""
        seconds, outer, now = self._total, context.deadline, context.now
        if context.has_options and outer is None:
            extensions = context.request.extensions
            seconds = extensions.get(OPTION, seconds)
            if OPTION in extensions and seconds is not None:
                number('extensions["deadline"]', seconds, above=0, unit="seconds")
        if seconds is None:
            return None
        at = now + seconds
        if outer is not None and outer.at <= at:
            # A deadline of its own, because this layer may lift it.
            at, seconds = outer.at, outer.total
        # `set_deadline`, written out for the path of every request.
        context.deadline = deadline = Deadline()
        deadline.at = at
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
        # A layer inside may have reported the same moment.
        if getattr(cause, "source", None) is not deadline.source:
            self._emit(context, DeadlineCut, context.request, awaited, deadline.total)
        exceeded: Any = self._refusal(describe_cut(awaited, deadline.total))
        exceeded.source = deadline.source
        if awaited == "headers":
            leave_history(exceeded, _history(context, deadline, now))
        raise exceeded from cause


def _history(
    context: RequestContext, deadline: Deadline, now: float
) -> Sequence[Record]:
    """Return what was sent, or that one request was cut off."""
    took, queued = now - deadline.since, context.queued
    since = deadline.since
    cut: Record = (1, None, "cancelled", 0.0, took, since, queued, (), "", False)
    return context.attempts or [cut]
