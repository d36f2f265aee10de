"""Emits `AttemptStarted` and `AttemptEnded` around each send."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._layers.retry.events import AttemptEnded, AttemptStarted


class ReportingIO:
    """
    An IO that emits `AttemptStarted` and `AttemptEnded` around each send.

    All other effects are those of the IO that it wraps. Only a layer with a listener
    has one, so a flow without a listener does not even check for it. Each request of
    such a layer has a context.

    Args:
        io: The IO to send with.
        emit: Emits the events.
    """

    __slots__ = ("_emit", "_io", "now")

    def __init__(self, io: IO[Any, Any], emit: EventEmitter) -> None:
        self._io = io
        self._emit = emit
        self.now = io.now

    async def send(self, request: Any, context: RequestContext) -> Any:
        # The request of a later attempt may be a copy of the caller's.
        given, attempt = context.request, context.attempt
        self._emit.dispatch(context, AttemptStarted(given, attempt))
        sent = self.now()
        try:
            response = await self._io.send(request, context)
        except Exception as error:
            ended = AttemptEnded(given, attempt, self.now() - sent, None, error)
            self._emit.dispatch(context, ended)
            raise
        except BaseException:  # observed only, and raised again
            ended = AttemptEnded(given, attempt, self.now() - sent)
            self._emit.dispatch(context, ended)
            raise
        # Not `releasing`, which costs 5,000 instructions for each attempt.
        try:
            ended = AttemptEnded(given, attempt, self.now() - sent, response)
            self._emit.dispatch(context, ended)
        except BaseException:  # observed only, and raised again
            await self._io.discard(response, context, drain=False)
            raise
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._io, name)
