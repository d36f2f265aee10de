"""The requests that wait while the probes of a half-open circuit are in flight."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from httpx_resilient._core.state.fair_queue import FairQueue, Place
from httpx_resilient._core.state.origin_map import OriginMap
from httpx_resilient._layers.circuit_breaker.probe import Probe
from httpx_resilient._layers.circuit_breaker.state import Busy, Refused

Answer = Probe | Refused | Busy
"""What a circuit answers to a request."""


class ProbePlace(Place):
    """A place in the queue, and what the circuit has decided about its request."""

    __slots__ = ("answer",)

    def __init__(self) -> None:
        super().__init__()
        self.answer: Probe | Refused | None = None


class ProbeQueue(FairQueue[ProbePlace]):
    """
    The requests of one circuit that wait for a probe, in order of arrival.

    A request that is woken has been answered: it is a probe now, or is refused. A probe
    that nobody takes is given back by its finalizer.

    Args:
        ask: Asks the circuit about the next request.
    """

    def __init__(self, ask: Callable[[], Answer]) -> None:
        super().__init__()
        self._ask = ask
        self._is_due = False
        """Whether the circuit has changed since it was asked."""

    @property
    def is_unused(self) -> bool:
        """Whether nobody waits."""
        return not len(self)

    def circuit_changed(self) -> None:
        """Ask the circuit about those who wait."""
        self._is_due = True
        self.serve()

    def _has_work(self) -> bool:
        return super()._has_work() or (self._is_due and bool(self._waiting))

    def _serve_first(self) -> None:
        self._is_due = False
        while self._waiting:
            place = next(iter(self._waiting))
            if place.answer is None:
                answer = self._ask()
                if isinstance(answer, Busy):
                    return
                place.answer = answer
            is_alive = place.waiter is not None and place.waiter.wake()
            del self._waiting[place]
            if not is_alive:
                place.answer = None

    def _take_back(self, place: ProbePlace) -> None:
        place.answer = None


class ProbeQueues(OriginMap[ProbeQueue]):
    """
    The queues of all circuits.

    Args:
        ask: Asks the circuit of a key about the next request.
    """

    def __init__(self, ask: Callable[[Hashable], Answer]) -> None:
        super().__init__(lambda key: ProbeQueue(lambda: ask(key)))

    def circuit_changed(self, key: Hashable) -> None:
        """Admit or refuse those who wait, if their circuit allows it."""
        queue = self.get(key)
        if queue is not None:
            queue.circuit_changed()
