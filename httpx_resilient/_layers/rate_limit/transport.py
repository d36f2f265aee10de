"""The rate limiting layer."""

from __future__ import annotations

from typing import ClassVar, Unpack

from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.validation import state
from httpx_resilient._layers.rate_limit.cost_stage import CostStage
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.rate_limit.stage import RateLimitStage
from httpx_resilient._transport.base import InnerT
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._transport.staged import StagedTransport


class RateLimitExceeded(Refusal):
    """
    A request was not sent, because its turn would come too late.

    It is a `TransportError`. `retry_after` is the number of seconds that it would have
    waited. A `RetryingTransport` does not retry it by default, because a retry would
    only wait again.

    Example:
        >>> import httpx
        >>> limit = RateLimit(1, per=60, max_wait=0)
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> with httpx.Client(transport=RateLimitingTransport(mock, limit)) as client:
        ...     response = client.get("http://localhost/")
        ...     try:
        ...         response = client.get("http://localhost/")
        ...     except RateLimitExceeded as error:
        ...         print(round(error.retry_after))
        60
    """


class RateLimitingTransport(
    StagedTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that sends no faster than a limit allows, and than the server allows.

    A server works for a request that it refuses too, and it may lock out clients that
    ignore its limits. So requests wait here in order of arrival, and occupy nothing
    else meanwhile. A request whose turn would come after `max_wait` or after its
    deadline is refused at once with `RateLimitExceeded`. Requests that wait for a quota
    of the server do not delay those of another.

    The transport respects two kinds of limits that a server reports:

    * `Retry-After` with 429, 503, 529 or 403 pauses all requests to that origin,
      including those that wait already. After the pause, requests are spread over a
      tenth of it, 5 s at most: the first ones go one by one, the others ever faster. In
      a pause of more than a minute, one request goes about once a minute, and ends the
      pause if it is served.
    * A quota (`RateLimit`, `RateLimit-Remaining`, `X-RateLimit-Remaining` and similar
      fields) bounds the number of requests until it is renewed. No request is refused
      for a quota that a success has reported: if it may not wait for the reset, it is
      sent, one by one with others like it.

    Both bind only the requests that the server means:

    * If it names the quota (`X-RateLimit-Resource`, `X-RateLimit-Bucket`, the item of
      `RateLimit`, `RateLimit-Reason`), those whose path was last answered with that
      name. A global scope (`X-RateLimit-Scope`) binds all.
    * Without a name, a quota binds its path, and a 429 or 403 with a wait all requests
      with the same credentials (`Authorization`, `X-API-Key`, `Api-Key`).

    While a quota is used up, other requests that it may bind as well go one by one,
    until one of their kind is served.

    A `RateLimit` with `cost=` counts what requests cost, such as the tokens of a
    language model, and respects the quotas of tokens that the server reports.

    Inside a `RetryingTransport`, every attempt waits for its turn.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        limit: The `RateLimit`, which other transports may share. By default, only the
            limits of the server apply.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `limit` is not a `RateLimit`; `inner` is not a transport, or belongs
            to the other library; an option is unknown, or given together with an
            `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    Example:
        >>> import httpx
        >>> transport = RateLimitingTransport(limit=RateLimit(100, per=60, burst=10))
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    _refusal: ClassVar[type[RateLimitExceeded]] = RateLimitExceeded

    def __init__(
        self,
        inner: InnerT | None = None,
        limit: RateLimit | None = None,
        *,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        state("limit", limit, RateLimit, example="RateLimit(10, per=1)")
        limit = limit or RateLimit()
        refusal, emit, cost = self._refusal, self._emit, limit.cost
        self._run(
            RateLimitStage(limit, refusal, emit)
            if cost is None
            else CostStage(limit, cost, refusal, self._family, emit)
        )
