"""The rate limit, as its user creates it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.described import Described
from httpx_resilient._core.keys import KeyFunction, check_key, key_shown
from httpx_resilient._core.lock import tell_when_forked
from httpx_resilient._core.public import public
from httpx_resilient._core.validation import number
from httpx_resilient._layers.rate_limit.asking import asker_of
from httpx_resilient._layers.rate_limit.cost import (
    CostFunction,
    UsedFunction,
    check_cost,
    checked_used,
    reservation_on,
)
from httpx_resilient._layers.rate_limit.cost_quota import cost_lane, quota_wait
from httpx_resilient._layers.rate_limit.cost_rate import correct
from httpx_resilient._layers.rate_limit.gcra import take
from httpx_resilient._layers.rate_limit.limit_state import RateLimitState
from httpx_resilient._layers.rate_limit.queue import NO_LANES
from httpx_resilient._layers.rate_limit.rates import Rates
from httpx_resilient._layers.rate_limit.rules import by_cost, by_number
from httpx_resilient._layers.rate_limit.state import Asker, Lane
from httpx_resilient._layers.rate_limit.turn import Visit


@public()
class RateLimit(Rates, Described):
    """
    A limit on the requests in a period of time, for each origin or other key.

    It is the state of a `RateLimitingTransport`. Clients of both libraries can share it
    across threads, and across tasks of asyncio and trio. In a forked child, no request
    waits or is in flight, and what the server has said still holds.

    Args:
        requests: The number of requests in `per` seconds. Without a number, only the
            limits of the server apply.
        per: Seconds.
        burst: Requests that may be sent at once after a pause without requests. With 1,
            requests are spaced evenly, and every period of `per` seconds has at most
            `requests`. With more, a period can have that number more.
        key: A function of the request that returns the key of its limit, if that is not
            the origin, such as `key_by_path()`. The limits of the server then apply to
            the same key. At most 1000 keys are stored.
        max_wait: The longest wait of a request in seconds. A request that would wait
            longer is refused, or sent if only a success has told of the limit.
        learn: Whether to respect the limits of the server too.
        cost: A function of the request that returns its cost, such as the tokens that
            it may use. `requests` and `burst` are then in units of cost, and no period
            of `per` seconds has more than `requests`, whatever the burst. The cost is
            reserved before sending, and stands unless it is corrected. If most of it is
            given back, a burst as large as `requests` uses more of the quota. A request
            that costs more than the burst waits until all before it are paid for, and
            one that costs more than `requests` is sent alone. Quotas of tokens that the
            server reports then apply, too.
        used: A function of the response that returns the actual cost by its headers, or
            `None`. Its body is unread: see `settle`.

    Raises:
        TypeError: An argument is not a number, or `key`, `cost` or `used` is not a
            plain function.
        ValueError: A number is out of range, or the arguments set no limit at all.

    Example:
        >>> limit = RateLimit(5, per=1, burst=2)
        >>> transport = RateLimitingTransport(limit=limit)
        >>> limit.states()
        {}
    """

    def __init__(
        self,
        requests: float | None = None,
        per: float = 1.0,
        *,
        burst: int = 1,
        key: KeyFunction | None = None,
        max_wait: float = 60.0,
        learn: bool = True,
        cost: CostFunction | None = None,
        used: UsedFunction | None = None,
    ) -> None:
        if requests is not None:
            requests = number("requests", requests, above=0)
        per = number("per", per, above=0, unit="seconds")
        burst = number("burst", burst, least=1, whole=True, unit="requests")
        max_wait = number("max_wait", max_wait, least=0, unit="seconds")
        check_key(key)
        check_cost(cost, used)
        if requests is None and not learn:
            msg = (
                "a RateLimit without requests= and with learn=False limits nothing: "
                "set requests=, or learn=True"
            )
            raise ValueError(msg)
        self.max_wait = max_wait
        self.learns = learn
        rules = by_number if cost is None else by_cost
        super().__init__(rules(requests, per, burst))
        self._only_learns = requests is None
        self.key = key
        self.cost = cost
        self.used = used
        tell_when_forked(self)

    def states(self) -> dict[Hashable, RateLimitState]:
        """
        Return the state of each key, least recently used first.

        The default keys are origins such as `https://example.org`.
        """
        now, states = Clock.now(), dict[Hashable, RateLimitState]()
        for key, rate in self._rates.states().items():
            lanes = self._queues.get(key, NO_LANES)
            lanes.drop_dead()
            until = now + self.max_wait
            state = self._rules.shown(rate, self._pace, now, lanes, until)
            states[key_shown(self.key, key)] = state
        return states

    def take(self, key: Hashable, context: RequestContext) -> Visit | None:
        """Admit a request that need not wait, and return its visit, else `None`."""
        now = context.now
        if self._queues and key in self._queues:
            asker = asker_of(context.request)
            if self._is_behind(key, asker, now):
                return None
        if self._counts:
            slot = self._rates.known(key)
            if slot is not None and slot.state.server is not None:
                return self._admit(key, now, asker_of(context.request))
            return (key, 0, now) if self._only_learns else self._admit(key, now)
        if self._only_learns:
            return key, 0, now
        # Written out from `_admit`, as a call would cost another 300 instructions.
        ticket = self._rates.apply(key, take, self._pace, now)
        return None if ticket is None else (key, ticket, now)

    def take_by_cost(
        self, key: Hashable, context: RequestContext, cost: float
    ) -> Visit | None:
        """Admit a request that costs something as `take` does."""
        asker, now = asker_of(context.request)._replace(cost=cost), context.now
        if key in self._queues and self._is_behind(key, asker, now):
            return None
        return self._admit(key, now, asker)

    def lane(self, key: Hashable, asker: Asker, now: float) -> Lane | None:
        """Return the queue of a request, which may be that of a quota of costs."""
        lane = super().lane(key, asker, now)
        if lane is None and self.cost is not None:
            of_cost = cost_lane(asker)
            buckets = self._rates.peek(key).buckets
            # Else, small requests would use up what a large one waits for.
            is_queued = of_cost in self._queues.get(key, NO_LANES)
            if is_queued or quota_wait(buckets, asker, now) > 0:
                return of_cost
        return lane

    def settle(self, response: Any, used: float) -> bool:
        """
        Correct the cost of a request once it is known, such as from a body.

        Args:
            response: The response that the client has returned.
            used: The actual cost. Of several calls, the last one counts.

        Returns:
            Whether this limit has admitted the request. A cache may have answered.

        Raises:
            TypeError: `used` is not a number.
            ValueError: It is negative or not finite.

        Example:
            >>> import httpx
            >>> limit = RateLimit(90_000, per=60, cost=lambda request: 4000)
            >>> answer = {"usage": {"total_tokens": 350}}
            >>> mock = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
            >>> transport = RateLimitingTransport(mock, limit)
            >>> with httpx.Client(transport=transport) as client:
            ...     response = client.get("https://api.example.com/")
            >>> limit.settle(response, response.json()["usage"]["total_tokens"])
            True
        """
        actual, known = checked_used("used", used), reservation_on(response, self)
        if known is None:
            return False
        counted, known.cost = known.cost, actual
        about = Clock.now(), known.sent, counted, actual
        self._rates.apply(known.key, correct, self._pace, *about)
        self._queues.get(known.key, NO_LANES).wake("", is_all=False)
        return True
