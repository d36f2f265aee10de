"""Admission: the rules of waiting in a queue, the same for every limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, ClassVar

import httpx
import pytest
from support.fake_io import FakeIO

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.events.base import Event
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Admitted
from httpx_resilient._core.io.admission import (
    Admission,
    Wait,
    admit,
    pool_timeout_of,
)
from httpx_resilient._core.io.protocol import Effects, run_sync

GET = httpx.Request("GET", "https://example.org/")


class Interruption(BaseException):
    """A cancellation, or Control-C."""


class RefusedError(Exception):
    """The queue refuses the request."""


class Waiter:
    """A waiter that only time ends."""

    def __init__(self, effects: Queue) -> None:
        self._effects = effects

    is_dead = False

    def wake(self) -> bool:
        """Only time ends the wait."""
        return True

    async def wait(self, seconds: float | None) -> None:
        self._effects.waited.append(seconds)
        await self._effects.sleep(seconds or 0.0)
        if self._effects.interrupted_in == "wait":
            raise Interruption

    def close(self) -> None:
        self._effects.did.append("close")


class Queue(FakeIO):
    """
    A queue, and the effects of the request in it.

    Args:
        waits: Seconds of each wait until the request is served.
        refuses: Whether the queue refuses the request instead.
        interrupted_in: The step in which the request is interrupted.
    """

    turn = Clock.turn

    def __init__(
        self, *waits: float, refuses: bool = False, interrupted_in: str = ""
    ) -> None:
        super().__init__()
        self.waits = waits
        self.waited: list[float | None] = []
        self.refuses = refuses
        self.interrupted_in = interrupted_in

    def waiter(self) -> Any:
        return Waiter(self)

    def listen(self, event: Event) -> None:
        self.did.append(str(event).partition(": ")[2])
        if self.interrupted_in == "listener":
            raise Interruption


def context_of(request: httpx.Request, io: FakeIO) -> RequestContext:
    """Make the context of a request that is sent now."""
    return begin(request, io)


class Scripted(Admission):
    """The admission of a request by a scripted queue."""

    name: ClassVar[str] = "script"

    def __init__(
        self,
        context: RequestContext,
        emit: EventEmitter,
        queue: Queue,
        work: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(context, emit)
        self.queue = queue
        self.work = work

    def waits(self, effects: Effects) -> Iterator[Wait]:
        for seconds in self.queue.waits:
            yield effects.waiter(), seconds, math.inf
        if self.queue.refuses:
            raise RefusedError
        self.granted = "a place"

    def withdraw(self, effects: Effects) -> Any:
        self.queue.did.append("withdraw")
        return None if self.work is None else self.work()


def admitted(
    queue: Queue,
    context: RequestContext | None = None,
    *,
    emit: EventEmitter | None = None,
    work: Callable[[], Any] | None = None,
) -> float:
    """Wait in a queue. Returns the seconds that the context has of it."""
    context = context or context_of(GET, queue)
    emit = emit or EventEmitter(queue.listen)
    effects: Any = queue
    admission = Scripted(context, emit, queue, work)
    assert run_sync(admit(admission, effects)) == "a place"
    assert context.now == queue.time
    return context.queued


def test_a_request_that_is_served_is_admitted_and_does_not_withdraw() -> None:
    queue = Queue(2)
    assert admitted(queue) == 2
    assert queue.did == ["sleep", "close", "admitted after 2.000 s (script)"]


def test_each_wait_has_its_own_waiter_which_is_closed() -> None:
    queue = Queue(1, 2)
    assert admitted(queue) == 3
    assert queue.did[:-1] == ["sleep", "close"] * 2


def test_a_wait_without_a_timer_has_only_a_limit() -> None:
    queue = Queue()

    class ServedByAnother(Scripted):
        def waits(self, effects: Effects) -> Iterator[Wait]:
            yield effects.waiter(), None, 3
            yield effects.waiter(), None, math.inf

    effects: Any = queue
    admission = ServedByAnother(context_of(GET, queue), EventEmitter(), queue)
    run_sync(admit(admission, effects))
    assert queue.waited == [3, None]


def test_a_request_that_is_served_at_once_does_not_wait() -> None:
    queue = Queue()
    assert admitted(queue) == 0
    assert queue.did == ["admitted after 0.000 s (script)"]


def test_a_request_that_is_refused_closes_its_waiter_and_withdraws() -> None:
    queue = Queue(1, refuses=True)
    with pytest.raises(RefusedError):
        admitted(queue)
    assert queue.did == ["sleep", "close", "withdraw"]


@pytest.mark.parametrize("step", ["wait", "listener"])
def test_a_request_that_is_interrupted_closes_its_waiter_and_withdraws(
    step: str,
) -> None:
    queue = Queue(1, interrupted_in=step)
    with pytest.raises(Interruption):
        admitted(queue)
    assert queue.did[:2] == ["sleep", "close"]
    assert queue.did[-1] == "withdraw"


def test_a_request_that_was_interrupted_in_a_queue_was_not_sent() -> None:
    queue = Queue(1, interrupted_in="wait")
    context = context_of(GET, queue)
    with pytest.raises(Interruption):
        admitted(queue, context)
    assert (context.unsent, context.queued) == ("queue", 1)


@pytest.mark.parametrize("refuses", [False, True])
def test_a_wait_that_is_over_does_not_say_whether_the_request_was_sent(
    refuses: bool,
) -> None:
    queue = Queue(1, refuses=refuses)
    context = context_of(GET, queue)
    ending: Any = pytest.raises(RefusedError) if refuses else nullcontext()
    with ending:
        admitted(queue, context)
    assert context.unsent is None
    assert (list(context.waits), context.queued) == ([(0, 1)], 1)


def test_the_work_that_a_withdrawal_returns_is_awaited() -> None:
    queue = Queue(refuses=True)

    async def work() -> None:
        queue.did.append("work")

    with pytest.raises(RefusedError):
        admitted(queue, work=work)
    assert queue.did == ["withdraw", "work"]


def test_awaitables_of_a_listener_are_awaited_before_the_wait() -> None:
    queue = Queue(1)

    async def listen(event: Event) -> None:
        queue.did.append(type(event).__name__)

    emit = EventEmitter(listen)
    emit(None, Admitted, GET, "another limit", 0.0)
    admitted(queue, emit=emit)
    assert queue.did == ["Admitted", "sleep", "close"]
    run_sync(emit.settle())
    assert queue.did[-1] == "Admitted"


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        ({}, math.inf),
        ({"pool": None}, math.inf),
        ({"pool": 2.5}, 2.5),
        ({"pool": 0}, 0),
    ],
)
def test_the_pool_timeout_is_that_of_the_request(
    timeout: dict[str, Any], seconds: float
) -> None:
    request = httpx.Request("GET", GET.url, extensions={"timeout": timeout})
    assert pool_timeout_of(context_of(request, FakeIO())) == seconds
    assert pool_timeout_of(context_of(GET, FakeIO())) == math.inf


@pytest.mark.parametrize(
    ("timeout", "message"),
    [
        (None, r"must be a dictionary of seconds, .*; got None"),
        (5, r'extensions\["timeout"\] must be a dictionary of seconds, .*; got 5'),
        ({"pool": "5"}, r'\["pool"\] must be seconds or None; got \'5\''),
    ],
)
def test_timeouts_that_are_none_are_refused(timeout: Any, message: str) -> None:
    request = httpx.Request("GET", GET.url, extensions={"timeout": timeout})
    with pytest.raises(TypeError, match=message):
        pool_timeout_of(context_of(request, FakeIO()))


def test_a_withdrawal_that_is_interrupted_is_repeated() -> None:
    queue, withdrawals = Queue(refuses=True), []

    def work() -> None:
        withdrawals.append("begun")
        if len(withdrawals) == 1:
            raise Interruption

    with pytest.raises(Interruption):
        admitted(queue, work=work)
    assert len(withdrawals) == 2
