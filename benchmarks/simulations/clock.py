"""
Virtual time: a clock that jumps from event to event, and coroutines that wait for it.

Nothing sleeps. What happens at the same time happens in the order in which it was asked
for, so a run with the same seeds is the same run.
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
    """Thrown into a coroutine that nobody waits for any more."""


class Promise(Generic[T]):
    """What comes once: a value, or an error. What comes after it is ignored."""

    __slots__ = ("_error", "_listeners", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._error: BaseException | None = None
        self._value: T | None = None
        self._listeners: list[Callable[[], object]] = []

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for it."""
        return bool(self._listeners)

    def then(self, listener: Callable[[], object]) -> None:
        """Call back when it has come, or now if it has."""
        if self.done:
            listener()
        else:
            self._listeners.append(listener)

    def keep(self, value: T) -> None:
        """Let the value come."""
        self._settle(value, None)

    def fail(self, error: BaseException) -> None:
        """Let an error come in its place."""
        self._settle(None, error)

    def _settle(self, value: T | None, error: BaseException | None) -> None:
        if self.done:
            return
        self.done, self._value, self._error = True, value, error
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()

    @property
    def is_over(self) -> bool:
        """Whether it is an error, or a value that is true."""
        return self._error is not None or bool(self._value)

    def result(self) -> T:
        """Return what has come, or raise it."""
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def __await__(self) -> Generator[Promise[T], None, T]:
        if not self.done:
            yield self
        return self.result()


class Task(Generic[T]):
    """A coroutine on its way, and what it ends with."""

    __slots__ = ("_clock", "_coroutine", "_waiting_for", "ended")

    def __init__(self, clock: Clock, coroutine: Coroutine[Any, None, T]) -> None:
        self._clock = clock
        self._coroutine = coroutine
        self._waiting_for: Promise[Any] | None = None
        self.ended: Promise[T] = Promise()

    def begin(self) -> None:
        """Run until it waits for something."""
        if not self.ended.done:
            self._go(self._coroutine.send, None)

    def cancel(self) -> None:
        """Cancel it, if it has not ended. It may still wait while it cleans up."""
        if not self.ended.done:
            self._go(self._coroutine.throw, Cancelled())

    def _go(self, on: Callable[[Any], Promise[Any]], what: object) -> None:
        self._waiting_for = None
        try:
            promise = on(what)
        except StopIteration as stop:
            self.ended.keep(stop.value)
        except Cancelled as cancelled:
            self.ended.fail(cancelled)
        except Exception as error:
            if not self.ended.awaited:
                raise  # out of the clock's run, or nobody would see it
            self.ended.fail(error)
        else:
            self._waiting_for = promise
            # Not at once: what wakes it may be running because of it.
            promise.then(lambda: self._clock.soon(self._woken, promise))

    def _woken(self, promise: Promise[Any]) -> None:
        # What a cancelled coroutine was waiting for may come all the same.
        if promise is self._waiting_for:
            self._go(self._coroutine.send, None)


class Clock:
    """Virtual seconds, and what happens at which of them."""

    def __init__(self) -> None:
        self._now = 0.0
        self._number = itertools.count()
        self._events: list[tuple[float, int, Callable[..., object], Any]] = []
        self._due: deque[tuple[Callable[..., object], Any]] = deque()

    def now(self) -> float:
        """Tell the time."""
        return self._now

    def at(self, time: float, callback: Callable[..., object], *what: Any) -> None:
        """Call back at a time, in the order in which it was asked for."""
        event = (max(time, self._now), next(self._number), callback, what)
        heappush(self._events, event)

    def soon(self, callback: Callable[..., object], *what: Any) -> None:
        """Call back now, before anything else happens at this time."""
        self._due.append((callback, what))

    def sleep(self, seconds: float) -> Promise[None]:
        """Wait."""
        promise: Promise[None] = Promise()
        self.at(self._now + seconds, promise.keep, None)
        return promise

    def start(self, coroutine: Coroutine[Any, None, T]) -> Task[T]:
        """Let a coroutine run, from now on."""
        task = Task(self, coroutine)
        self.soon(task.begin)
        return task

    def run(self, until: float = math.inf) -> None:
        """Let happen what is to happen until then."""
        events, due = self._events, self._due
        while due or (events and events[0][0] <= until):
            if due:
                callback, what = due.popleft()
            else:
                self._now, _, callback, what = heappop(events)
            callback(*what)
