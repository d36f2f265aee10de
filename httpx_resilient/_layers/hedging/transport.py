"""The hedging layer: the flow of a request that may be sent a second time."""

from __future__ import annotations

from collections.abc import Hashable
from contextvars import copy_context
from functools import partial
from typing import Any, ClassVar, NoReturn, Unpack

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._core.body.replay import same_body
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.keys import key_of
from httpx_resilient._core.origin import origin_key
from httpx_resilient._core.request_copy import copy_request
from httpx_resilient._core.state.store import BATCH
from httpx_resilient._core.validation import state
from httpx_resilient._layers.hedging.hedged_request import HedgedRequest
from httpx_resilient._layers.hedging.leg import OPTION, is_success
from httpx_resilient._layers.hedging.policy import HedgePolicy
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class HedgingTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that sends a slow request a second time, and returns the first success.

    If one response in a hundred takes a hundred times as long, and a second request
    would not, hedging removes these delays for 5 % more requests. It is for
    asynchronous clients: a synchronous client cannot wait for two requests at a time.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        hedge: When to hedge which requests. Transports that share a policy share what
            they observe.
        budget: The `RetryBudget` of a retry around this layer. Hedges withdraw from it
            too, and those that succeed are refunded. By default, only the policy limits
            hedges.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `hedge` is not a `HedgePolicy`, or `budget` not a `RetryBudget`;
            `inner` is not a transport, or belongs to the other library; an option is
            unknown, or given together with an `inner`. A synchronous client that uses
            the transport raises it too.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    By default GET, HEAD, OPTIONS, TRACE and QUERY are hedged, if they have no body or
    one that can be read twice at a time, such as bytes. An extension overrides this for
    one request: `{"hedge": False}` sends it once, `{"hedge": True}` hedges any method.

    An exception is not a success. Nor is a status that is worth a retry: 408, 425, 429
    and most of 5xx. Such an outcome ends no request while the other one is in flight.
    If both fail, you get the outcome of the first; if a layer inside has refused the
    first, the response to the hedge. The loser is cancelled, and has ended before you
    get the response. The response of a hedged request has `extensions["hedge"]`: `True`
    if it answers the hedge.

    Example:
        >>> import asyncio, httpx
        >>> transport = HedgingTransport(hedge=HedgePolicy(0.2))
        >>> async def main():
        ...     async with httpx.AsyncClient(transport=transport) as client:
        ...         pass
        >>> asyncio.run(main())
    """

    _asynchronous_only: ClassVar[bool] = True
    _option: ClassVar[str | None] = OPTION

    def __init__(
        self,
        inner: InnerT | None = None,
        hedge: HedgePolicy | None = None,
        *,
        budget: RetryBudget | None = None,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        state("hedge", hedge, HedgePolicy, example="HedgePolicy(0.2)")
        state("budget", budget, RetryBudget, example="RetryBudget(0.1)")
        self.policy: HedgePolicy = HedgePolicy() if hedge is None else hedge
        self.budget = budget
        self._plain_body = self._family.plain_body
        self._origins, self._methods = self.policy.origins, self.policy.methods
        functions = self.policy.key, None if budget is None else budget.key
        self._has_key = functions != (None, None)

    def handle_request(self, request: RequestT) -> NoReturn:  # noqa: ARG002 - part of the signature
        """Refuse the request of a synchronous client."""
        self._refuse()

    def __enter__(self) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        name = self._family.name
        msg = (
            "HedgingTransport waits for two requests at a time, which a "
            f"{name}.Client cannot: use an {name}.AsyncClient, or leave this layer out"
        )
        raise TypeError(msg)

    async def _handle(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        # The first conditions spare most requests a look at their bodies.
        if (
            request.method not in self._methods
            or type(request.stream) is not self._plain_body
            or (context is not None and context.has_options)
        ) and not self._may_be_hedged(request):
            return await io.send(request, context)
        if self._has_key:
            context, key = self._keyed(request, io, context)
        else:
            key = origin_key(request.url) if context is None else context.origin
        origins = self._origins
        origin, success, started = origins.slot(key), False, io.now()
        delay = origin.state.delay
        # The hedge must not see what the first request sets, such as a deadline.
        leg = None if context is None else context.fork(request)
        response: ResponseT
        try:
            if delay is None:
                response = await io.send(request, leg)
            else:
                variables = copy_context()
                # A request that is answered at once needs no timer.
                response, rest = io.begin(io.send(request, leg))
                if rest is not None:
                    context = context or begin(request, io)
                    hedged = self._hedged(request, io, context, leg or context, key)
                    response = await hedged.run(rest, started, delay, variables)
            success = is_success(response)
            return response
        finally:
            if leg is not None and context is not None:
                context.join(leg)  # unless a hedge has taken what is there
                if leg.waits:  # a queue of this side is no latency of the server
                    now = io.now()
                    started = now - leg.elapsed_since(started, now)
            # Overtaken and cancelled requests count too, see `record`.
            origin.pending.append((started, io.now(), success))
            # The first requests are folded in one by one, so that `samples` is exact.
            if len(origin.pending) >= BATCH or delay is None:
                origins.fold(key)

    def _hedged(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext,
        leg: RequestContext,
        key: Hashable,
    ) -> HedgedRequest[RequestT, ResponseT]:
        """Make a request that has to wait for its answer, so that it may be hedged."""
        return HedgedRequest(
            request,
            context,
            leg,
            self._copy,
            partial(self.policy.withdraw, key),
            self.budget,
            self._family,
            io,
            self._emit,
        )

    def _keyed(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None,
    ) -> tuple[RequestContext, Hashable]:
        """Return the context and the key of a request, before anything is sent."""
        context = context or begin(request, io)
        function, budget = self.policy.key, self.budget
        if budget is not None:
            budget.key_in(context)  # the context knows it from then on
        key = context.origin if function is None else key_of(context, function)
        return context, key

    def _may_be_hedged(self, request: RequestT) -> bool:
        wanted = request.extensions.get(OPTION)
        if wanted is None:
            wanted = request.method in self.policy.methods
        elif not isinstance(wanted, bool):
            msg = f'extensions["{OPTION}"] must be True or False; got {wanted!r}'
            raise TypeError(msg)
        return wanted and same_body(request, self._family) is not None

    def _copy(self, request: RequestT) -> RequestT:
        """Make the hedge. Neither request sees what a transport writes to the other."""
        copy: Any = copy_request(request, **{OPTION: False})
        copy.headers = copy.headers.copy()
        copy.stream = same_body(request, self._family)
        hedge: RequestT = copy
        return hedge
