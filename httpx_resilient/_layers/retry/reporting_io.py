"""An IO that emits `AttemptStarted` and `AttemptEnded` around each send."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._layers.retry.events import AttemptEnded, AttemptStarted


class ReportingIO:
    """
    An IO that emits `AttemptStarted` and `AttemptEnded` around each send.

    All other effects are those of the IO that it wraps. Only a flow with a listener
    gets one, so a flow without a listener does not even check for it.

    Args:
        io: The IO to send with.
        request: The caller's request: the request that is sent may be a copy.
        emit: Emits the events.
    """

    __slots__ = ("_attempt", "_emit", "_io", "_request", "now")

    def __init__(self, io: IO[Any, Any], request: Any, emit: EventEmitter) -> None:
        self._io = io
        self._request = request
        self._emit = emit
        self._attempt = 0
        self.now = io.now

    async def send(self, request: Any) -> Any:
        self._attempt += 1
        self._emit.dispatch(AttemptStarted(self._request, self._attempt))
        sent = self.now()
        try:
            response = await self._io.send(request)
        except Exception as error:
            self._ended(sent, None, error)
            raise
        except BaseException:  # observed only, and raised again
            self._ended(sent)
            raise
        # Not `releasing`, which costs 5,000 instructions for each attempt.
        try:
            self._ended(sent, response)
        except BaseException:  # observed only, and raised again
            await self._io.discard(response, drain=False)
            raise
        return response

    def _ended(
        self, sent: float, response: Any = None, error: Exception | None = None
    ) -> None:
        duration = self.now() - sent
        self._emit.dispatch(
            AttemptEnded(self._request, self._attempt, duration, response, error)
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._io, name)
