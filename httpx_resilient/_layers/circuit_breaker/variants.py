"""
Circuit breakers with a key, and those that watch for slow requests.

They are classes of their own, so that other requests need not ask for either.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.keys import own_key_of
from httpx_resilient._core.state.sliding_window import Window
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
from httpx_resilient._layers.circuit_breaker.probe import Call
from httpx_resilient._layers.circuit_breaker.stage import BreakerStage
from httpx_resilient._transport.stage import OVER


def stage_for(breaker: CircuitBreaker) -> type[BreakerStage]:
    """Return the class of the stage that a breaker needs."""
    is_watched = breaker.slow_after != math.inf
    if breaker.key is None:
        return SlownessStage if is_watched else BreakerStage
    return KeyedSlownessStage if is_watched else KeyedBreakerStage


class KeyedBreakerStage(BreakerStage):
    """The same for circuits whose key is not the origin."""

    def before(self, context: RequestContext) -> Call:
        slot = self._known(self._key_of(context))
        if slot is None:
            self._create(context)
        elif type(slot.state) is not Window:
            return self._enter(context)
        return [context.now]

    def ended(
        self, context: RequestContext, visit: Call, error: BaseException | None
    ) -> None:
        """Record a request when its body has ended."""
        if error is None and visit:
            self._settle(context, visit, failed=False)
        else:
            super().ended(context, visit, error)

    def _key_of(self, context: RequestContext) -> Hashable:
        return own_key_of(context, self._breaker.key)


class SlownessStage(BreakerStage):
    """
    The same for a breaker that watches for slow requests.

    A request whose caller has waited for so long, and gives up before the headers, is a
    slow one. What it has waited for in queues on this side does not count.
    """

    def after(
        self,
        context: RequestContext,
        visit: Call,
        outcome: ResponseLike | Exception | None,
    ) -> Call:
        if outcome is None and not context.is_held_here:
            now, sent = context.now, visit[0]
            if context.elapsed_since(sent, now) >= self._slow_after:
                visit.append(now)
                self._settle(context, visit, failed=False)
                return OVER  # type: ignore[no-any-return]  # the visit of no request
        return super().after(context, visit, outcome)


class KeyedSlownessStage(SlownessStage, KeyedBreakerStage):
    """A breaker with a key that watches for slow requests."""
