"""The admission of a request by a rate limit."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import ClassVar

from httpx_resilient._core.deadline import deadline_of
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.io.admission import Wait
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.origin import origin_key, origin_name
from httpx_resilient._layers.rate_limit.events import RateLimited
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.rate_limit.state import EPSILON
from httpx_resilient._layers.rate_limit.turn import Place, Turn


class RateAdmission:
    """
    Queues a request for its turn, or refuses it at once if its turn comes too late.

    Args:
        request: The request.
        limit: The limit.
        key: The key of the limit that the request counts for.
        effects: The effects of the request's flow.
        emit: The emitter of the layer's events.
        exceeded: The exception of a refusal.
    """

    __slots__ = (
        "_effects",
        "_emit",
        "_exceeded",
        "_key",
        "_limit",
        "_place",
        "_reason",
        "_request",
        "_until",
        "number",
    )

    name: ClassVar[str] = "rate"

    def __init__(
        self,
        request: RequestLike,
        limit: RateLimit,
        key: Hashable,
        effects: Effects,
        emit: EventEmitter,
        exceeded: type[Refusal],
    ) -> None:
        self._request = request
        self._limit = limit
        self._key = key
        self._effects = effects
        self._emit = emit
        self._exceeded = exceeded
        self._place: Place | None = None
        self.number = 0
        """The request's number once it is served, 0 if the limit does not count."""

    def waits(self) -> Iterator[Wait]:
        limit, key, now = self._limit, self._key, self._effects.now()
        self._until, self._reason = self._end_of_patience(now)
        turn = limit.forecast(key, now)
        self._check(turn, now)
        self._emit(RateLimited, self._request, turn.wait, refused=False)
        self._place = place = limit.join(key)
        while True:
            waiter, now = self._effects.waiter(), self._effects.now()
            turn = limit.turn(key, place, waiter, now)
            if turn.number is not None:
                # Nothing is awaited from here until the request is sent: a request that
                # is cancelled while it waits has not used up a turn.
                self.number = turn.number
                self._leave(place)
                return
            self._check(turn, now)
            yield waiter, turn.timer, self._until - now

    def withdraw(self) -> None:
        if self._place is not None:
            self._leave(self._place)
        elif self.number:
            self._limit.record(self._key, self.number, None, self._effects.now(), 0.0)

    def _leave(self, place: Place) -> None:
        self._place = None
        self._limit.leave(self._key, place)

    def _end_of_patience(self, now: float) -> tuple[float, str]:
        """Return until when the request may wait, and why no longer."""
        longest = self._limit.max_wait
        deadline = deadline_of(self._request)
        if deadline is not None and deadline.at < now + longest:
            return deadline.at, "its deadline is earlier"
        return now + longest, f"max_wait is {longest:g} s"

    def _check(self, turn: Turn, now: float) -> None:
        """
        Check that the turn comes in time.

        Raises:
            Refusal: It does not.
        """
        patience = self._until - now
        if turn.least_wait > patience + EPSILON or patience <= 0:
            wait, origin = turn.wait, origin_name(origin_key(self._request.url))
            msg = (
                f"the rate limit to {origin} admits this request in "
                f"{round(wait, 3):g} s, but {self._reason}"
            )
            self._emit(RateLimited, self._request, wait, refused=True)
            raise self._exceeded(msg, retry_after=wait)
