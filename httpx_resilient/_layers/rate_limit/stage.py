"""The rate limit as a stage."""

from __future__ import annotations

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.io.admission import MustWait
from httpx_resilient._core.keys import key_of
from httpx_resilient._layers.rate_limit.admission import RateAdmission
from httpx_resilient._layers.rate_limit.asking import answer_of
from httpx_resilient._layers.rate_limit.events import PausedByServer
from httpx_resilient._layers.rate_limit.headers import read_quota
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.rate_limit.turn import Visit
from httpx_resilient._transport.stage import Stage


class RateLimitStage(Stage):
    """
    Lets requests wait for their turn, and reads the limits of the server.

    Its visit is a `Visit`.

    Args:
        limit: The limit.
        refusal: The exception of a request whose turn would come too late.
        emit: The emitter of the layer.
    """

    def __init__(
        self, limit: RateLimit, refusal: type[Refusal], emit: EventEmitter
    ) -> None:
        self._limit = limit
        self._refusal = refusal
        self._emit = emit

    def before(self, context: RequestContext) -> Visit:
        limit = self._limit
        key = context.origin if limit.key is None else key_of(context, limit.key)
        visit = limit.take(key, context)
        if visit is None:
            raise MustWait(
                RateAdmission(context, limit, key, self._emit, self._refusal)
            )
        return visit

    def after(
        self,
        context: RequestContext,
        visit: Visit,
        outcome: ResponseLike | Exception | None,
    ) -> None:
        (_, ticket, _), quota, limit = visit, None, self._limit
        if limit.learns and outcome is not None and not isinstance(outcome, Exception):
            quota = read_quota(outcome, context.clock.wall_time)
        if ticket or quota is not None:
            limit.record(visit, answer_of(context, outcome, quota), context.now)
        if quota is not None and quota.pause is not None:
            self._emit(context, PausedByServer, context.request, quota.pause)
