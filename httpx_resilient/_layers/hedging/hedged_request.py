"""A request that may be sent a second time, and the outcome of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Generic

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._budget.events import BudgetRefused
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import LEAST
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.history import leave_history
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO, Runner
from httpx_resilient._core.refused import is_refused_here
from httpx_resilient._layers.hedging.events import HedgeLost, HedgeSent, HedgeWon
from httpx_resilient._layers.hedging.leg import OPTION, Leg


class HedgedRequest(Generic[RequestT, ResponseT]):
    """
    A request that may be sent a second time.

    Args:
        request: The caller's request.
        context: The context of the caller's request.
        leg: That of the first request, which may be a fork.
        copy: Makes the hedge.
        withdraw: Withdraws a hedge from the policy, at a time in monotonic seconds;
            `refused_before` if this request was refused one. Returns whether it may be
            sent.
        budget: The retry budget that hedges are charged to as well.
        family: The library of the request.
        io: The IO of the request.
        emit: Emits the events of the layer.
    """

    def __init__(
        self,
        request: RequestT,
        context: RequestContext,
        leg: RequestContext,
        copy: Callable[[RequestT], RequestT],
        withdraw: Callable[..., bool],
        budget: RetryBudget | None,
        family: Family,
        io: IO[RequestT, ResponseT],
        emit: EventEmitter,
    ) -> None:
        self._request = request
        self._context = context
        self._leg = leg
        self._copy = copy
        self._withdraw = withdraw
        self._family = family
        self._account = None if budget is None else budget.account_of(context)
        self._budget_key = None if budget is None else budget.key_in(context)
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
        variables: Context,
    ) -> ResponseT:
        """
        Return or raise the outcome, and release the other one.

        Args:
            sent: The rest of the first request.
            started: When the first request was sent, in monotonic seconds.
            delay: Seconds until a hedge is sent.
            variables: The context variables of the hedge.
        """
        io, self._delay = self._io, delay
        first: Leg[ResponseT] = Leg(started, self._leg)
        self._first = first
        try:
            await variables.run(io.race, delay, first.run(sent, io.now), self._start)
            winner = self._winner()
        except BaseException:  # observed only, and raised again
            self._leave(first)
            await self._release_both()
            raise
        is_released = False
        try:
            await self._release(first if winner is self._hedge else self._hedge)
            is_released = True
        finally:
            if not is_released:
                await self._release(winner)
        return winner.take_result()

    def _leave(self, last: Leg[ResponseT]) -> None:
        """Leave the history of both requests, if a hedge was sent; one is the last."""
        hedge, first = self._hedge, self._first
        if hedge is None:
            return
        records = {each: each.record(hedge=each is hedge) for each in (first, hedge)}
        won = records.pop(last)
        (lost,) = records.values()
        self._context.attempts = [lost, won]
        outcome = last.response or last.error
        if outcome is not None:
            leave_history(outcome, [lost, won])

    async def _release_both(self) -> None:
        # The second release must run even if the first is cancelled.
        try:
            await self._release(self._first)
        finally:
            await self._release(self._hedge)

    async def _release(self, leg: Leg[ResponseT] | None) -> None:
        if leg is None:
            return
        leg.error = None
        if leg.response is not None:
            await self._io.discard(leg.response, drain=False)

    def _start(self) -> Runner | float | None:
        """Start the hedge, or return when to be called again."""
        account, now = self._account, self._io.now()
        if self._leg.waits or self._leg.queued_since < now:
            if self._leg.queued_since < now:
                return None  # the server has not got it yet
            left = self._delay - self._leg.elapsed_since(self._first.started, now)
            if left > LEAST:
                return left
        if account is not None and not account.withdraw(now, 1, 0):
            if not self._refused_by_budget:
                self._refused_by_budget = True
                key = self._budget_key
                self._emit(self._context, BudgetRefused, self._request, key)
            return None
        if not self._withdraw(now, refused_before=self._refused_by_policy):
            self._refused_by_policy = True
            if account is not None:
                account.refunds.append(1)
            return None
        copy = self._copy(self._request)
        hedge: Leg[ResponseT] = Leg(now, self._context.fork(copy))
        self._hedge = hedge
        self._emit(self._context, HedgeSent, self._request, self._delay)
        return self._send(copy, hedge)

    async def _send(self, copy: RequestT, hedge: Leg[ResponseT]) -> bool:
        io, account = self._io, self._account
        success = await hedge.run(io.send(copy, hedge.context), io.now)
        if success and account is not None:
            account.refunds.append(1)
        return success

    def _is_only_answer(self, leg: Leg[ResponseT], other: Leg[ResponseT]) -> bool:
        """Whether a leg has an answer, and the other one was refused on this side."""
        return leg.response is not None and is_refused_here(
            other.error, self._family, other.context
        )

    def _winner(self) -> Leg[ResponseT]:
        """Return the leg whose outcome is that of the request."""
        first, hedge = self._first, self._hedge
        if hedge is None:
            return first
        hedge_won = not first.is_success and (
            hedge.is_success or self._is_only_answer(hedge, first)
        )
        event = HedgeWon if hedge_won else HedgeLost
        self._emit(self._context, event, self._request)
        winner = hedge if hedge_won else first
        self._leave(winner)
        if winner.response is not None:
            winner.response.extensions[OPTION] = hedge_won
        return winner
