"""What the answer to a reconnection means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from httpx_resilient._core.classify import NEVER, classify_status
from httpx_resilient._core.hints.reading import hints_in
from httpx_resilient._layers.event_stream.encodings import is_decodable
from httpx_resilient._layers.event_stream.syntax import MEDIA_TYPE, is_event_stream

_OK, _NO_CONTENT, _REDIRECT, _ERROR = 200, 204, 300, 400


class Verdict(Enum):
    """What follows an answer."""

    GO_ON = auto()
    """It is an event stream."""
    END = auto()
    """The server has no more events, ever."""
    AGAIN = auto()
    """The server may have some later."""
    REFUSE = auto()
    """There is no stream any more, or something else in its place."""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What an answer means.

    Args:
        verdict: What follows.
        reason: What it was, in words.
        retry_after: Seconds that it asks for.
    """

    verdict: Verdict
    reason: str
    retry_after: float | None = None


def is_readable(response: Any) -> bool:
    """Whether a response is an event stream whose lines can be read."""
    headers = response.headers
    return (
        response.status_code == _OK
        and is_event_stream(headers.get("content-type", ""))
        and is_decodable(headers.get("content-encoding", ""))
    )


def answer_of(response: Any, wall_time: Callable[[], float]) -> Answer:
    """
    Read the answer to a reconnection.

    204 ends a stream (WHATWG HTML §9.2.3). By the letter any other status does so, too;
    one that is likely to be over soon is worth another attempt.
    """
    status = response.status_code
    if is_readable(response):
        return Answer(Verdict.GO_ON, "")
    if status == _NO_CONTENT:
        return Answer(Verdict.END, str(status))
    if status >= _ERROR:
        hints = hints_in(response, wall_time)
        again = classify_status(status) is not NEVER or hints.unprocessed
        if again if hints.should_retry is None else hints.should_retry:
            return Answer(Verdict.AGAIN, str(status), hints.retry_after)
    return Answer(Verdict.REFUSE, _in_words(response, status))


def _in_words(response: Any, status: int) -> str:
    kind = response.headers.get("content-type", "").strip()
    text = f"{status}, {kind or 'without a content type'}"
    if _REDIRECT <= status < _ERROR:
        return f"{text}: a redirect that nobody follows here"
    if status != _OK:
        return text
    encoding = response.headers.get("content-encoding", "")
    if is_event_stream(kind):
        return f"{text} in the encoding {encoding}, which cannot be read here"
    return f"{text}, which is not {MEDIA_TYPE.decode()}"
