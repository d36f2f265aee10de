"""Events reach the log and the listener from here."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from inspect import isawaitable
from typing import Any, ParamSpec

from httpx_resilient._core.context import PendingAwaitables, RequestContext
from httpx_resilient._core.events.base import Event, Listener
from httpx_resilient._core.events.log import is_handled, logger
from httpx_resilient._core.events.reports import FaultReport
from httpx_resilient._core.redaction import Redactor
from httpx_resilient._core.validation import accepts, is_asynchronous

P = ParamSpec("P")

_NOT_AWAITED = (
    "on_event is asynchronous and cannot be awaited in a synchronous client: give a "
    "synchronous one, or use an AsyncClient"
)


class EventEmitter:
    """
    Emits the events of a layer. It makes an event only if somebody wants it.

    Args:
        listener: The function that receives the events.
        redact: What they show of a URL, if not what `redact_tokens` leaves.

    Raises:
        TypeError: The listener is not callable, or not with one argument, or `redact`
            is not callable.
    """

    def __init__(
        self, listener: Listener | None = None, redact: Redactor | None = None
    ) -> None:
        if redact is not None and not callable(redact):
            msg = (
                "redact must be a function of a URL that returns what logs show of it, "
                f"such as redact_tokens; got a {type(redact).__name__}"
            )
            raise TypeError(msg)
        is_callable = callable(listener) and accepts(listener, 1)
        if listener is not None and not is_callable:
            msg = (
                "on_event must be a function that takes an event, and nothing else, "
                f"such as print; got {listener!r}"
            )
            raise TypeError(msg)
        self.listener = listener
        self.wants_calls: bool = bool(getattr(listener, "wants_calls", False))
        """Whether the listener receives `CallEnded`."""
        self.redact = redact
        self.asynchronous: bool = listener is not None and is_asynchronous(listener)
        self.deferred: deque[Awaitable[object]] = deque()
        """Of no request, or of one that is over. Linked layers share it."""
        self._faults = FaultReport()

    def __call__(
        self,
        context: RequestContext | None,
        kind: Callable[P, Event],
        *what: P.args,
        **more: P.kwargs,
    ) -> None:
        """
        Emit an event: log it, then dispatch it to the listener.

        Args:
            context: The context of the request, or `None` for an event of no request.
            kind: The class of the event.
            what: Its fields.
            more: Its fields, by name.
        """
        event: Any = kind
        is_logged = event.logged and is_handled(event.level)
        if not is_logged and self.listener is None:
            return
        made = kind(*what, **more)
        if is_logged:
            if self.redact is not None:
                made.redact_with(self.redact)
            try:
                logger.log(event.level, "%s", made, extra=made.fields())
            except Exception as error:  # noqa: BLE001 - a handler must not fail a request
                self._faults.add("a logging handler", error)
        if self.listener is not None:
            self.dispatch(context, made)

    def wants(self, kind: type[Event]) -> bool:
        """Whether anybody would receive an event, whose fields are dear to make."""
        return self.listener is not None or (kind.logged and is_handled(kind.level))

    def dispatch(self, context: RequestContext | None, event: Event) -> None:
        """Call the listener, which must exist, and remember what it wants awaited."""
        if self.redact is not None:
            event.redact_with(self.redact)
        try:
            answer = self.listener(event)  # type: ignore[misc]  # there is one, says the docstring
        except Exception as error:  # noqa: BLE001 - a listener must not fail a request
            self._faults.add("on_event", error)
        else:
            if answer is not None and isawaitable(answer):
                self._check_client(context, answer)
                # Only the task of the request awaits them: so a listener runs in its
                # context, and is not cancelled with another request.
                pending = None if context is None else context.pending
                if pending is None or pending.is_over:
                    self.deferred.append(answer)
                else:
                    pending.append(answer)

    async def settle(self, context: RequestContext | None = None) -> None:
        """Await what an asynchronous listener has returned."""
        if context is not None and context.pending:
            await self._settle(context.pending)
        if self.deferred:
            await self._settle(self.deferred)

    def defer(self, pending: PendingAwaitables) -> None:
        """End a request. The next `settle` awaits what it left, if it was cancelled."""
        pending.is_over = True
        self.deferred.extend(pending)

    def report(self, culprit: str, error: Exception) -> None:
        """Log an exception that must not take the place of another one."""
        self._faults.add(culprit, error)

    def refuse_asynchronous(self) -> None:
        """
        Refuse an asynchronous listener in a synchronous client.

        Raises:
            TypeError: The listener is asynchronous.
        """
        if self.asynchronous:
            raise TypeError(_NOT_AWAITED)

    def _check_client(
        self, context: RequestContext | None, answer: Awaitable[object]
    ) -> None:
        """
        Refuse in a synchronous client what a listener wants awaited.

        A lambda or a decorated function that returns a coroutine does not say so before
        its first event.
        """
        self.asynchronous = True
        effects: Any = None if context is None else context.clock
        if effects is not None and not effects.asynchronous:
            if isinstance(answer, Coroutine):
                answer.close()
            raise TypeError(_NOT_AWAITED)

    async def _settle(self, pending: deque[Awaitable[object]]) -> None:
        with suppress(IndexError):  # another thread took the last one
            while True:
                answer = pending.popleft()
                try:
                    await answer
                except Exception as error:  # noqa: BLE001 - a listener must not fail a request
                    self._faults.add("on_event", error)
