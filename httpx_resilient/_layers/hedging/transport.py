"""The hedging layer: what is slower than most is sent a second time."""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from typing import Any, NoReturn, Unpack

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._core.body.replay import same_body
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.origin import origin_key
from httpx_resilient._core.request_copy import copy_request
from httpx_resilient._core.state.store import BATCH
from httpx_resilient._core.validation import state
from httpx_resilient._layers.hedging.hedged_request import KEY, Contest, is_success
from httpx_resilient._layers.hedging.policy import HedgePolicy
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class Hedging(ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A transport that sends a slow request a second time, and takes the first success.

    Where one answer in a hundred takes a hundred times as long, for no reason that a
    second request would meet as well, this cuts the tail off for 5 % more requests. For
    asynchronous clients: in a synchronous one, nothing can wait for two at a time.

    Args:
        inner: The transport to send with. Without one, it is what a `PoolingTransport`
            is.
        hedge: When to send a second request, and which may have one. Shared with other
            transports, they learn from each other.
        budget: The `RetryBudget` of the retries around. Hedges are paid from it too,
            and their cost is given back if they succeed, as that of retries. By default
            only the policy limits them.
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: What the library's own HTTP transport takes, as for `RetryingTransport`.

    Raises:
        TypeError: `hedge` or `budget` is none; `inner` is no transport, or of the other
            library; an option is unknown, or given together with an `inner`. A client
            that uses it is synchronous.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without its extra.

    By default GET, HEAD, OPTIONS, TRACE and QUERY are hedged, and only with a body that
    two can read at a time, such as none or bytes. One request may differ:
    `extensions={"hedge": False}` is sent once, `{"hedge": True}` whatever its method.

    An exception is no success, nor is a status that a retry would try again: 408, 425,
    429 and most of 5xx. It never ends a request that may still get a better one. If
    both fail you get what became of the first. The other is cancelled, and has ended
    before you get your response. Where a second one was sent,
    `response.extensions["hedge"]` is `True` if this is its answer.

    Example:
        >>> import asyncio, httpx
        >>> transport = HedgingTransport(hedge=HedgePolicy(0.2))
        >>> async def main():
        ...     async with httpx.AsyncClient(transport=transport) as client:
        ...         pass
        >>> asyncio.run(main())
    """

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
        self.policy = HedgePolicy() if hedge is None else hedge
        self.budget = budget
        self._plain_body = self._family.plain_body

    def handle_request(self, request: RequestT) -> NoReturn:  # noqa: ARG002 - none is
        """Refuse the request of a synchronous client."""
        self._refuse()

    def __enter__(self) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        name = self._family.name
        msg = (
            f"HedgingTransport waits for two requests at a time, and a {name}.Client "
            f"cannot: use an {name}.AsyncClient, or leave it out here"
        )
        raise TypeError(msg)

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        # The happy path first: one that needs no look at its body.
        policy = self.policy
        if (
            request.method not in policy.methods
            or type(request.stream) is not self._plain_body
            or KEY in request.extensions
        ) and not self._may_be_hedged(request):
            return await io.send(request)
        key, origins = origin_key(request.url), policy.origins
        origin, success, started = origins.slot(key), False, io.now()
        delay = origin.state.delay
        response: ResponseT
        try:
            if delay is None:
                response = await io.send(request)
            else:
                # A hedge is no part of what the first one has begun, such as a trace.
                context = copy_context()
                # What is answered at once needs no timer.
                response, rest = io.begin(io.send(request))
                if rest is not None:
                    may_hedge = partial(policy.asked, key)
                    contest = Contest(
                        request, self.twin, may_hedge, self.budget, io, self._emit
                    )
                    response = await contest.run(rest, started, delay, context)
            success = is_success(response)
            return response
        finally:
            # That it was overtaken or cancelled tells something, too.
            origin.pending.append((started, io.now(), success))
            # The first ones count one by one, or it took more of them to know.
            if len(origin.pending) >= BATCH or delay is None:
                origins.fold(key)

    def _may_be_hedged(self, request: RequestT) -> bool:
        wanted = request.extensions.get(KEY)
        if wanted is None:
            wanted = request.method in self.policy.methods
        elif not isinstance(wanted, bool):
            msg = f'extensions["{KEY}"] is True or False, got {wanted!r}'
            raise TypeError(msg)
        return wanted and same_body(request, self._family) is not None

    def twin(self, request: RequestT) -> RequestT:
        """What one transport writes into its request is not for the other to see."""
        twin: Any = copy_request(request, **{KEY: False})
        twin.headers = twin.headers.copy()
        twin.stream = same_body(request, self._family)
        hedge: RequestT = twin
        return hedge
