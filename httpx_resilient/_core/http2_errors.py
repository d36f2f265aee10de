"""
What the failure of an HTTP/2 request proves.

httpcore puts an event or an exception of *h2* behind its own exception. *h2* treats a
connection as closed as soon as it reads a GOAWAY: it refuses whatever comes in the same
packet, and everything that is to be sent afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

from httpx_resilient._core.causes import causes_of

_NO_ERROR = 0
_REFUSED_STREAM = 7
_HTTP_1_1_REQUIRED = 13

_CLOSED = "ConnectionState.CLOSED"
_FIRST_INPUTS = frozenset(
    {"ConnectionInputs.SEND_SETTINGS", "ConnectionInputs.SEND_HEADERS"}
)
"""What is sent before any other frame of a request."""
_NO_STREAM = frozenset({"TooManyStreamsError", "NoAvailableStreamIDError"})
"""The exceptions of *h2* that refuse to open a stream."""

_FOUNDATIONS = frozenset(
    {"anyio", "h2", "hpack", "hyperframe", "httpcore", "httpcore2", "trio"}
)
"""What httpcore's HTTP/2 is built on."""

_FIRST = "__httpx_resilient_first__"
"""The attribute of an exception of httpcore: which exception it was first behind."""


class Http2Failure(NamedTuple):
    """
    The proofs behind an exception. All are false if it is not one of HTTP/2.

    Args:
        unsent: No frame of the request was sent.
        unprocessed: The server has not processed the request.
        lost: The connection was closed before the response.
        graceful: The server works, and has announced that it closes the connection.
        of_one_stream: The connection can serve other requests.
        final: The server does not accept the request over HTTP/2.
    """

    unsent: bool = False
    unprocessed: bool = False
    lost: bool = False
    graceful: bool = False
    of_one_stream: bool = False
    final: bool = False

    def joined(self, other: Http2Failure) -> Http2Failure:
        """Return what the two prove together."""
        return Http2Failure(*map(any, zip(self, other, strict=True)))


def http2_failure(error: BaseException) -> Http2Failure:
    """Collect what the events and exceptions of *h2* behind an exception prove."""
    proofs = Http2Failure()
    goodbye = None
    for each in (error, *causes_of(error)):
        if type(each).__module__ == "h2.exceptions":
            proofs = proofs.joined(_of_exception(each))
            continue
        event = each.args[0] if each.args else None
        kind = type(event).__name__
        if kind == "StreamReset":
            proofs = proofs.joined(_of_reset(event))
        elif kind == "ConnectionTerminated":
            goodbye = event
            proofs = proofs.joined(_of_goaway(event, _stream_of(each)))
    if goodbye is not None:
        is_planned = getattr(goodbye, "error_code", None) == _NO_ERROR
        proofs = proofs._replace(graceful=is_planned, of_one_stream=False)
    return proofs


def _of_exception(error: BaseException) -> Http2Failure:
    if type(error).__name__ in _NO_STREAM:
        return Http2Failure(unsent=True, unprocessed=True, graceful=True)
    # h2 looks up the transition of a state by an input, and names both if it has none.
    missing: Any = error.__cause__ or error.__context__
    transition: Any = missing.args if isinstance(missing, KeyError) else ()
    match transition:
        case ((state, given),) if str(state) == _CLOSED:
            pass
        case _:
            return Http2Failure()
    # The GOAWAY itself is lost if frames follow it in its packet. A server that goes on
    # after it is one that leaves in good order.
    unsent = str(given) in _FIRST_INPUTS
    return Http2Failure(unsent=unsent, unprocessed=unsent, lost=True, graceful=True)


def _of_reset(event: Any) -> Http2Failure:
    """Read a RST_STREAM (RFC 9113 §6.4, §7, §8.7)."""
    code = getattr(event, "error_code", None)
    is_remote = bool(getattr(event, "remote_reset", False))
    return Http2Failure(
        unprocessed=is_remote and code == _REFUSED_STREAM,
        # A server that resets a request without a reason is about to close.
        graceful=is_remote and code == _NO_ERROR,
        of_one_stream=code != _NO_ERROR,
        final=is_remote and code == _HTTP_1_1_REQUIRED,
    )


def _of_goaway(event: Any, stream: int | None) -> Http2Failure:
    """Read a GOAWAY: it names the last stream that was processed (RFC 9113 §6.8)."""
    last = getattr(event, "last_stream_id", None)
    return Http2Failure(
        unprocessed=last == 0
        or (last is not None and stream is not None and stream > last),
        lost=True,
        final=getattr(event, "error_code", None) == _HTTP_1_1_REQUIRED,
    )


def is_shared(error: BaseException) -> bool:
    """
    Whether a request before this one has failed by the same end of a connection.

    httpcore raises one exception for all streams of an HTTP/2 connection that breaks.
    One connection that breaks is one event, however many requests it had. The answer
    for the same exception is always the same.
    """
    for each in causes_of(error):
        if any(map(_is_http2, _frames_of(each))):
            return bool(vars(each).setdefault(_FIRST, id(error)) != id(error))
    return False


def leaks_from_http2(error: BaseException) -> bool:
    """
    Whether an exception was raised by httpcore's HTTP/2, or by what it is built on.

    An exception of a request body or of a trace function passes through it only.
    """
    inside = False
    for frame in _frames_of(error):
        library = _module_of(frame).partition(".")[0]
        inside = _is_http2(frame) or (inside and library in _FOUNDATIONS)
    return inside


def _stream_of(error: BaseException) -> int | None:
    """
    Return the number of the stream that httpcore raised an exception for.

    Only a local variable has it. The trace extension shows it too, but would cost each
    request a dozen calls.
    """
    for frame in filter(_is_http2, _frames_of(error)):
        stream = frame.f_locals.get("stream_id")
        if isinstance(stream, int):
            return stream
    return None


def _frames_of(error: BaseException) -> Iterator[FrameType]:
    """Return the frames that an exception has passed, the innermost last."""
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _is_http2(frame: FrameType) -> bool:
    module = _module_of(frame)
    return module.startswith("httpcore") and module.endswith(".http2")


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))
