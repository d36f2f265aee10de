"""What a server does with a request: its decision, and the transport that acts."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from httpx_resilient._core.family import Family
from httpx_resilient.simulation._server import Outage, Server

AT_ONCE = 0.001
"""Seconds of an answer that takes no work: a refusal."""

_SIGMA = 0.35
"""Of the logarithm of a latency: the 99th percentile is 2.3 times the median."""


class Reply(NamedTuple):
    """
    The answer to a request.

    Args:
        seconds: After which it arrives.
        status: The status code. 0 means that no connection can be made, and -1 that the
            connection breaks.
        retry_after: The seconds of its header, if it has one.
    """

    seconds: float
    status: int
    retry_after: float | None = None


REFUSED, BROKEN = 0, -1


class ServerState:
    """
    The state of a server. Its outages are known, so each reply is known on arrival.

    Args:
        server: The description.
        rng: The source of the times and the errors.
    """

    def __init__(self, server: Server, rng: random.Random) -> None:
        self._server = server
        self._rng = rng
        self._free = 0.0
        """When all requests that have arrived are worked on."""
        self._begins: deque[float] = deque()
        """When the work on each waiting request begins."""
        self._dead = [each for each in server.outages if each.kind == "dead"]
        self._restarts = deque(
            each for each in server.outages if each.kind == "restart"
        )

    def receive(self, now: float) -> Reply:
        """Receive a request, and return its reply."""
        self._restart(now)
        current = self._outage_at(now)
        refusal = None if current is None else self._refusal(current)
        if refusal is not None:
            return refusal
        begins = self._begins
        while begins and begins[0] <= now:
            begins.popleft()
        server, rng = self._server, self._rng
        if server.queue is not None and len(begins) > server.queue:
            return Reply(AT_ONCE, 503)
        begin = self._after_standstill(max(now, self._free))
        if begin > now:
            begins.append(begin)
        slow = self._slowness_at(begin)
        work = slow * rng.expovariate(server.capacity)
        self._free = self._end_of(begin, work)
        on_the_way = slow * server.latency * rng.lognormvariate(0, _SIGMA)
        answered = self._end_of(self._free, on_the_way)
        if self._restarts and self._restarts[0].start <= answered:
            return Reply(self._restarts[0].start - now, BROKEN)
        return Reply(answered - now, 200)

    def _restart(self, now: float) -> None:
        """Forget the queue of before a restart that is over."""
        restarts = self._restarts
        while restarts and restarts[0].end <= now:
            self._free = restarts.popleft().end
            self._begins.clear()

    def _outage_at(self, moment: float) -> Outage | None:
        for each in self._server.outages:
            if each.start <= moment < each.end:
                return each
        return None

    def _refusal(self, outage: Outage) -> Reply | None:
        match outage.kind:
            case "restart":
                return Reply(AT_ONCE, REFUSED)
            case "429":
                return Reply(AT_ONCE, 429, outage.amount)
            case "errors" if self._rng.random() < outage.amount:
                return Reply(AT_ONCE, 503)
            case _:
                return None

    def _slowness_at(self, moment: float) -> float:
        outage = self._outage_at(moment)
        return outage.amount if outage is not None and outage.kind == "slow" else 1.0

    def _after_standstill(self, moment: float) -> float:
        for each in self._dead:
            if each.start <= moment < each.end:
                return each.end
        return moment

    def _end_of(self, begin: float, seconds: float) -> float:
        """Return when something ends that pauses while the server stands still."""
        end = begin + seconds
        for each in self._dead:
            if begin < each.start < end:
                end += each.end - each.start
        return end


class ServingTransport:
    """
    The transport that stands for the server. Any layer can be around it.

    Args:
        state: The state of the server.
        requests: Counts the requests by the second in which they arrive.
        now: The clock.
    """

    family: Family
    """The HTTP library of the requests."""

    def __init__(
        self, state: ServerState, requests: Counter[int], now: Callable[[], float]
    ) -> None:
        self._state = state
        self._requests = requests
        self._now = now

    async def handle_async_request(self, request: Any) -> Any:
        """Reply as the server does, within the read timeout of the request."""
        now = self._now()
        self._requests[int(now)] += 1
        reply = self._state.receive(now)
        limit = request.extensions.get("timeout", {}).get("read")
        patience = math.inf if limit is None else limit
        await asyncio.sleep(min(reply.seconds, patience))
        family = self.family
        if reply.seconds > patience:
            msg = f"no answer within {patience:g} s"
            raise family.read_timeout(msg)
        if reply.status == REFUSED:
            msg = "the server restarts: no connection can be made"
            raise family.never_sent[0](msg)
        if reply.status == BROKEN:
            msg = "the server restarts: the connection is broken"
            raise family.read_error(msg)
        hint = reply.retry_after
        return family.response(
            reply.status,
            headers=None if hint is None else {"Retry-After": f"{hint:g}"},
            stream=family.plain_body(b""),
        )

    async def aclose(self) -> None:
        """Close nothing."""
