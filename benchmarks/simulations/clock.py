"""
Virtual time: a clock that jumps from event to event, and coroutines that wait for it.

Nothing sleeps. Events of the same time happen in the order in which they were
scheduled, so runs with the same seeds are identical.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class Cancelled(BaseException):
    """Thrown into a coroutine to cancel it."""


class Promise(Generic[T]):
    """A value or an error that arrives later. Only the first one counts."""

    __slots__ = ("_error", "_listeners", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._error: BaseException | None = None
        self._value: T | None = None
        self._listeners: list[Callable[[], object]] = []

    @property
    def awaited(self) -> bool:
        """Whether a listener waits for it."""
        return bool(self._listeners)

    def then(self, listener: Callable[[], object]) -> None:
        """Call back when the promise is settled, or now if it is."""
        if self.done:
            listener()
        else:
            self._listeners.append(listener)

    def resolve(self, value: T) -> None:
        """Settle the promise with a value."""
        self._settle(value, None)

    def fail(self, error: BaseException) -> None:
        """Settle the promise with an error."""
        self._settle(None, error)

    def _settle(self, value: T | None, error: BaseException | None) -> None:
        if self.done:
            return
        self.done, self._value, self._error = True, value, error
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()

    @property
    def ends_a_race(self) -> bool:
        """Whether it has an error, or a value that is true."""
        return self._error is not None or bool(self._value)

    def result(self) -> T:
        """Return the value, or raise the error."""
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def __await__(self) -> Generator[Promise[T], None, T]:
        if not self.done:
            yield self
        return self.result()


class Task(Generic[T]):
    """A running coroutine, and the promise of its result."""

    __slots__ = ("_clock", "_coroutine", "_waiting_for", "ended")

    def __init__(self, clock: Clock, coroutine: Coroutine[Any, None, T]) -> None:
        self._clock = clock
        self._coroutine = coroutine
        self._waiting_for: Promise[Any] | None = None
        self.ended: Promise[T] = Promise()

    def begin(self) -> None:
        """Run until the coroutine waits for a promise."""
        if not self.ended.done:
            self._step(self._coroutine.send, None)

    def cancel(self) -> None:
        """Cancel the task, if it has not ended. It may still wait for its cleanup."""
        if not self.ended.done:
            self._step(self._coroutine.throw, Cancelled())

    def _step(self, resume: Callable[[Any], Promise[Any]], value: object) -> None:
        self._waiting_for = None
        try:
            promise = resume(value)
        except StopIteration as stop:
            self.ended.resolve(stop.value)
        except Cancelled as cancelled:
            self.ended.fail(cancelled)
        except Exception as error:
            if not self.ended.awaited:
                raise  # out of `Clock.run`, else the error would be lost
            self.ended.fail(error)
        else:
            self._waiting_for = promise
            # Not at once: the code that settles the promise may be called from this
            # task.
            promise.then(lambda: self._clock.soon(self._woken, promise))

    def _woken(self, promise: Promise[Any]) -> None:
        # The promise of a cancelled task may be settled later.
        if promise is self._waiting_for:
            self._step(self._coroutine.send, None)


class Clock:
    """Virtual seconds, and the events scheduled on them."""

    def __init__(self) -> None:
        self._now = 0.0
        self._number = itertools.count()
        self._events: list[tuple[float, int, Callable[..., object], Any]] = []
        self._due: deque[tuple[Callable[..., object], Any]] = deque()

    def now(self) -> float:
        """Return the time."""
        return self._now

    def at(self, time: float, callback: Callable[..., object], *args: Any) -> None:
        """Call back at a time. Callbacks of one time run in the order of scheduling."""
        event = (max(time, self._now), next(self._number), callback, args)
        heappush(self._events, event)

    def soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Call back now, before the next scheduled event."""
        self._due.append((callback, args))

    def sleep(self, seconds: float) -> Promise[None]:
        """Return a promise that is resolved after some seconds."""
        promise: Promise[None] = Promise()
        self.at(self._now + seconds, promise.resolve, None)
        return promise

    def start(self, coroutine: Coroutine[Any, None, T]) -> Task[T]:
        """Start a coroutine as a task."""
        task = Task(self, coroutine)
        self.soon(task.begin)
        return task

    def run(self, until: float = math.inf) -> None:
        """Run all events until a time, or until none is left."""
        events, due = self._events, self._due
        while due or (events and events[0][0] <= until):
            if due:
                callback, args = due.popleft()
            else:
                self._now, _, callback, args = heappop(events)
            callback(*args)
