"""
Admission: the wait of one request in the queue of a limit.

Four limits queue requests: the pool for a connection, a concurrency limit for a permit,
a rate limit for a turn, a half-open circuit for a probe. Each has its own state. The
rules of the wait are the same, and stand only here:

1. The waiter is closed, however the wait ends.
2. A request that does not go on withdraws: it leaves its queue, or returns what it was
   granted. It may be cancelled at the very moment when it is served.
3. A listener may raise, too. So the events of the queue are emitted under rule 2.
4. What a listener left to await is awaited before each wait.
5. No wait is the server's fault: deadlines that limit the server pause, and the context
   records when the request has waited, and that it was not sent.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator, Mapping
from typing import Any, ClassVar, cast

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Admitted
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.waiter import Waiter

Wait = tuple[Waiter, float | None, float]
"""
A waiter, and two times in seconds: until the request's turn, `None` if only another
request can bring it; and at most, infinite if there is no limit.
"""


class Admission(ABC):
    """
    The admission of one request by the queue of a limit.

    Args:
        context: The context of the request.
        emit: The emitter of the limit's layer.
    """

    __slots__ = ("context", "emit", "granted")

    name: ClassVar[str]
    """The name of the limit in events."""

    granted: Any
    """What the request was granted, such as its number, once it is served."""

    def __init__(self, context: RequestContext, emit: EventEmitter) -> None:
        self.context = context
        self.emit = emit
        self.granted = None

    @abstractmethod
    def waits(self, effects: Effects) -> Iterator[Wait]:
        """
        Yield each wait until the request is served.

        Raises:
            Exception: The request is refused, because it would wait too long.
        """

    @abstractmethod
    def withdraw(self, effects: Effects) -> Awaitable[None] | None:
        """
        Leave the queue, or return what the request was granted.

        It can be called again, if an exception of a signal handler has struck.

        Returns:
            Work to await afterwards, or `None`.
        """


class MustWait(Exception):  # noqa: N818 - no error, but a request that the flow handles
    """
    A stage cannot admit a request at once.

    Args:
        admission: The admission to wait for.
    """

    def __init__(self, admission: Admission) -> None:
        super().__init__()
        self.admission = admission


async def admit(admission: Admission, effects: Effects) -> Any:
    """
    Wait until a request is served. Return what it was granted.

    Raises:
        Exception: The request is refused, because it would wait too long.
    """
    queued, is_admitted = effects.now(), False
    context, emit = admission.context, admission.emit
    try:
        _pause(context, effects, queued)
        for waiter, timer, most in admission.waits(effects):
            try:
                await emit.settle(context)
                if timer is None:
                    await waiter.wait(None if most == math.inf else most)
                else:
                    await effects.turn(waiter, timer, most)
            finally:
                waiter.close()
        context.now = effects.now()
        waited = context.now - queued
        emit(context, Admitted, context.request, admission.name, waited)
        is_admitted, context.unsent = True, None
    except Exception:
        context.unsent = None  # a later attempt may be sent without a wait
        raise
    else:
        return admission.granted
    finally:
        try:
            if not is_admitted:
                try:
                    work = admission.withdraw(effects)
                except BaseException:  # an interruption: nobody else would do it
                    admission.withdraw(effects)
                    raise
                if work is not None:
                    await work
        finally:
            _resume(context, effects, queued)


def _pause(context: RequestContext, effects: Effects, now: float) -> None:
    """Begin a wait: the deadlines that limit the server pause."""
    context.unsent = "queue"
    context.waits_in_queue(now)
    if context.deadline is not None:
        context.deadline.pause(effects)


def _resume(context: RequestContext, effects: Effects, queued: float) -> None:
    """End a wait, whatever has ended it, and record it."""
    now = effects.now()
    context.has_waited(queued, now)
    context.queued += now - queued
    if context.deadline is not None:
        context.deadline.resume(effects)


def pool_timeout_of(context: RequestContext) -> float:
    """
    Return the seconds that a request may wait for a place.

    They are its `timeout["pool"]`, within its deadline; infinity if it has neither.
    Look it up before the request joins a queue.

    Raises:
        TypeError: The timeouts of the request are no dictionary of numbers.
    """
    return _timeout_of(context, "pool")


def connect_timeout_of(context: RequestContext) -> float:
    """
    Return the seconds that a request may wait for a connection to be opened.

    They are its `timeout["connect"]`, within its deadline; infinity if it has neither.

    Raises:
        TypeError: The timeouts of the request are no dictionary of numbers.
    """
    return _timeout_of(context, "connect")


def _timeout_of(context: RequestContext, step: str) -> float:
    timeouts: Any = context.request.extensions.get("timeout", _NO_TIMEOUTS)
    if not isinstance(timeouts, Mapping):
        msg = (
            'extensions["timeout"] must be a dictionary of seconds, such as '
            f'{{"pool": 5.0}}; leave it out for no timeouts; got {timeouts!r}'
        )
        raise TypeError(msg)
    known = cast("Mapping[str, Any]", timeouts)
    seconds: float | None = known.get(step)
    if seconds is not None and not isinstance(seconds, int | float):
        msg = (
            f'extensions["timeout"]["{step}"] must be seconds or None; got {seconds!r}'
        )
        raise TypeError(msg)
    most = math.inf if seconds is None else seconds
    return most if context.deadline is None else min(most, context.deadline.left())


_NO_TIMEOUTS: Mapping[str, float | None] = {}
