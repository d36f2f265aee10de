"""One of the two requests of a hedged request: the first one or its hedge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, cast

from httpx_resilient._core.classify import Retryability, classify_status
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.history import Record
from httpx_resilient._core.http_types import ResponseLike, ResponseT

OPTION = "hedge"
"""
The extension of hedging. On a request it says whether the request may be hedged. On the
response of a hedged request it says whether the hedge won.
"""


class Leg(Generic[ResponseT]):
    """
    One of the two requests: the first one or its hedge.

    Args:
        started: When it was sent, in monotonic seconds.
        context: Its context.
    """

    def __init__(self, started: float, context: RequestContext) -> None:
        self.started = self.ended = started
        self.context = context
        self.response: ResponseT | None = None
        self.error: Exception | None = None

    async def run(self, sent: Awaitable[ResponseT], now: Callable[[], float]) -> bool:
        """Await the outcome. Return whether it is a success."""
        try:
            self.response = await sent
        except Exception as error:  # noqa: BLE001 - raised later if this leg wins
            self.error = error
        finally:
            self.ended = now()
        return self.is_success

    @property
    def is_success(self) -> bool:
        return self.response is not None and is_success(self.response)

    def record(self, *, hedge: bool) -> Record:
        """Return the record of this leg, with what layers inside have sent for it."""
        response, error = self.response, self.error
        kind: int | type[Exception] | None = None if error is None else type(error)
        if response is not None:
            kind = response.status_code
        reason = "cancelled" if kind is None else _name_of(kind)
        took, (queued, inside) = self.ended - self.started, self.context.take()
        return 0, kind, reason, 0.0, took, self.started, queued, inside, "", hedge

    def take_result(self) -> ResponseT:
        """Return the response or raise the exception, and forget it."""
        response, self.response = self.response, None
        if response is not None:
            return response
        error, self.error = self.error, None
        try:
            raise cast("Exception", error)
        finally:
            del error  # its traceback leads back to this frame


def _name_of(kind: int | type[Exception]) -> str:
    return str(kind) if isinstance(kind, int) else kind.__name__


def is_success(response: ResponseLike) -> bool:
    """Whether another response to the same request could not be better."""
    status = response.status_code
    return status < 400 or classify_status(status) is Retryability.NEVER
