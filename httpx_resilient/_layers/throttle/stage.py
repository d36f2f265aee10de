"""The throttle as a stage."""

from __future__ import annotations

from typing import NoReturn

from httpx_resilient._core.classify import is_of_server
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.keys import name_in, own_key_of
from httpx_resilient._layers.throttle.events import Throttled
from httpx_resilient._layers.throttle.throttle import AdaptiveThrottle
from httpx_resilient._transport.stage import Stage

_OVERLOADED = frozenset({429, 502, 503, 504, 529})
"""
The statuses by which a server, or the gateway in front of it, rejects a request.

502 and 504 are a gateway's connect errors and timeouts. 529 is not in a standard, but
several APIs answer it when they are overloaded.
"""


class ThrottleStage(Stage):
    """
    Rejects requests locally. Its visit is when the request was counted, if it was.

    Args:
        throttle: The loads.
        refusal: The exception of a rejection.
        family: The library of the requests.
        emit: The emitter of the layer.
    """

    def __init__(
        self,
        throttle: AdaptiveThrottle,
        refusal: type[Refusal],
        family: Family,
        emit: EventEmitter,
    ) -> None:
        self._throttle = throttle
        self._refusal = refusal
        self._family = family
        self._emit = emit

    def before(self, context: RequestContext) -> float | None:
        share, counted_at = self._throttle.enter(context.origin, context.now)
        if share is not None:
            self._reject(context, share)
        return counted_at

    def _reject(self, context: RequestContext, share: float) -> NoReturn:
        self._emit(context, Throttled, context.request, share)
        msg = (
            f"adaptive throttle: {share:.0%} of requests to "
            f"{name_in(context, self._throttle.key)} are rejected locally because it "
            "rejects most of them; reduce load or retry later"
        )
        raise self._refusal(msg)

    def after(
        self,
        context: RequestContext,
        visit: float | None,
        outcome: ResponseLike | Exception | None,
    ) -> None:
        accepted: bool | None = None  # a cancellation says nothing about the server
        if isinstance(outcome, Exception):
            accepted = False if is_of_server(outcome, self._family) else None
        elif outcome is not None:
            accepted = outcome.status_code not in _OVERLOADED
        self._throttle.leave(
            context.origin, context.now, accepted=accepted, counted_at=visit
        )


class KeyedThrottleStage(ThrottleStage):
    """
    The same for loads whose key is not the origin.

    A class of its own, so that other requests need not ask whether there is a key.
    """

    def before(self, context: RequestContext) -> float | None:
        key = own_key_of(context, self._throttle.key)
        share, counted_at = self._throttle.enter(key, context.now)
        if share is not None:
            self._reject(context, share)
        return counted_at

    def after(
        self,
        context: RequestContext,
        visit: float | None,
        outcome: ResponseLike | Exception | None,
    ) -> None:
        accepted: bool | None = None
        if isinstance(outcome, Exception):
            accepted = False if is_of_server(outcome, self._family) else None
        elif outcome is not None:
            accepted = outcome.status_code not in _OVERLOADED
        key = own_key_of(context, self._throttle.key)
        self._throttle.leave(key, context.now, accepted=accepted, counted_at=visit)
