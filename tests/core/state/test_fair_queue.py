"""The queue without a lock: threads, finalizers and interruptions come at any moment."""

from __future__ import annotations

from typing import Any

import pytest
from support.stepwise import Interruption, SoftTimeLimit, strikes
from support.threads import in_threads

from httpx_resilient._core.state.fair_queue import FairQueue, Place


class Served(Place):
    """A place, and whether its request was served."""

    __slots__ = ("is_served", "taken_back")

    def __init__(self) -> None:
        super().__init__()
        self.is_served = False
        self.taken_back = 0


class Queue(FairQueue[Served]):
    """A queue that serves as many requests as there are tokens."""

    def __init__(self, *tokens: int) -> None:
        super().__init__()
        self.tokens = list(tokens)
        self.served: list[Served] = []
        self.meanwhile: list[Any] = []
        """What a finalizer does, that interrupts the queue."""

    def give(self, token: int = 0) -> None:
        self.tokens.append(token)
        self.serve()

    def _has_work(self) -> bool:
        return super()._has_work() or bool(self.tokens and self._waiting)

    def _serve_first(self) -> None:
        while self.meanwhile:
            self.meanwhile.pop()()
        while self.tokens and self._waiting:
            place = next(iter(self._waiting))
            place.is_served = True
            del self._waiting[place]
            self.tokens.pop()
            self.served.append(place)

    def _take_back(self, place: Served) -> None:
        place.taken_back += 1


def joined(queue: Queue, number: int) -> list[Served]:
    places = [Served() for _ in range(number)]
    for place in places:
        queue.join(place)
    return places


def test_requests_are_served_in_the_order_of_arrival() -> None:
    queue = Queue()
    places = joined(queue, 3)
    assert len(queue) == 3
    for _ in places:
        queue.give()
    assert queue.served == places
    assert len(queue) == 0


def test_a_request_that_has_left_is_not_served() -> None:
    queue = Queue()
    gone, stays = joined(queue, 2)
    queue.leave(gone)
    queue.give()
    assert queue.served == [stays]
    assert gone.taken_back == 1


def test_a_request_may_leave_twice_and_without_having_joined() -> None:
    queue, place = Queue(), Served()
    queue.leave(place)
    queue.leave(place)
    assert len(queue) == 0
    queue.join(place)
    assert len(queue) == 0


def test_a_finalizer_may_join_and_leave_while_it_interrupts_the_queue() -> None:
    queue = Queue()
    gone, stays = joined(queue, 2)
    late = Served()
    queue.meanwhile += [lambda: queue.join(late), lambda: queue.leave(gone)]
    queue.give()
    queue.give()
    queue.give()
    assert stays in queue.served
    assert late in queue.served
    assert len(queue) == 0


@pytest.mark.parametrize("error", [Interruption, SoftTimeLimit])
def test_an_interruption_of_one_request_loses_no_other(error: Any) -> None:
    queue = Queue()
    mine, waiting = Served(), joined(queue, 1)

    def join_and_leave() -> None:
        queue.join(mine)
        queue.leave(mine)

    def prepare() -> None:
        nonlocal mine
        mine = Served()

    for number in strikes(join_and_leave, prepare=prepare, error=error):
        queue.leave(mine)
        queue.give()
        assert queue.served[-1:] == waiting, f"struck at call {number}"
        assert len(queue) == 0, f"struck at call {number}"
        waiting = joined(queue, 1)


def test_threads_serve_each_request_once() -> None:
    queue = Queue()
    mine: list[Served] = []

    def work() -> None:
        for _ in range(300):
            (place,) = joined(queue, 1)
            mine.append(place)
            queue.give()

    in_threads(work)
    assert sorted(map(id, queue.served)) == sorted(map(id, mine))
    assert (len(queue), len(queue.tokens)) == (0, 0)
