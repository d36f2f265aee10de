"""Another attempt at a request whose body broke before anybody had a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from weakref import ref

from httpx_resilient._core.classify import ALWAYS, IF_IDEMPOTENT, classify_error
from httpx_resilient._core.context import begin
from httpx_resilient._core.history import (
    KEY,
    Record,
    annotate,
    broken,
    leave_history,
)
from httpx_resilient._core.io.protocol import releasing
from httpx_resilient._core.refused import is_refused_here
from httpx_resilient._layers.retry.decision import next_request
from httpx_resilient._layers.retry.resending import send_again

_LOWEST_REDIRECT, _LOWEST_ERROR = 300, 400


class BodyRetry:
    """
    What follows a body that has broken: the decision, and another attempt.

    Args:
        body: The stream of the response, a `RetriedBody`.
        response: The response, as the caller has it.
        error: What its reader has met.
    """

    __slots__ = (
        "_before", "_body", "_error", "_left", "_received", "_seen", "answer",
        "retried",
    )  # fmt: skip

    def __init__(self, body: Any, response: Any, error: Exception) -> None:
        self._body = body
        self._error = error
        self._received: int = response.num_bytes_downloaded
        self._seen = _treatment(response)
        self.answer: Any = None
        """The response of another attempt, until it has replaced the first one."""
        found = response.extensions.get(KEY)
        self._left: Sequence[Record] = found if isinstance(found, list) else ()
        """What all layers have left up to the break, if it is more than one record."""
        self.retried = _resumed(body, found)
        self._before: int = self.retried.state.attempt_number - 1
        """How many attempts of this layer came before the one that has broken."""

    async def is_granted(self) -> bool:
        """Release what has broken. Return whether another attempt follows."""
        body, retried, io = self._body, self.retried, self._body.io
        with suppress(Exception):  # it is broken already
            closing = body.stream.aclose() if io.asynchronous else body.stream.close()
            await io.settle(closing)
        if classify_error(self._error, retried.state.family) is ALWAYS:
            # Whatever HTTP/2 says: it was processed, since it was answered.
            failed: Any = self._error
            failed.retryability = IF_IDEMPOTENT
        retried.answer = None  # the server has answered something else since
        retried.state.breaks(self._error, self._received, io.now())
        if await next_request(retried, io) is not None:
            return True
        self.ends(self._error)
        await retried.emit.settle(retried.state.context)
        return False

    async def send(self) -> None:
        """
        Send the request until an attempt is answered as the first one was.

        Raises:
            Exception: The error that ends the request.
        """
        retried, io = self.retried, self._body.io
        context = retried.state.context
        try:
            answer = await send_again(retried, io)
        except Exception as error:
            if not is_refused_here(error, retried.state.family, context):
                raise
            note = f"the next attempt was refused on this side: {error}"
            annotate(self._error, "body note", note)
            raise self._error from self._error.__cause__
        async with releasing(answer, io):
            await retried.emit.settle(context)
        if _treatment(answer) == self._seen:
            self.answer = answer
            return
        await io.discard(answer, context)
        note = (
            f"the next attempt was answered by {answer.status_code}: a client that was "
            "given other headers before would not treat that as an answer"
        )
        annotate(self._error, "body note", note)
        raise self._error from self._error.__cause__

    def replace(self, response: Any) -> Any:
        """Give the caller's response what has come with the next one; its stream."""
        answer, body = self.answer, self._body
        self.answer = None
        body.retried = self.retried
        response.headers = body.headers = answer.headers
        response.extensions.update(answer.extensions)
        # What goes on with its body leaves the history there.
        answer.extensions = response.extensions
        leave_history(response, self._joined())
        read = answer.aread if body.io.asynchronous else answer.read
        inside = getattr(read, "__self__", answer)
        body.inside = None
        if isinstance(inside, type(body)):  # a retry layer inside watches it
            inside.response, body.inside = ref(response), inside
        return answer.stream

    def ends(self, error: Exception) -> None:
        """Leave the history on the error that ends the request, and on its response."""
        joined = self._joined()
        leave_history(error, joined)
        leave_history(self._body.response(), joined)  # for a layer around

    def given_up(self, reason: str) -> Exception:
        """Return what the body broke with, with its history, and why it ends there."""
        self.ends(self._error)
        annotate(self._error, "body note", f"no other attempt is possible: {reason}")
        return self._error

    async def discard(self) -> None:
        """Release an answer that nobody gets: the read was cancelled meanwhile."""
        if self.answer is not None:
            context = self.retried.state.context
            await self._body.io.discard(self.answer, context, drain=False)

    def _joined(self) -> Sequence[Record]:
        """
        Return the attempts up to the break, and those of this layer after it.

        Layers around and inside have told theirs on the same response, and may have
        sent for the body, too. So what comes after it is added at the end.
        """
        own: Sequence[Record] = self.retried.state.context.attempts
        if not self._left or not own:
            return own
        (number, kind, reason, wait, *_), *further = own[self._before :]
        joined: list[Any] = [*broken(self._left, kind, reason, wait)]
        number = joined[-1][0] or number
        joined += [(number + i, *rest) for i, (_, *rest) in enumerate(further, 1)]
        return joined


def _treatment(response: Any) -> tuple[int, str | None]:
    """
    Return what a client has acted on before it reads a body.

    Hooks, authentication and redirects have seen a status; a redirect goes to the
    location of the response whose headers came first.
    """
    status: int = response.status_code
    is_redirect = _LOWEST_REDIRECT <= status < _LOWEST_ERROR
    return status, response.headers.get("location") if is_redirect else None


def _resumed(body: Any, found: Any) -> Any:
    """Return the attempts of a request that was over when its headers came."""
    retried = body.retried
    if retried is None:
        if body.context is None:
            context = begin(body.request, body.io)
        else:
            context = body.context.fork(body.request)
        context.now = body.ended - (found if isinstance(found, float) else 0.0)
        retried = body.flow._retried(body.request, context)  # noqa: SLF001 - a part of the layer
    else:
        context = retried.state.context.fork(retried.state.request)
        retried.state.reopens(context)
        retried.spending.reopen(body.io.now())
    context.deadline = body.deadline
    return retried
