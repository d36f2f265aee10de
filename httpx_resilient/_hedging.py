"""The hedging layer: what is slower than most is sent a second time."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Any, Generic, NoReturn, Unpack, cast

from httpx_resilient._bodies import same_body
from httpx_resilient._budget import RetryBudget
from httpx_resilient._checks import state
from httpx_resilient._copies import twin_of
from httpx_resilient._evidence import Evidence, of_status
from httpx_resilient._family import RequestT, ResponseLike, ResponseT, address
from httpx_resilient._hedge import HedgePolicy
from httpx_resilient._inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._io import IO
from httpx_resilient._keeping import BULK, Key, key_of
from httpx_resilient._racing import Runner
from httpx_resilient._telling import logger
from httpx_resilient._transport import InnerT, ResilientTransport

KEY = "hedge"
"""In the extensions of a request: whether it may be hedged. In those of a response, if
there was a hedge: whether this is the hedge's."""


class Hedging(
    ResilientTransport[RequestT, ResponseT, InnerT],
    Generic[RequestT, ResponseT, InnerT, LimitsT, ProxyT],
):
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
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, dict(http))
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
        key, origins = key_of(request.url), policy.origins
        origin, success, started = origins.slot(key), False, io.now()
        delay = origin.state.delay
        response: ResponseT
        try:
            if delay is None:
                response = await io.send(request)
            else:
                # What is answered at once needs no timer.
                response, rest = io.begin(io.send(request))
                if rest is not None:
                    contest = Contest(self, request, rest, key, delay, io)
                    response = await contest.run()
            success = is_success(response)
            return response
        finally:
            # That it was overtaken or cancelled tells something, too.
            origin.notes.append((started, io.now(), success))
            # The first ones count one by one, or it took more of them to know.
            if len(origin.notes) >= BULK or delay is None:
                origins.hear(key)

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
        twin: Any = twin_of(request, **{KEY: False})
        twin.headers = twin.headers.copy()
        twin.stream = same_body(request, self._family)
        hedge: RequestT = twin
        return hedge


class Contest(Generic[RequestT, ResponseT]):
    """A request that may get a hedge, and what becomes of both."""

    def __init__(
        self,
        layer: Hedging[RequestT, ResponseT, Any, Any, Any],
        request: RequestT,
        sent: Awaitable[ResponseT],
        key: Key,
        delay: float,
        io: IO[RequestT, ResponseT],
    ) -> None:
        self._layer = layer
        self._request = request
        self._sent = sent
        self._key = key
        self._delay = delay
        self._io = io
        self._hedged = self._refused = False
        self._first: ResponseT | None = None
        self._error: Exception | None = None
        self._second: ResponseT | None = None

    async def run(self) -> ResponseT:
        """Return or raise what the caller gets, and release the rest."""
        io = self._io
        try:
            await io.race(self._delay, self._send_first(), self._may_hedge)
            return self._outcome()
        finally:
            # Each of them, also if that of the other one is cancelled.
            try:
                if self._first is not None:
                    await io.discard(self._first, drain=False)
            finally:
                if self._second is not None:
                    await io.discard(self._second, drain=False)

    async def _send_first(self) -> bool:
        try:
            self._first = response = await self._sent
        except Exception as error:  # noqa: BLE001 - raised by `_outcome`
            self._error = error
            return False
        return is_success(response)

    def _may_hedge(self) -> Runner | None:
        budget, key, now = self._layer.budget, self._key, self._io.now()
        if budget is not None and not budget.spend(self._request.url, now):
            return None
        if not self._layer.policy.asked(key, now, again=self._refused):
            self._refused = True
            if budget is not None:
                budget.refund(self._request.url)
            return None
        self._hedged = True
        return self._send_second()

    async def _send_second(self) -> bool:
        layer, request = self._layer, self._request
        if logger.isEnabledFor(logging.DEBUG):
            method, url, delay = request.method, address(request), self._delay
            logger.debug("%s %s: hedged, after %.3f s or more", method, url, delay)
        try:
            self._second = response = await self._io.send(layer.twin(request))
        except Exception:  # noqa: BLE001 - what became of the first is what counts then
            return False
        success = is_success(response)
        if success and layer.budget is not None:
            layer.budget.refund(self._request.url)
        return success

    def _outcome(self) -> ResponseT:
        first, error, second = self._first, self._error, self._second
        failed = first is None or not is_success(first)
        if failed and second is not None and is_success(second):
            self._second = None
            second.extensions[KEY] = True
            return second
        self._first = self._error = None
        if first is None:
            try:
                raise cast("Exception", error)
            finally:
                del error  # its traceback leads here
        if self._hedged:
            first.extensions[KEY] = False
        return first


def is_success(response: ResponseLike) -> bool:
    """Whether no other answer to the same request would be better."""
    status = response.status_code
    return status < 400 or of_status(status) is Evidence.FINAL
