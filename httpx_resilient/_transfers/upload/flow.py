"""The flow of an upload: requests one after the other, waits, and its end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from tenacity import RetryCallState

from httpx_resilient._core.family import Family
from httpx_resilient._transfers.io.protocol import ClientIO, Enough
from httpx_resilient._transfers.upload.decision import after, next_step
from httpx_resilient._transfers.upload.events import UploadBroke, UploadResumed
from httpx_resilient._transfers.upload.history import History
from httpx_resilient._transfers.upload.options import Options
from httpx_resilient._transfers.upload.piece import AsyncPiece, Piece, SyncPiece
from httpx_resilient._transfers.upload.record import EXTENSION, Upload
from httpx_resilient._transfers.upload.requests import (
    Requests,
    answer_of,
    failure_of,
    redirect_of,
)
from httpx_resilient._transfers.upload.source import SourceError
from httpx_resilient._transfers.upload.state import (
    Done,
    Failed,
    Go,
    Kind,
    NoAnswer,
    Outcome,
    Step,
    UploadState,
    Wait,
)

_REDIRECTS = 10
_DRAINED = 64 * 1024
"""The bytes of an answer's body that are read to keep its connection."""

LONGEST_WAIT = 60.0
"""Seconds. If a server asks for more, the upload ends, and can be resumed then."""


