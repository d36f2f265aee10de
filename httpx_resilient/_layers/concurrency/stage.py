"""The concurrency limit as a stage."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.classify import is_of_server
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.io.admission import MustWait
from httpx_resilient._core.keys import own_key_of
from httpx_resilient._layers.concurrency.admission import PermitAdmission
from httpx_resilient._layers.concurrency.semaphore import FairSemaphore, Permit
from httpx_resilient._layers.concurrency.semaphores import Limit
from httpx_resilient._layers.concurrency.vegas import TIMED_OUT
from httpx_resilient._transport.stage import Stage

Visit = tuple[Any, Permit, float]
"""A semaphore, its permit that the request has, and when the request was sent."""


class ConcurrencyStage(Stage):
    """
    Lets requests wait for a permit, which they have until they end.

    Its visit is a `Visit`.

    Args:
        limit: The limit.
        family: The library of the requests.
        emit: The emitter of the layer.
    """

    def __init__(self, limit: Limit[Any], family: Family, emit: EventEmitter) -> None:
        self._limit = limit
        self._family = family
        self._emit = emit

    def before(self, context: RequestContext) -> Visit:
        semaphore: FairSemaphore = self._limit.semaphore(context.origin)
        permit = semaphore.try_acquire()
        if permit is not None:
            return semaphore, permit, context.now
        raise self._wait(context, semaphore)

    def _wait(self, context: RequestContext, semaphore: FairSemaphore) -> MustWait:
        timeout = self._family.pool_timeout
        return MustWait(PermitAdmission(context, semaphore, self._emit, timeout))

    def ended(
        self,
        context: RequestContext,  # noqa: ARG002 - all permits of a semaphore are alike
        visit: Visit,
        error: BaseException | None,  # noqa: ARG002 - any end of a request counts
    ) -> None:
        """Release the permit."""
        visit[0].release(visit[1])


class AdaptiveConcurrencyStage(ConcurrencyStage):
    """The same for a limit that adapts: it has to know how long requests take."""

    def after(
        self,
        context: RequestContext,
        visit: Visit,
        outcome: ResponseLike | Exception | None,
    ) -> Visit:
        """Record the time until the headers. Cancelled requests do not count."""
        semaphore, _, started = visit
        if context.waits:  # the pool's queue inside is no latency of the server
            started = context.now - context.elapsed_since(started, context.now)
        if isinstance(outcome, Exception):
            family = self._family
            if isinstance(outcome, family.timed_out) and is_of_server(outcome, family):
                semaphore.record(TIMED_OUT, started, context.now)
        elif outcome is not None:
            semaphore.record(outcome.status_code, started, context.now)
        return visit


class KeyedConcurrencyStage(ConcurrencyStage):
    """
    The same for a limit whose key is not the origin.

    A class of its own, so that other requests need not ask whether there is a key.
    """

    def before(self, context: RequestContext) -> Visit:
        key = own_key_of(context, self._limit.key)
        semaphore: FairSemaphore = self._limit.semaphore(key)
        permit = semaphore.try_acquire()
        if permit is not None:
            return semaphore, permit, context.now
        raise self._wait(context, semaphore)


class KeyedAdaptiveStage(KeyedConcurrencyStage, AdaptiveConcurrencyStage):
    """The same for a limit that adapts."""


def stage_of(limit: Limit[Any]) -> type[ConcurrencyStage]:
    """Return the class of the stage that a limit needs."""
    if limit.key is None:
        return AdaptiveConcurrencyStage if limit.is_adaptive else ConcurrencyStage
    return KeyedAdaptiveStage if limit.is_adaptive else KeyedConcurrencyStage
