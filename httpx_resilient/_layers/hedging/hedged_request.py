"""A request that may get a hedge, and what becomes of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, cast

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._budget.events import BudgetRefused
from httpx_resilient._core.attempts import SENDS, Attempt, mark, unfolded
from httpx_resilient._core.classify import Retryability, classify_status
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.http_types import RequestT, ResponseLike, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.io.race import Runner
from httpx_resilient._layers.hedging.events import HedgeLost, HedgeSent, HedgeWon

KEY = "hedge"
"""In the extensions of a request: whether it may be hedged. In those of a response, if
there was a hedge: whether this is the hedge's."""


class Sending(Generic[ResponseT]):
    """One of the two, and what became of it: nothing, as long as it is under way."""

    def __init__(self, started: float) -> None:
        self.started = self.ended = started
        self.response: ResponseT | None = None
        self.error: Exception | None = None

    async def run(self, sent: Awaitable[ResponseT], now: Callable[[], float]) -> bool:
        """Send it. Says whether it has won."""
        try:
            self.response = await sent
        except Exception as error:  # noqa: BLE001 - raised to the caller, if it is the outcome
            self.error = error
        finally:
            self.ended = now()
        return self.is_success

    @property
    def is_success(self) -> bool:
        return self.response is not None and is_success(self.response)

    def attempts(self, since: float, *, hedge: bool) -> Sequence[Attempt]:
        """Tell it as history."""
        response, error = self.response, self.error
        kind: int | type[Exception] | None = None if error is None else type(error)
        if response is not None:
            kind = response.status_code
        took, at = self.ended - self.started, self.started - since
        attempt = Attempt(1, kind, "", 0.0, took, at, hedge=hedge)
        attempt = attempt._replace(reason=str(attempt))
        return unfolded(attempt, response or error, self.started, self.ended)

    def hand_over(self) -> ResponseT:
        """Return or raise what became of it."""
        response, self.response = self.response, None
        if response is not None:
            return response
        error, self.error = self.error, None
        try:
            raise cast("Exception", error)
        finally:
            del error  # its traceback leads here


class Contest(Generic[RequestT, ResponseT]):
    """
    A request that may get a hedge, and what becomes of both.

    Args:
        request: The request.
        twin: Makes the hedge.
        may_hedge: Asks the policy, at a time; `again` if it has refused before.
        budget: What hedges pay with besides.
        io: What both are sent with.
        tell: Tells what happens.
    """

    def __init__(
        self,
        request: RequestT,
        twin: Callable[[RequestT], RequestT],
        may_hedge: Callable[..., bool],
        budget: RetryBudget | None,
        io: IO[RequestT, ResponseT],
        emit: EventEmitter,
    ) -> None:
        self._request = request
        self._twin = twin
        self._may_hedge = may_hedge
        self._budget = budget
        self._io = io
        self._emit = emit
        self._refused = self._unpaid = False
        self._delay = 0.0
        self._first: Sending[ResponseT]
        self._second: Sending[ResponseT] | None = None

    async def run(
        self,
        sent: Awaitable[ResponseT],
        started: float,
        delay: float,
        context: Context,
    ) -> ResponseT:
        """Return or raise what the caller gets, and release the rest."""
        io, self._delay = self._io, delay
        first: Sending[ResponseT] = Sending(started)
        self._first = first
        try:
            await context.run(io.race, delay, first.run(sent, io.now), self._hedge)
            return self._outcome()
        finally:
            # Each of them, also if that of the other one is cancelled.
            try:
                await self._release(first)
            finally:
                if self._second is not None:
                    await self._release(self._second)

    async def _release(self, sending: Sending[ResponseT]) -> None:
        sending.error = None
        if sending.response is not None:
            await self._io.discard(sending.response, drain=False)

    def _hedge(self) -> Runner | None:
        budget, url, now = self._budget, self._request.url, self._io.now()
        if budget is not None and not budget.spend(url, now):
            if not self._unpaid:
                self._unpaid = True
                self._emit(BudgetRefused, self._request)
            return None
        if not self._may_hedge(now, again=self._refused):
            self._refused = True
            if budget is not None:
                budget.refund(url)
            return None
        second: Sending[ResponseT] = Sending(now)
        self._second = second
        self._emit(HedgeSent, self._request, self._delay)
        return self._send(second)

    async def _send(self, second: Sending[ResponseT]) -> bool:
        io, request, budget = self._io, self._request, self._budget
        success = await second.run(io.send(self._twin(request)), io.now)
        if success and budget is not None:
            budget.refund(request.url)
        return success

    def _outcome(self) -> ResponseT:
        first, second = self._first, self._second
        if second is None:
            return first.hand_over()
        hedge_won = second.is_success and not first.is_success
        self._emit(HedgeWon if hedge_won else HedgeLost, self._request)
        since = first.started
        sends = first.attempts(since, hedge=False), second.attempts(since, hedge=True)
        winner, (loser, won) = (
            (second, sends) if hedge_won else (first, reversed(sends))
        )
        outcome = winner.response or winner.error
        mark(outcome, SENDS, (*loser, *won), self._io.now())
        if winner.response is not None:
            winner.response.extensions[KEY] = hedge_won
        return winner.hand_over()


def is_success(response: ResponseLike) -> bool:
    """Whether no other answer to the same request would be better."""
    status = response.status_code
    return status < 400 or classify_status(status) is Retryability.NEVER
