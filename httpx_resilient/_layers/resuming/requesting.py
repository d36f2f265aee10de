"""The further requests of a body: decided on, paid for, waited for, and sent."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from httpx_resilient._budget.events import BudgetRefused, budget_spent
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.request_copy import copy_request
from httpx_resilient._core.resuming.range_request import reread_headers, rest_headers
from httpx_resilient._core.resuming.representation import Representation
from httpx_resilient._layers.resuming.breaks import is_final, seconds_asked
from httpx_resilient._layers.resuming.ending import Ending
from httpx_resilient._layers.resuming.events import BodyBroken
from httpx_resilient._layers.resuming.payment import Payment
from httpx_resilient._layers.resuming.steps import End, Progress, next_step

if TYPE_CHECKING:
    from httpx_resilient._layers.resuming.exchange import Exchange
    from httpx_resilient._layers.resuming.stream import ResumedStream

_LONGEST_ASKED = 60.0
"""Seconds that a server may ask for before the next request, as in `wait_transient`."""

What = Literal["rest", "everything"]


class Requesting:
    """
    The further requests of a body.

    Args:
        stream: The stream of the caller.
    """

    def __init__(self, stream: ResumedStream) -> None:
        settings = stream.settings
        self._stream = stream
        self._exchange = exchange = stream.exchange
        self.context = context = _context_for(exchange)
        """The context of the latest request."""
        self.ending = Ending(stream, context)
        """Ends the body, if it does not go on."""
        self.progress = Progress()
        """What the body has cost so far."""
        self.least_wait = 0.0
        """Seconds that the server asks for before the next request."""
        self.payment = Payment(
            settings.budget, context, exchange.io.now(), earns=settings.earns
        )
        self._sent = exchange.began

    def failed(self, failure: str, *, is_unproven: bool = False) -> None:
        """Note why what was sent last is of no use, or that the body broke."""
        is_unproven = self.progress.is_unproven or is_unproven
        self.progress = replace(self.progress, failure=failure, is_unproven=is_unproven)

    def has_reread(self, count: int) -> None:
        """Note that so many bytes came once more."""
        self.progress = replace(self.progress, reread=self.progress.reread + count)

    def helped(self) -> None:
        """Note that the latest request has brought the body on."""
        self.payment.refund()
        self.progress = replace(self.progress, fruitless=0)

    async def admit(self, first: Representation, offset: int, cause: Exception) -> What:
        """
        Decide on another request, pay for it, and wait.

        Returns:
            What it asks for.

        Raises:
            Exception: There is none: the cause, with a note that says why.
        """
        stream, progress = self._stream, self.progress
        settings, io = stream.settings, self._exchange.io
        step = next_step(first, offset, progress, settings.limits)
        if isinstance(step, End):
            raise await self.ending.lost(cause, progress.failure, step.reason)
        now = io.now()
        wait = max(self.least_wait, random.uniform(0, step.most_wait))  # noqa: S311 - jitter need not be secret
        why = self._why_not(cause, now, wait)
        if why is not None:
            raise await self.ending.lost(cause, progress.failure, why)
        self.least_wait = 0.0
        self.ending.history.broke(progress.failure, wait)
        broken = self._exchange.request, stream.received, progress.failure, wait
        settings.emit(self.context, BodyBroken, *broken)
        try:
            await settings.emit.settle(self.context)
            await io.sleep(wait)
        except BaseException:  # observed only, and raised again
            self.payment.refund()
            raise
        return step.what

    def _why_not(self, cause: Exception, now: float, wait: float) -> str | None:
        """Charge another request. Return why it is not sent, if so."""
        settings = self._stream.settings
        if self.least_wait > _LONGEST_ASKED:
            return f"the server asks for {self.least_wait:.4g} s before another request"
        if (
            self._exchange.deadline is not None
            and now + wait >= self._exchange.deadline.at
        ):
            return "the deadline comes before the next request"
        is_slow = isinstance(cause, settings.family.timed_out)
        if self.payment.withdraw(now, self._sent, is_slow=is_slow):
            return None
        budget = settings.budget
        key = None if budget is None else budget.key_in(self.context)
        settings.emit(self.context, BudgetRefused, self._exchange.request, key)
        return budget_spent(key)

    async def send(
        self, what: What, first: Representation, offset: int, cause: Exception
    ) -> Any:
        """
        Send a request.

        Returns:
            Its answer, or `None` if there is none and another one may be sent.

        Raises:
            Exception: There is none: the cause, with a note that says why.
        """
        stream, progress = self._stream, self.progress
        io, given = self._exchange.io, self._exchange.request.headers
        sent = copy_request(self._exchange.request)
        sent.headers = type(given)(
            rest_headers(given.raw, first, offset)
            if what == "rest"
            else reread_headers(given.raw, first)
        )
        self.progress = replace(
            progress, resumes=progress.resumes + 1, fruitless=progress.fruitless + 1
        )
        purpose = f"asked for {what}" + f" from {offset:,}" * (what == "rest")
        self.context = context = _context_for(self._exchange)
        self._sent = at = io.now()
        history = self.ending.history
        try:
            response = await io.send(sent, context)
        except Exception as error:
            kind = type(error)
            history.sent(kind, purpose, at, io.now(), context)
            self.failed(kind.__name__)
            if is_final(error, stream.settings.family):
                why = f"{kind.__name__}: {error}"
                raise await self.ending.lost(cause, kind.__name__, why) from error
            self.least_wait = seconds_asked(error) or 0.0
            return None
        history.sent(response.status_code, purpose, at, io.now(), context)
        return response


def _context_for(exchange: Exchange) -> RequestContext:
    """Make the context of a further request: the deadline is that of the caller."""
    context, request = exchange.context, exchange.request
    made = begin(request, exchange.io) if context is None else context.fork(request)
    # A deadline around takes its own from the context when the headers are there: from
    # then on, it limits the reading of the body.
    made.deadline = exchange.deadline
    return made
