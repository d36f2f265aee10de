"""Events reach the log and the listener from here."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from inspect import isawaitable
from typing import Any, ParamSpec

from httpx_resilient._core.events.base import Event, Listener
from httpx_resilient._core.events.log import is_handled, logger
from httpx_resilient._core.events.reports import FaultReport
from httpx_resilient._core.validation import is_asynchronous

P = ParamSpec("P")


class PendingAwaitables(deque[Awaitable[object]]):
    """Awaitables that an asynchronous listener has returned, not awaited yet."""

    is_over = False
    """Whether the request is over. A task that it started may still emit an event."""


PENDING: ContextVar[PendingAwaitables | None] = ContextVar("pending", default=None)
"""
The awaitables of the current request. Only the task of that request awaits them: so a
listener runs in its context, and is not cancelled with another request.
"""


class EventEmitter:
    """
    Emits the events of a layer. It makes an event only if somebody wants it.

    Args:
        listener: The function that receives the events.

    Raises:
        TypeError: The listener is not callable.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        if listener is not None and not callable(listener):
            msg = (
                "on_event must be a function that takes an event, such as print; "
                f"got {listener!r}"
            )
            raise TypeError(msg)
        self.listener = listener
        self.asynchronous = listener is not None and is_asynchronous(listener)
        self._deferred = PendingAwaitables()
        """Of no request, or of a request that was cancelled."""
        self._faults = FaultReport()

    def __call__(
        self, kind: Callable[P, Event], *what: P.args, **more: P.kwargs
    ) -> None:
        """Emit an event: log it, then dispatch it to the listener."""
        event: Any = kind
        is_logged = event.logged and is_handled(event.level)
        if not is_logged and self.listener is None:
            return
        made = kind(*what, **more)
        if is_logged:
            try:
                logger.log(event.level, "%s", made, extra=made.fields())
            except Exception as error:  # noqa: BLE001 - a handler must not fail a request
                self._faults.add("a logging handler", error)
        if self.listener is not None:
            self.dispatch(made)

    def dispatch(self, event: Event) -> None:
        """Call the listener, which must exist, and remember what it wants awaited."""
        try:
            answer = self.listener(event)  # type: ignore[misc]  # there is one, says the docstring
        except Exception as error:  # noqa: BLE001 - a listener must not fail a request
            self._faults.add("on_event", error)
        else:
            if answer is not None and isawaitable(answer):
                pending = PENDING.get()
                if pending is None or pending.is_over:
                    pending = self._deferred
                pending.append(answer)

    async def settle(self) -> None:
        """Await what an asynchronous listener has returned."""
        pending = PENDING.get()
        if pending:
            await self._settle(pending)
        if self._deferred:
            await self._settle(self._deferred)

    def defer(self, pending: PendingAwaitables) -> None:
        """End a request. The next `settle` awaits what it left, if it was cancelled."""
        pending.is_over = True
        self._deferred.extend(pending)

    def refuse_asynchronous(self) -> None:
        """
        Refuse an asynchronous listener in a synchronous client.

        Raises:
            TypeError: The listener is asynchronous.
        """
        if self.asynchronous:
            msg = (
                "on_event is asynchronous and cannot be awaited in a synchronous "
                "client: give a synchronous one, or use an AsyncClient"
            )
            raise TypeError(msg)

    async def _settle(self, pending: PendingAwaitables) -> None:
        with suppress(IndexError):  # another thread took the last one
            while True:
                answer = pending.popleft()
                try:
                    await answer
                except Exception as error:  # noqa: BLE001 - a listener must not fail a request
                    self._faults.add("on_event", error)
