"""The end of a body that does not go on: what its reader gets."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.drain import leave
from httpx_resilient._core.history import annotate
from httpx_resilient._core.resuming.eligibility import NO_POSITIONS, why_final
from httpx_resilient._core.resuming.representation import Representation
from httpx_resilient._layers.resuming.events import BodyLost
from httpx_resilient._layers.resuming.history import BodyHistory
from httpx_resilient._layers.resuming.settings import OPTION

if TYPE_CHECKING:
    from httpx_resilient._layers.resuming.stream import ResumedStream

_RETRY = "retry"


def why_never(stream: ResumedStream, first: Representation) -> str | None:
    """Return why the body of a request must not go on, or `None` if it may."""
    request = stream.exchange.request
    for option in (
        OPTION,
        _RETRY,
    ):  # with either of them, a request is sent once
        if request.extensions.get(option) is False:
            return f'it has the extension {{"{option}": False}}'
    if type(request.stream) is not stream.settings.family.plain_body:
        return "its request has a body that may not be sent again"
    return why_final(request.method, request.headers.raw, first)


async def release(stream: ResumedStream) -> None:
    """Release what a stream reads, also half-way: trio warns of generators left so."""
    try:
        with suppress(Exception):  # it may be broken
            await leave(stream.iterator)
    finally:
        await stream.exchange.io.discard(stream.stream, drain=False)


class Ending:
    """
    Ends a body that does not go on.

    Args:
        stream: The stream of the caller.
        context: The context of its events.
    """

    def __init__(self, stream: ResumedStream, context: RequestContext) -> None:
        self._stream = stream
        exchange = stream.exchange
        self._context = context
        self.history = BodyHistory(exchange.response, exchange.began, exchange.ended)
        """The history of the request, with each further one for the body."""

    async def lost(self, cause: Exception, failure: str, reason: str) -> Exception:
        """
        Return how the body broke, with a note that says why it does not go on.

        Args:
            cause: How it broke.
            failure: Why the latest attempt is of no use.
            reason: Why there is no further one.
        """
        received = self._stream.received
        note = f"the body broke after {received:,} bytes and is not resumed: {reason}"
        annotate(cause, "resume note", note)
        return await self._ended(cause, failure, reason)

    async def changed(self, cause: Exception, reason: str) -> Exception:
        """
        Return the exception of a body whose content has changed.

        Args:
            cause: How it broke.
            reason: What has changed, in words that follow "the server".
        """
        refusal: Exception = self._stream.settings.refusal(
            f"the body broke after {self._stream.received:,} bytes, and the server "
            f"{reason}: what was read cannot be completed, so send the request again"
        )
        refusal.__cause__ = cause
        return await self._ended(refusal, reason, f"the server {reason}")

    async def _ended(self, error: Exception, failure: str, reason: str) -> Exception:
        stream = self._stream
        self.history.broke(failure, 0.0)
        self.history.leave(error)
        if reason == NO_POSITIONS:
            return error  # it is not lost yet: a layer around may go on by its ids
        emit = stream.settings.emit
        emit(self._context, BodyLost, stream.exchange.request, stream.received, reason)
        await emit.settle(self._context)
        return error
