"""The rate limit by cost as a stage."""

from __future__ import annotations

from httpx_resilient._core.classify import was_not_sent
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.io.admission import MustWait
from httpx_resilient._core.keys import key_of
from httpx_resilient._layers.rate_limit.admission import RateAdmission
from httpx_resilient._layers.rate_limit.answer import UNSENT
from httpx_resilient._layers.rate_limit.asking import answer_of
from httpx_resilient._layers.rate_limit.cost import (
    CostFunction,
    Reservation,
    cost_of,
    reserved,
    used_of,
)
from httpx_resilient._layers.rate_limit.events import PausedByServer
from httpx_resilient._layers.rate_limit.headers import read_costs, read_quota
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.rate_limit.turn import Visit
from httpx_resilient._transport.stage import Stage


class CostStage(Stage):
    """
    Reserves the cost of requests, lets them wait, and corrects it by their answers.

    Its visit is a `Visit`.

    Args:
        limit: The limit.
        cost: What requests cost.
        refusal: The exception of a request whose turn would come too late.
        family: The library of the requests.
        emit: The emitter of the layer.
    """

    def __init__(
        self,
        limit: RateLimit,
        cost: CostFunction,
        refusal: type[Refusal],
        family: Family,
        emit: EventEmitter,
    ) -> None:
        self._limit = limit
        self._cost = cost
        self._refusal = refusal
        self._family = family
        self._emit = emit

    def before(self, context: RequestContext) -> Visit:
        limit = self._limit
        key = context.origin if limit.key is None else key_of(context, limit.key)
        cost = cost_of(self._cost, context.request)
        visit = limit.take_by_cost(key, context, cost)
        if visit is None:
            emit, refusal = self._emit, self._refusal
            raise MustWait(RateAdmission(context, limit, key, emit, refusal, cost))
        return visit

    def after(
        self,
        context: RequestContext,
        visit: Visit,
        outcome: ResponseLike | Exception | None,
    ) -> None:
        limit, now = self._limit, context.now
        if outcome is None or isinstance(outcome, Exception):
            # What may have been processed has cost what was reserved.
            answer = answer_of(context, outcome, None)
            is_unsent = self._is_unsent(context, outcome)
            limit.record(visit, UNSENT if is_unsent else answer, now)
            return
        quota, costs, used = None, None, None
        try:
            if limit.learns:
                quota = read_quota(outcome, context.clock.wall_time)
                if quota is None or quota.pause is None:
                    costs = read_costs(outcome, context.clock.wall_time)
            used = used_of(limit.used, outcome)
        finally:
            key, ticket, sent = visit
            answer = answer_of(context, outcome, quota)
            limit.record(visit, answer._replace(cost=used, costs=costs), now)
        counted = ticket.cost if used is None else used
        reserved(outcome, Reservation(limit, key, sent, counted))
        if quota is not None and quota.pause is not None:
            self._emit(context, PausedByServer, context.request, quota.pause)

    def _is_unsent(self, context: RequestContext, error: Exception | None) -> bool:
        """Whether a request without a response has certainly not been sent."""
        if context.refused or context.unsent is not None:
            return True
        return error is not None and was_not_sent(error, self._family)
