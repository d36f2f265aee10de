"""The flow of an upload: requests one after the other, waits, and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from tenacity import RetryCallState

from httpx_resilient._core.family import Family
from httpx_resilient._transfers.io.protocol import ClientIO
from httpx_resilient._transfers.upload.decision import after, next_step
from httpx_resilient._transfers.upload.events import UploadBroke, UploadResumed
from httpx_resilient._transfers.upload.exchange import Exchange
from httpx_resilient._transfers.upload.history import History
from httpx_resilient._transfers.upload.options import Options
from httpx_resilient._transfers.upload.piece import AsyncPiece, Piece, SyncPiece
from httpx_resilient._transfers.upload.record import EXTENSION, Upload, record_of
from httpx_resilient._transfers.upload.requests import Requests
from httpx_resilient._transfers.upload.source import SourceError
from httpx_resilient._transfers.upload.state import Kind, Step, UploadState
from httpx_resilient._transfers.upload.verdict import Done, Failed, Go, Verdict, Wait

_REFUSED = frozenset({401, 403, 404})
"""The statuses of a request that may lack credentials."""

LONGEST_WAIT = 60.0
"""Seconds. If a server asks for more, the upload ends, and can be resumed then."""


class UploadFlow:
    """
    One upload through one client.

    Args:
        options: Its options.
        url: The URL that creates it.
        family: The library of the client.
        failed: The `UploadError` of that library.
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
        self._exchange = Exchange(self._requests, self._history, family, io)
        self._rejection: Any = None
        """The answer that has rejected the last piece, read."""

    async def run(self) -> Any:
        """
        Upload, and return the response.

        Raises:
            Exception: `UploadError`, or what a hook, an authentication or the body
                has raised.
        """
        source = self._options.source
        await self._io.run(source.open)
        try:
            return await self._run(self._first_state())
        finally:
            source.close()

    def _first_state(self) -> UploadState:
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
        dialect, exchange = self._options.dialect, self._exchange
        while True:
            step, piece = next_step(state), None
            if step.kind is Kind.APPEND:
                state, step, piece = await self._read(state, step)
            try:
                outcome = await exchange.send(state, step, piece)
                sent = (0, 0) if piece is None else (piece.taken, piece.given)
                verdict = after(state, step, outcome, dialect, *sent)
                self._record(step, verdict)
                if isinstance(verdict, Done):
                    return await self._finish(verdict, step)
                if isinstance(verdict, Failed):
                    raise await self._failure(verdict) from exchange.error
                if verdict.state.rejected and step.kind is Kind.APPEND:
                    self._rejection = await exchange.loaded()
                else:
                    await exchange.put_aside(step)
            finally:
                await exchange.close()
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

    def _record(self, step: Step, verdict: Verdict) -> None:
        exchange = self._exchange
        is_accepted = isinstance(verdict, Go) and verdict.state.is_known
        self._history.add(
            step,
            exchange.error if exchange.response is None else exchange.response,
            verdict.reason,
            exchange.times,
            is_unbroken=step.kind is Kind.APPEND and is_accepted,
        )

    async def _finish(self, verdict: Done, step: Step) -> Any:
        response = self._exchange.response
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

    async def _failure(self, verdict: Failed) -> Exception:
        complete = None if verdict.is_unknown else False
        response = await self._exchange.loaded()
        upload = record_of(verdict.state, complete=complete)
        return self._named(verdict.reason, upload, self._rejection or response)

    def _named(self, reason: str, upload: Upload, response: Any = None) -> Exception:
        """Make the exception that ends the upload."""
        msg = f"upload to {self._requests.shown}: {reason}"
        if self._requests.withheld and getattr(response, "status_code", 0) in _REFUSED:
            msg += (
                ". The URL of the upload is of another origin, which got no "
                "credentials: create uploads at that origin if you trust it"
            )
        failed: Exception = self._failed(msg, upload, response)
        vars(failed)["_request"] = self._exchange.request
        self._history.leave_on(failed, str(upload))
        return failed

    async def _go_on(self, step: Step, verdict: Go | Wait) -> None:
        """Report, then wait if need be."""
        state, emit, request = verdict.state, self._options.emit, self._exchange.request
        if isinstance(verdict, Go):
            if step.kind is Kind.LOCATE:
                emit(None, UploadResumed, request, state.offset, state.length)
            self._report(record_of(state))
            await emit.settle()
            return
        seconds = self._seconds(verdict)
        if seconds > LONGEST_WAIT:
            reason = f"{verdict.reason}, and the server asks to wait {seconds:.4g} s"
            raise self._named(reason, record_of(state)) from self._exchange.error
        self._history.wait(seconds)
        emit(None, UploadBroke, request, state.offset, verdict.reason, seconds)
        await emit.settle()
        await self._io.sleep(seconds)

    def _seconds(self, verdict: Wait) -> float:
        state = verdict.state
        call: Any = RetryCallState(cast("Any", None), None, (), {})
        call.attempt_number = max(state.stalls, state.conflicts, 1)
        return max(float(self._options.wait(call)), verdict.least or 0.0)

    def _report(self, upload: Upload) -> None:
        if self._options.on_progress is not None:
            self._options.on_progress(upload)