class UploadFlow:
    """
    One upload through one client.

    Args:
        options: Its options.
        url: The URL that creates it.
        family: The library of the client.
        failed: The `UploadFailed` of that library.
        io: The effects.
    """

    def __init__(
        self, options: Options, url: Any, family: Family, failed: Any, io: ClientIO
    ) -> None:
        self._options = options
        self._family = family
        self._failed = failed
        self._io = io
        self._requests = Requests(options, url, io)
        self._history = History()
        self._request: Any = None
        self._cause: Exception | None = None
        self._rejection: Any = None
        """The answer that has rejected the last piece, read."""

    async def run(self) -> Any:
        """
        Upload, and return the response.

        Raises:
            Exception: `UploadFailed`, or what a hook, an authentication or the body
                has raised.
        """
        source = self._options.source
        await self._io.run(source.open)
        try:
            return await self._run(self._state())
        finally:
            source.close()

    def _state(self) -> UploadState:
        options, length = self._options, self._options.source.length
        return UploadState(
            length,
            options.piece_size,
            options.piece_size,
            options.max_stalls,
            options.max_breaks,
            options.resume_from,
            is_known=not options.resume_from,
            is_resumed=bool(options.resume_from),
            is_deferred=length is None,
            checksum=options.checksum,
        )

    async def _run(self, state: UploadState) -> Any:
        while True:
            step, piece = next_step(state), None
            if step.kind is Kind.APPEND:
                state, step, piece = await self._read(state, step)
            started = self._io.now()
            outcome, response = await self._exchange(state, step, piece)
            try:
                taken, given = (0, 0) if piece is None else (piece.taken, piece.given)
                verdict = after(
                    state, step, outcome, self._options.dialect, taken, given
                )
                shown = self._cause if response is None else response
                self._history.add(step, shown, verdict, started, self._io.now())
                if isinstance(verdict, Done):
                    return await self._finish(verdict, step, response)
                if isinstance(verdict, Failed):
                    raise await self._failure(verdict, response) from self._cause
                await self._put_aside(verdict, step, response)
            finally:
                if response is not None:
                    await self._io.close(response)
            await self._go_on(step, verdict)
            state = verdict.state

    async def _read(
        self, state: UploadState, step: Step
    ) -> tuple[UploadState, Step, Piece]:
        """Read the piece of a step. Only here the end of an iterator shows."""
        try:
            data, is_last = await self._options.source.read(
                self._io, step.start, step.size
            )
        except SourceError as error:
            raise self._named(str(error), record_of(state)) from error
        step = step._replace(size=len(data), is_last=is_last)
        if is_last:
            state = replace(state, length=step.end)
        kind = AsyncPiece if self._io.asynchronous else SyncPiece
        return state, step, kind(data)

    async def _exchange(
        self, state: UploadState, step: Step, piece: Piece | None
    ) -> tuple[Outcome, Any]:
        """Send the request of a step, and follow 307 and 308."""
        moved = ""
        for _ in range(_REDIRECTS):
            request, auth = self._requests.build(state, step, piece, moved)
            self._request, self._cause = request, None
            try:
                response = await self._io.send(
                    request, follow_redirects=False, auth=auth
                )
            except Exception as error:
                # A hook that raises for each status has an answer to show.
                response = getattr(error, "response", None)
                if response is None:
                    if not isinstance(error, self._family.transport_error):
                        raise
                    self._cause = error
                    return failure_of(error, self._family), None
            try:
                answer = answer_of(response, self._io)
                moved = redirect_of(answer)
                if not moved:
                    return answer, response
            except BaseException:
                await self._io.close(response)
                raise
            await self._io.close(response)
        return NoAnswer(f"{_REDIRECTS} redirects", is_final=True), None

    async def _put_aside(self, verdict: Go | Wait, step: Step, response: Any) -> None:
        """Read what is short, so that the connection serves the next request."""
        if response is None or step.kind is Kind.LOCATE:
            return  # a Content-Length of a HEAD is not one of its body
        if verdict.state.rejected:
            self._rejection = await self._loaded(response)
            return
        read = 0

        def consume(chunk: bytes) -> None:
            nonlocal read
            read += len(chunk)
            if read > _DRAINED:
                raise Enough

        with suppress(Exception):  # the status and the headers are all that counts
            await self._io.read(response, consume)

    async def _loaded(self, response: Any) -> Any:
        """Read the body of an answer that is shown, as far as it can be read."""
        with suppress(Exception):
            await self._io.load(response)
        return response

    async def _finish(self, verdict: Done, step: Step, response: Any) -> Any:
        upload = record_of(verdict.state, complete=True, answered=verdict.is_answered)
        if step.kind is Kind.LOCATE:
            # Without its body, which a HEAD does not have, whatever its headers say.
            response = self._family.response(
                response.status_code,
                headers=response.headers,
                request=response.request,
                extensions=response.extensions,
            )
        else:
            try:
                await self._io.load(response)
            except Exception as error:
                msg = "the upload is complete, but its answer broke off"
                raise self._named(msg, upload, response) from error
        response.extensions[EXTENSION] = upload
        self._history.leave_on(response, str(upload))
        self._report(upload)
        await self._options.emit.settle()
        return response

    async def _failure(self, verdict: Failed, response: Any) -> Exception:
        state = verdict.state
        complete = None if verdict.is_unknown else False
        if response is not None:
            response = await self._loaded(response)
        if self._rejection is not None:
            response = self._rejection
        return self._named(
            verdict.reason, record_of(state, complete=complete), response
        )

    def _named(self, reason: str, upload: Upload, response: Any = None) -> Exception:
        """Make the exception that ends the upload."""
        msg = f"upload to {self._requests.shown}: {reason}"
        failed: Exception = self._failed(msg, upload, response)
        if self._request is not None:
            vars(failed)["_request"] = self._request
            self._history.leave_on(failed, str(upload))
        return failed

    async def _go_on(self, step: Step, verdict: Go | Wait) -> None:
        """Report, then wait if need be."""
        state, emit, request = verdict.state, self._options.emit, self._request
        if isinstance(verdict, Go):
            if step.kind is Kind.LOCATE:
                emit(None, UploadResumed, request, state.offset, state.length)
            if step.kind is not Kind.DISCOVER:
                self._report(record_of(state))
        else:
            seconds = self._seconds(verdict)
            if seconds > LONGEST_WAIT:
                reason = (
                    f"{verdict.reason}, and the server asks to wait {seconds:.4g} s"
                )
                raise self._named(reason, record_of(state)) from self._cause
            self._history.wait(seconds)
            emit(None, UploadBroke, request, state.offset, verdict.reason, seconds)
            await emit.settle()
            await self._io.sleep(seconds)
        await emit.settle()

    def _seconds(self, verdict: Wait) -> float:
        state = verdict.state
        call: Any = RetryCallState(cast("Any", None), None, (), {})
        call.attempt_number = max(state.stalls, state.conflicts, 1)
        return max(float(self._options.wait(call)), verdict.least or 0.0)

    def _report(self, upload: Upload) -> None:
        if self._options.on_progress is not None:
            self._options.on_progress(upload)


def record_of(
    state: UploadState, *, complete: bool | None = False, answered: bool = False
) -> Upload:
    """Return what a user learns of a state."""
    return Upload(
        state.offset,
        state.length,
        complete,
        answered,
        state.breaks,
        state.repeated,
        state.location,
    )
