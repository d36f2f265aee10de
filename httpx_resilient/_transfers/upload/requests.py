"""The requests of an upload, as a client sends them, and who gets credentials."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any
from urllib.parse import urljoin

from httpx_resilient._core.classify import NEVER, classify_error, was_not_sent
from httpx_resilient._core.error_text import describe_error
from httpx_resilient._core.family import Family
from httpx_resilient._core.hints.reading import hints_in
from httpx_resilient._core.origin import origin_key, safe_url
from httpx_resilient._transfers.io.protocol import ClientIO
from httpx_resilient._transfers.upload.options import Options
from httpx_resilient._transfers.upload.piece import Piece
from httpx_resilient._transfers.upload.state import (
    Answer,
    Kind,
    NoAnswer,
    Step,
    UploadState,
)

READ_TIMEOUT = 30.0
"""
The least read timeout in seconds, if the user gives none.

A server that still writes what a broken request has sent lets a HEAD wait for it:
tuspyserver for 10 to 30 s, @tus/server for more than 3 s.
"""

_OF_CONTENT = ("content-", "repr-digest", "want-repr-digest")
"""Headers that describe the content: only the creating request has them."""

_FOR_ANYBODY = frozenset({b"host", b"accept", b"accept-encoding", b"user-agent"})
"""What another origin gets of the client's headers: no credentials, however named."""


class Requests:
    """
    Builds the requests of an upload.

    Args:
        options: The options of the upload.
        url: The URL at which it is created.
        io: The effects.
    """

    def __init__(self, options: Options, url: Any, io: ClientIO) -> None:
        self._options = options
        self._io = io
        first = io.client.build_request("POST", url)
        self.url = str(first.url)
        """The URL that creates the upload, with the base URL of the client."""
        self.shown = safe_url(first)
        self.withheld = False
        """Whether the last request went to another origin, without credentials."""
        self._given = url
        self._origin = origin_key(first.url)

    def build(
        self, state: UploadState, step: Step, piece: Piece | None, moved: str = ""
    ) -> tuple[Any, Any]:
        """
        Build the request of a step.

        Args:
            state: The state of the upload.
            step: The step.
            piece: Its body.
            moved: The URL that a redirect names, or empty.

        Returns:
            The request, and the `auth` to send it with: `None` for that of the client.
        """
        options, dialect = self._options, self._options.dialect
        own = dialect.common()
        if step.kind is Kind.CREATE:
            own |= dialect.creation(state)
        elif piece is not None:
            own |= dialect.append(state, step)
            own["Content-Length"] = str(len(piece))
            if state.checksum:
                own["Upload-Checksum"] = _checksum(state.checksum, piece)
        names = {name.lower() for name in own}
        given = [
            (name, value)
            for name, value in options.headers
            if name.lower() not in names
            and (step.kind is Kind.CREATE or not name.lower().startswith(_OF_CONTENT))
        ]
        method = options.method if step.kind is Kind.CREATE else step.kind.value
        to_upload = step.kind in {Kind.LOCATE, Kind.APPEND}
        target = moved or (state.location if to_upload else self._given)
        request = self._io.client.build_request(
            method,
            target,
            headers=[*given, *own.items()],
            content=piece,
            extensions=dict(options.extensions),
            **({} if options.timeout is None else {"timeout": options.timeout}),
        )
        if options.timeout is None:
            _extend_timeout(request)
        self.withheld = False
        if origin_key(request.url) == self._origin:
            return request, None
        self.withheld = True
        request.url = type(request.url)(target)  # without the client's own parameters
        kept = _FOR_ANYBODY | {name.encode() for name in names}
        request.headers = type(request.headers)(
            [(n, v) for n, v in request.headers.raw if n.lower() in kept]
        )
        return request, _no_auth


def _no_auth(request: Any) -> Any:
    return request


def _extend_timeout(request: Any) -> None:
    timeouts = dict(request.extensions.get("timeout", {}))
    if timeouts.get("read") is not None:
        timeouts["read"] = max(timeouts["read"], READ_TIMEOUT)
    request.extensions["timeout"] = timeouts


def _checksum(algorithm: str, piece: Piece) -> str:
    digest = hashlib.new(algorithm, piece.data).digest()
    return f"{algorithm} {b64encode(digest).decode()}"


def answer_of(response: Any, io: ClientIO) -> Answer:
    """Return the values of a response that decisions read."""
    headers: dict[str, str] = {}
    for name, value in response.headers.raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    hints = hints_in(response, io.wall_time)
    url = str(response.request.url)
    return Answer(response.status_code, headers, url, hints.retry_after)


def failure_of(error: Exception, family: Family) -> NoAnswer:
    """Return the values of an exception that decisions read."""
    is_unsent = was_not_sent(error, family)
    return NoAnswer(
        describe_error(error),
        is_unsent,
        # A full pool, or a layer that refuses to send, may do so later.
        is_final=not is_unsent and classify_error(error, family) is NEVER,
        retry_after=getattr(error, "retry_after", None),
    )


def redirect_of(answer: Answer) -> str:
    """Return where a 307 or 308 leads: they keep method and body. Empty for others."""
    if answer.status not in {307, 308} or "location" not in answer.headers:
        return ""
    return urljoin(answer.url, answer.headers["location"])
