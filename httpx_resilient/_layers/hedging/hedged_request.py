"""A request that may be sent a second time, and the outcome of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, cast

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._budget.events import BudgetRefused
from httpx_resilient._core.attempts import INNER_ATTEMPTS, Attempt, expand
from httpx_resilient._core.classify import Retryability, classify_status
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.http_types import RequestT, ResponseLike, ResponseT
from httpx_resilient._core.io.protocol import IO, Runner
from httpx_resilient._core.marks import mark
from httpx_resilient._layers.hedging.events import HedgeLost, HedgeSent, HedgeWon

KEY = "hedge"
"""
The extension of hedging. On a request it says whether the request may be hedged. On the
response of a hedged request it says whether the hedge won.
"""


class Leg(Generic[ResponseT]):
    """
    One of the two requests: the first one or its hedge.

    Args:
        started: When it was sent, in monotonic seconds.
    """

    def __init__(self, started: float) -> None:
        self.started = self.ended = started
        self.response: ResponseT | None = None
        self.error: Exception | None = None

    async def run(self, sent: Awaitable[ResponseT], now: Callable[[], float]) -> bool:
        """Await the outcome. Return whether it is a success."""
        try:
            self.response = await sent
        except Exception as error:  # noqa: BLE001 - raised later if this leg wins
            self.error = error
        finally:
            self.ended = now()
        return self.is_success

    @property
    def is_success(self) -> bool:
        return self.response is not None and is_success(self.response)

    def attempts(self, since: float, *, hedge: bool) -> Sequence[Attempt]:
        """Return the attempts of this leg: more than one if a layer inside retried."""
        response, error = self.response, self.error
        kind: int | type[Exception] | None = None if error is None else type(error)
        if response is not None:
            kind = response.status_code
        took, at = self.ended - self.started, self.started - since
        attempt = Attempt(1, kind, "", 0.0, took, at, hedge=hedge)
        attempt = attempt._replace(reason=str(attempt))
        return expand(attempt, response or error, self.started, self.ended)

    def take_result(self) -> ResponseT:
        """Return the response or raise the exception, and forget it."""
        response, self.response = self.response, None
        if response is not None:
            return response
        error, self.error = self.error, None
        try:
            raise cast("Exception", error)
        finally:
            del error  # its traceback leads back to this frame


class HedgedRequest(Generic[RequestT, ResponseT]):
    """
    A request that may be sent a second time.

    Args:
        request: The caller's request.
        copy: Makes the hedge.
        withdraw: Withdraws a hedge from the policy, at a time in monotonic seconds;
            `refused_before` if this request was refused one. Returns whether it may be
            sent.
        budget: The retry budget that hedges are charged to as well.
        io: The IO of the request.
        emit: Emits the events of the layer.
    """

    def __init__(
        self,
        request: RequestT,
        copy: Callable[[RequestT], RequestT],
        withdraw: Callable[..., bool],
        budget: RetryBudget | None,
        io: IO[RequestT, ResponseT],
        emit: EventEmitter,
    ) -> None:
        self._request = request
        self._copy = copy
        self._withdraw = withdraw
        self._budget = budget
        self._io = io
        self._emit = emit
        self._refused_by_policy = self._refused_by_budget = False
        self._delay = 0.0
        self._first: Leg[ResponseT]
        self._hedge: Leg[ResponseT] | None = None

    async def run(
        self,
        sent: Awaitable[ResponseT],
        started: float,
        delay: float,
        context: Context,
    ) -> ResponseT:
        """
        Return or raise the outcome, and release the other one.

        Args:
            sent: The rest of the first request.
            started: When the first request was sent, in monotonic seconds.
            delay: Seconds until a hedge is sent.
            context: The context of the hedge.
        """
        io, self._delay = self._io, delay
        first: Leg[ResponseT] = Leg(started)
        self._first = first
        try:
            await context.run(io.race, delay, first.run(sent, io.now), self._start)
            return self._outcome()
        finally:
            # The second release must run even if the first is cancelled.
            try:
                await self._release(first)
            finally:
                if self._hedge is not None:
                    await self._release(self._hedge)

    async def _release(self, leg: Leg[ResponseT]) -> None:
        leg.error = None
        if leg.response is not None:
            await self._io.discard(leg.response, drain=False)

    def _start(self) -> Runner | None:
        """Start the hedge, or return `None` to be called again later."""
        budget, url, now = self._budget, self._request.url, self._io.now()
        if budget is not None and not budget.spend(url, now):
            if not self._refused_by_budget:
                self._refused_by_budget = True
                self._emit(BudgetRefused, self._request)
            return None
        if not self._withdraw(now, refused_before=self._refused_by_policy):
            self._refused_by_policy = True
            if budget is not None:
                budget.refund(url)
            return None
        hedge: Leg[ResponseT] = Leg(now)
        self._hedge = hedge
        self._emit(HedgeSent, self._request, self._delay)
        return self._send(hedge)

    async def _send(self, hedge: Leg[ResponseT]) -> bool:
        io, request, budget = self._io, self._request, self._budget
        success = await hedge.run(io.send(self._copy(request)), io.now)
        if success and budget is not None:
            budget.refund(request.url)
        return success

    def _outcome(self) -> ResponseT:
        first, hedge = self._first, self._hedge
        if hedge is None:
            return first.take_result()
        hedge_won = hedge.is_success and not first.is_success
        self._emit(HedgeWon if hedge_won else HedgeLost, self._request)
        since = first.started
        attempts = first.attempts(since, hedge=False), hedge.attempts(since, hedge=True)
        winner, (lost, won) = (
            (hedge, attempts) if hedge_won else (first, reversed(attempts))
        )
        outcome = winner.response or winner.error
        mark(outcome, INNER_ATTEMPTS, (*lost, *won), self._io.now())
        if winner.response is not None:
            winner.response.extensions[KEY] = hedge_won
        return winner.take_result()


def is_success(response: ResponseLike) -> bool:
    """Whether another response to the same request could not be better."""
    status = response.status_code
    return status < 400 or classify_status(status) is Retryability.NEVER
