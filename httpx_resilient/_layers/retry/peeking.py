"""Look into the body of a response before the strategies are asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from httpx_resilient._core.body.peeked import PeekedStream
from httpx_resilient._core.body.saved import SavedStream
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.hints.reading import (
    FORBIDDEN,
    TOO_LARGE,
    UNAVAILABLE,
    Hints,
)
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._layers.retry.body_answer import BodyAnswer, BodyHints
from httpx_resilient._layers.retry.body_hints import hints_in_body
from httpx_resilient._layers.retry.state import RetryState

PEEK_SECONDS = 1.0
"""The time after which no further chunk of a body is waited for."""

_STREAMED = (
    "application/json-seq",
    "application/jsonl",
    "application/x-ndjson",
    "text/event-stream",
)
"""Types whose content comes bit by bit: the caller must not wait for more of it."""

_VERDICT = "should_retry in the body"

_PIECE = 1024
"""Bytes that are decoded at once, so that a small body cannot become a huge one."""


def watch(response: Any, family: Family) -> PeekedStream | None:
    """
    Keep what strategies and hooks read of a response: the caller gets it unread.

    Returns:
        The stream that the response has from now on. `None` if the response was read
        when it was made, as that of a mock.
    """
    if response.is_closed:
        return None
    response.stream = peeked = family.stream_class(PeekedStream)(response)
    return peeked


async def read_hints(
    option: hints_in_body,
    peeked: PeekedStream | None,
    state: RetryState[RequestT, ResponseT],
    io: IO[RequestT, ResponseT],
    emit: EventEmitter,
) -> None:
    """Merge what the body of a response says into the hints of its headers."""
    response: Any = state.response
    if not option.concerns(response.status_code):
        return
    content = await _content_of(response, peeked, option.limit, state.family, io)
    if content is None:
        return
    answer = BodyAnswer(response.status_code, response.headers, content, state.request)
    for found in _asked(option, answer, emit):
        state.hints = merged(state.hints, found, response.status_code)
        if found.reason:
            state.reason += f", {found.reason}"


def _asked(
    option: hints_in_body, answer: BodyAnswer, emit: EventEmitter
) -> Iterable[BodyHints]:
    """Ask the readers, the first of which takes precedence, so it comes last."""
    for reader in reversed(option.readers):
        try:
            found: Any = reader(answer)
        except Exception as error:  # noqa: BLE001 - a body may be anything: no reason to hide the response
            emit.report("a reader of hints in bodies", error)
            continue
        if isinstance(found, BodyHints):
            yield found
        elif found is not None:
            name = getattr(reader, "__name__", repr(reader))
            msg = f"{name} must return BodyHints or None; got {found!r}"
            raise TypeError(msg)


def merged(hints: Hints, body: BodyHints, status: int) -> Hints:
    """
    Add what a body says to hints. The longest wait counts, and the body's verdict.

    As in headers, a wait after 403, 413 and 503 means throttling.
    """
    wait = body.wait
    is_asked = wait is not None
    is_refused = body.unprocessed or (is_asked and status in (FORBIDDEN, TOO_LARGE))
    made = replace(
        hints,
        retry_after=max(hints.retry_after or 0.0, wait or 0.0) or None,
        throttled=hints.throttled
        or body.throttled
        or (is_asked and status in (FORBIDDEN, TOO_LARGE, UNAVAILABLE)),
        unprocessed=hints.unprocessed or is_refused,
    )
    if body.should_retry is None:
        return made
    return replace(made, should_retry=body.should_retry, verdict_of=_VERDICT)


async def _content_of(
    response: Any,
    peeked: PeekedStream | None,
    limit: int,
    family: Family,
    io: IO[RequestT, ResponseT],
) -> bytes | None:
    """Return the decoded content, or `None` if it is too long, broken or too late."""
    if peeked is None:
        return _read_before(response, limit)
    headers = response.headers
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        return None
    if headers.get("content-type", "").lower().startswith(_STREAMED):
        return None
    ahead = peeked.read_ahead_async if io.asynchronous else peeked.read_ahead
    await io.settle(ahead(limit, io.now() + PEEK_SECONDS, io.now))
    if not peeked.is_whole:
        return None
    return _decoded(b"".join(peeked.chunks), headers, family, limit)


def _read_before(response: Any, limit: int) -> bytes | None:
    """Return the content of a response that was read when it was made."""
    try:
        content: bytes = response.content
    except Exception:  # noqa: BLE001 - of the library: it was closed unread
        return None
    return content if len(content) <= limit else None


def _decoded(raw: bytes, headers: Any, family: Family, limit: int) -> bytes | None:
    """Decode a body as its client would, with the decoders of its library."""
    coding = headers.get("content-encoding", "identity")
    if coding == "identity" or not raw:
        return raw
    pieces = [raw[i : i + _PIECE] for i in range(0, len(raw), _PIECE)]
    stream = family.stream_class(SavedStream)(pieces)
    encoded = family.response(200, headers={"content-encoding": coding}, stream=stream)
    content = b""
    try:
        for chunk in encoded.iter_bytes():
            content += chunk
            if len(content) > limit:
                return None
    except Exception:  # noqa: BLE001 - what cannot be decoded says nothing, and the client will tell
        return None
    # A coding that the library does not know is left as it is.
    return None if content == raw else content
