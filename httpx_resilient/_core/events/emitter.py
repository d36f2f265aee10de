"""Telling what happens: to the log, and to who listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from inspect import isawaitable
from typing import Any, ParamSpec

from httpx_resilient._core.events.base import Event, Listener
from httpx_resilient._core.events.log import logger
from httpx_resilient._core.validation import is_asynchronous

P = ParamSpec("P")


class PendingAwaitables(deque[Awaitable[object]]):
    """What an asynchronous listener does, and nobody has awaited yet."""

    is_over = False
    """Whether its request is. A task that was begun in it may still tell something."""


PENDING: ContextVar[PendingAwaitables | None] = ContextVar("own", default=None)
"""What is to be awaited for the request at hand: by whoever sends it, and nobody else.
So a listener finds its context, and is not cancelled with another request."""

_FAILED = "what on_event has raised breaks no request"


class EventEmitter:
    """
    Tells what happens in a layer, and makes an event only if anybody wants to hear it.

    Args:
        listener: Who is told, besides the log.

    Raises:
        TypeError: The listener cannot be called.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        if listener is not None and not callable(listener):
            msg = (
                "on_event is called with each event: give a function such as print, "
                f"got {listener!r}"
            )
            raise TypeError(msg)
        self.listener = listener
        self.asynchronous = listener is not None and is_asynchronous(listener)
        self._unsettled = PendingAwaitables()
        """Of no request, or of one that was cancelled."""

    def __call__(
        self, kind: Callable[P, Event], *what: P.args, **more: P.kwargs
    ) -> None:
        """Tell of an event, wherever it happens: what is to be awaited is kept."""
        event: Any = kind
        is_logged = event.logged and logger.isEnabledFor(event.level)
        if not is_logged and self.listener is None:
            return
        told = kind(*what, **more)
        if is_logged:
            logger.log(event.level, "%s", told, extra=told.fields())
        if self.listener is not None:
            self.dispatch(told)

    def dispatch(self, event: Event) -> None:
        """Hand an event to the listener. There is one."""
        try:
            answer = self.listener(event)  # type: ignore[misc]  # as said above
        except Exception:
            logger.exception(_FAILED)
        else:
            if answer is not None and isawaitable(answer):
                own = PENDING.get()
                if own is None or own.is_over:
                    own = self._unsettled
                own.append(answer)

    async def settle(self) -> None:
        """Await what an asynchronous listener does."""
        own = PENDING.get()
        if own:
            await _settled(own)
        if self._unsettled:
            await _settled(self._unsettled)

    def defer(self, own: PendingAwaitables) -> None:
        """Keep what a request that was cancelled has not awaited, for another time."""
        own.is_over = True
        self._unsettled.extend(own)

    def refuse_asynchronous(self) -> None:
        """
        Refuse such a listener in a synchronous client.

        Raises:
            TypeError: The listener is asynchronous.
        """
        if self.asynchronous:
            msg = (
                "on_event is asynchronous and cannot be awaited in a synchronous "
                "client: give a synchronous one, or use an AsyncClient"
            )
            raise TypeError(msg)


async def _settled(unsettled: PendingAwaitables) -> None:
    with suppress(IndexError):  # another thread has taken the last one
        while True:
            answer = unsettled.popleft()
            try:
                await answer
            except Exception:
                logger.exception(_FAILED)
