"""After a 401: the same request once more, with a newer credential."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from httpx_resilient._core.body.saved import save
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.history import Record, leave_history
from httpx_resilient._core.http_types import ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.refused import is_refused_here
from httpx_resilient._layers.credentials.credential import Credential
from httpx_resilient._layers.credentials.events import CredentialsRenewed

UNAUTHORIZED = 401
"""The credential is not valid, or not valid any more (RFC 9110 §15.5.2)."""


class SentTwice:
    """
    The history of a request that was answered by 401 and is sent once more.

    Args:
        context: The context of the request.
        began: When it was first sent, in monotonic seconds.
        queued: Seconds that it was queued in front of this layer.
        now: When the answer came, in monotonic seconds.
    """

    def __init__(
        self, context: RequestContext, began: float, queued: float, now: float
    ) -> None:
        self._context = context
        self._queued_around = queued
        self._records: list[Record] = []
        self._began = began
        self._record(UNAUTHORIZED, str(UNAUTHORIZED), queued, now)
        self._began = now
        self.kind: int | type[Exception] | None = None
        self.reason = "cancelled"
        context.unsent, context.refused, context.in_memory = None, False, False

    def ends(self, outcome: object, now: float) -> None:
        """Leave the history for the layers around, and for the caller."""
        self._record(self.kind, self.reason, 0.0, now)
        context, context_queued = self._context, self._queued_around
        context.attempts, context.queued = self._records, context_queued
        if outcome is not None:
            leave_history(outcome, self._records)

    def _record(
        self,
        kind: int | type[Exception] | None,
        reason: str,
        queued_before: float,
        now: float,
    ) -> None:
        queued, inside = self._context.take()
        own, took, at = queued - queued_before, now - self._began, self._began
        record: Record = (0, kind, reason, 0.0, took, at, own, inside, "", False)
        self._records.append(record)


async def send_again(
    answer: ResponseT,
    history: SentTwice,
    context: RequestContext,
    io: IO[Any, ResponseT],
    family: Family,
    emit: EventEmitter,
    renewed: Callable[[], Awaitable[Credential]],
    send: Callable[[Credential], Awaitable[ResponseT]],
) -> ResponseT:
    """
    Send a request once more.

    Args:
        answer: The 401. It is released, and saved if it is short: the caller gets it if
            a layer inside refuses to send the request again.
        history: The history of the request.
        context: Its context.
        io: Its IO.
        family: The library of the request.
        emit: Emits the events of the layer.
        renewed: Returns a newer credential.
        send: Sends the request with a credential.

    Raises:
        Exception: There is no newer credential, or the second request has failed.
    """
    outcome: Any = None
    answered = io.now()
    try:
        saved = await save(answer, family, io, context)
        credential = await renewed()
        waited = io.now() - answered
        emit(context, CredentialsRenewed, context.request, waited)
        try:
            outcome = await send(credential)
        except Exception as error:
            if saved is None or not is_refused_here(error, family, context):
                raise
            outcome = saved.restore()
            context.in_memory = True
            history.kind = type(error)
            history.reason = (
                f"{type(error).__name__}, so the {UNAUTHORIZED} before it is returned"
            )
        else:
            history.kind = outcome.status_code
            history.reason = "" if outcome.status_code < 400 else str(history.kind)
    except Exception as error:
        outcome, history.kind = error, type(error)
        history.reason = type(error).__name__
        raise
    else:
        return outcome  # type: ignore[no-any-return]  # a response of the library
    finally:
        history.ends(outcome, io.now())
