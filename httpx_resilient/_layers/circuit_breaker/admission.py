"""The admission of a request by a half-open circuit."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import ClassVar

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Queued
from httpx_resilient._core.io.admission import Admission, Wait, pool_timeout_of
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
from httpx_resilient._layers.circuit_breaker.probe import Probe
from httpx_resilient._layers.circuit_breaker.queue import Answer, ProbePlace, ProbeQueue
from httpx_resilient._layers.circuit_breaker.state import EPSILON, Busy, Refused

Accept = Callable[[RequestContext, Probe | Refused], Probe]
"""Returns a probe that is admitted, or raises the exception of a refusal."""


class ProbeAdmission(Admission):
    """
    Queues a request until probes are answered.

    It waits while the latest probe may be answered soon, and for at most
    `timeout["pool"]` seconds.

    Args:
        context: The context of the request.
        emit: The emitter of the layer's events.
        breaker: The circuits.
        key: The key of the circuit.
        busy: What the circuit has answered.
        accept: Ends the wait.
    """

    __slots__ = ("_accept", "_breaker", "_busy", "_key", "_place", "_queue")

    name: ClassVar[str] = "circuit"

    def __init__(
        self,
        context: RequestContext,
        emit: EventEmitter,
        breaker: CircuitBreaker,
        key: Hashable,
        busy: Busy,
        accept: Accept,
    ) -> None:
        super().__init__(context, emit)
        self._breaker = breaker
        self._key = key
        self._busy = busy
        self._accept = accept
        self._place = ProbePlace()
        self._queue: ProbeQueue = breaker.queues[key]

    def waits(self, effects: Effects) -> Iterator[Wait]:
        context, place, queue = self.context, self._place, self._queue
        until = effects.now() + pool_timeout_of(context)
        waiter = place.waiter = effects.waiter()
        queue.join(place)
        self.emit(context, Queued, context.request, self.name, len(queue))
        seconds = self._busy.seconds
        while True:
            # It may have been answered before its waiter was there.
            if place.answer is None:
                yield waiter, None, min(seconds, until - effects.now())
            answer = place.answer or self._ask(effects.now(), until)
            if not isinstance(answer, Busy):
                break
            seconds = answer.seconds
            waiter = place.waiter = effects.waiter()
        self.granted = answer
        queue.leave(place)
        context.now = effects.now()
        self.granted = self._accept(context, answer)

    def withdraw(self, effects: Effects) -> None:
        self._queue.leave(self._place)
        if isinstance(self.granted, Probe):
            self.granted.give_back(effects.now())

    def _ask(self, now: float, until: float) -> Answer:
        may_wait = until - now > EPSILON
        return self._breaker.enter(self._key, now, may_wait=may_wait)
