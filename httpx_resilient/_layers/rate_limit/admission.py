"""The admission of a request by a rate limit."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import ClassVar

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.io.admission import Admission, Wait
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.keys import name_in
from httpx_resilient._layers.rate_limit.answer import UNSENT
from httpx_resilient._layers.rate_limit.asking import asker_of
from httpx_resilient._layers.rate_limit.events import RateLimited
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.rate_limit.queue import RatePlace
from httpx_resilient._layers.rate_limit.state import EPSILON, Asker, Lane
from httpx_resilient._layers.rate_limit.turn import Turn, Visit


class RateAdmission(Admission):
    """
    Queues a request for its turn, or refuses it at once if its turn comes too late.

    Args:
        context: The context of the request.
        limit: The limit.
        key: The key of the limit that the request counts for.
        emit: The emitter of the layer's events.
        exceeded: The exception of a refusal.
        cost: What the request costs.
    """

    __slots__ = ("_cost", "_exceeded", "_key", "_limit", "_place", "_reason", "_until")

    name: ClassVar[str] = "rate"

    def __init__(
        self,
        context: RequestContext,
        limit: RateLimit,
        key: Hashable,
        emit: EventEmitter,
        exceeded: type[Refusal],
        cost: float = 1.0,
    ) -> None:
        super().__init__(context, emit)
        self._limit = limit
        self._key = key
        self._exceeded = exceeded
        self._cost = cost
        self._place: RatePlace | None = None

    def waits(self, effects: Effects) -> Iterator[Wait]:
        limit, key, now = self._limit, self._key, effects.now()
        self._until, self._reason = self._end_of_patience(now)
        asker = self._asker(now)
        lane = limit.lane(key, asker, now)
        turn = limit.forecast(key, lane, asker, now)
        self._check(turn, now, is_late=False)
        self._emit_limited(turn.wait, refused=False)
        place = self._join(lane, asker, now + turn.wait)
        while True:
            waiter, now = effects.waiter(), effects.now()
            lane = limit.lane(key, asker, now)
            if place.must_move(lane):
                self._leave(place)
                turn = limit.forecast(key, lane, asker, now)
                place = self._join(lane, asker, now + turn.wait)
            turn = limit.turn(key, place, asker, waiter, now)
            if turn.visit is not None:
                # Nothing is awaited from here until the next stage: a request that is
                # cancelled while it waits has not used up a turn.
                self.granted = turn.visit
                self._leave(place)
                return
            self._check(turn, now, is_late=now >= self._until)
            yield waiter, turn.timer, min(self._until - now, turn.recheck)

    def withdraw(self, effects: Effects) -> None:
        if self._place is not None:
            self._leave(self._place)
        visit: Visit | None = self.granted
        if visit is not None:
            self._limit.record(visit, UNSENT, effects.now())

    def _emit_limited(self, wait: float, *, refused: bool) -> None:
        context = self.context
        self.emit(context, RateLimited, context.request, wait, refused=refused)

    def _join(self, lane: Lane | None, asker: Asker, due: float) -> RatePlace:
        self._place = place = RatePlace(lane, asker.path, self._cost)
        place.due = due
        self._limit.join(self._key, place)
        return place

    def _leave(self, place: RatePlace) -> None:
        self._limit.leave(self._key, place)
        self._place = None

    def _asker(self, now: float) -> Asker:
        """
        Return what the limit has to know of the request.

        It waits for the reset of a quota as long as it may. For others that try a quota
        it waits for half of that, so that time is left for its answer.
        """
        until, deadline = self._until, self.context.deadline
        forced = until if deadline is None else min(until, now + deadline.left() / 2)
        return asker_of(self.context.request)._replace(
            until=until, forced=forced, cost=self._cost
        )

    def _end_of_patience(self, now: float) -> tuple[float, str]:
        """Return until when the request may wait, and why no longer."""
        longest = self._limit.max_wait
        deadline = self.context.deadline
        if deadline is not None and deadline.at < now + longest:
            return deadline.at, "its deadline is earlier"
        return now + longest, f"max_wait is {longest:g} s"

    def _check(self, turn: Turn, now: float, *, is_late: bool) -> None:
        """
        Check that the turn comes in time.

        Args:
            turn: The expected turn.
            now: The time.
            is_late: Whether it had to come until now.

        Raises:
            Refusal: It does not.
        """
        if is_late or turn.least_wait > self._until - now + EPSILON:
            wait, name = turn.wait, name_in(self.context, self._limit.key)
            msg = (
                f"the rate limit to {name} admits this request in "
                f"{round(wait, 3):g} s, but {self._reason}"
            )
            self._emit_limited(wait, refused=True)
            raise self._exceeded(msg, retry_after=wait)
