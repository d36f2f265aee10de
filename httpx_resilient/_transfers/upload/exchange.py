"""One request of an upload and its outcome, with the redirects between."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._transfers.io.protocol import ClientIO, Enough
from httpx_resilient._transfers.upload.history import History
from httpx_resilient._transfers.upload.piece import Piece
from httpx_resilient._transfers.upload.requests import (
    Requests,
    answer_of,
    failure_of,
    redirect_of,
)
from httpx_resilient._transfers.upload.state import (
    Kind,
    NoAnswer,
    Outcome,
    Step,
    UploadState,
)

_REDIRECTS = 10
_DRAINED = 64 * 1024
"""The bytes of an answer's body that are read to keep its connection."""


class Exchange:
    """
    Sends the requests of an upload, and remembers what came of the last one.

    Args:
        requests: Builds them.
        history: Records them.
        family: The library of the client.
        io: The effects.
    """

    def __init__(
        self, requests: Requests, history: History, family: Family, io: ClientIO
    ) -> None:
        self._requests = requests
        self._history = history
        self._family = family
        self._io = io
        self.request: Any = None
        self.response: Any = None
        """The response, open and unread; `None` after an exception."""
        self.error: Exception | None = None
        self.times = (0.0, 0.0)
        """When the request was sent, and when its outcome was there."""

    async def send(
        self, state: UploadState, step: Step, piece: Piece | None
    ) -> Outcome:
        """Send the request of a step, and follow 307 and 308."""
        outcome = await self._send_once(state, step, piece, "")
        for _ in range(_REDIRECTS):
            if isinstance(outcome, NoAnswer) or not (moved := redirect_of(outcome)):
                return outcome
            await self._io.close(self.response)
            self._history.add(step, self.response, "redirected", self.times)
            outcome = await self._send_once(state, step, piece, moved)
        return outcome

    async def _send_once(
        self, state: UploadState, step: Step, piece: Piece | None, moved: str
    ) -> Outcome:
        request, auth = self._requests.build(state, step, piece, moved)
        self.request, self.response, self.error = request, None, None
        started = self._io.now()
        try:
            self.response = await self._io.send(
                request, follow_redirects=False, auth=auth
            )
        except Exception as error:
            # A hook that raises for each status has an answer to show.
            self.response = getattr(error, "response", None)
            if self.response is None:
                if not isinstance(error, self._family.transport_error):
                    raise
                self.error = error
                return failure_of(error, self._family)
        finally:
            self.times = started, self._io.now()
        return answer_of(self.response, self._io)

    async def put_aside(self, step: Step) -> None:
        """Read what is short, so that the connection serves the next request."""
        if self.response is None or step.kind is Kind.LOCATE:
            return  # a Content-Length of a HEAD is not one of its body
        read = 0

        def consume(chunk: bytes) -> None:
            nonlocal read
            read += len(chunk)
            if read > _DRAINED:
                raise Enough

        with suppress(Exception):  # the status and the headers are all that counts
            await self._io.read(self.response, consume)

    async def loaded(self) -> Any:
        """Read the body of an answer that is shown, as far as it can be read."""
        if self.response is not None:
            with suppress(Exception):
                await self._io.load(self.response)
        return self.response

    async def close(self) -> None:
        """Release the last response, whatever has happened to it."""
        if self.response is not None:
            await self._io.close(self.response)
