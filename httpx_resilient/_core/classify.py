"""
Is a failed attempt retryable: never, only if the request is idempotent, or always?

The answer follows from what the failure proves about the request: that it was not
processed, that it may have been, or that another attempt would end the same way.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, cast

from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.walk import walk


class Retryability(Enum):
    """Whether a failed attempt may be followed by another one."""

    NEVER = "another attempt would end the same way, or the caller must decide"
    IF_IDEMPOTENT = "the server may have processed the request"
    ALWAYS = "the server has not processed the request"


# In CPython 3.11 looking up an enum member costs as much as calling a small function.
NEVER, IF_IDEMPOTENT, ALWAYS = Retryability

SWITCHING_PROTOCOLS = 101
"""
After this status the connection belongs to the caller, and may last for days: no layer
reads, limits or closes it.
"""

_UNPROCESSED_STATUS = frozenset({425, 429})
_FINAL_5XX = frozenset({501, 505, 511})
_H2_REFUSED_STREAM = 7


def classify_status(status_code: int) -> Retryability:
    """
    Classify a response by its status code.

    425 asks for the same request again (RFC 8470 §5.2). 429 refuses before
    processing (RFC 6585 §4). 501, 505 and 511 do not change with time.
    """
    if status_code in _UNPROCESSED_STATUS:
        return ALWAYS
    if status_code == 408 or (
        500 <= status_code <= 599 and status_code not in _FINAL_5XX
    ):
        return IF_IDEMPOTENT
    return NEVER


def is_healthy(response: ResponseLike) -> bool:
    """Whether a response shows that its server works. A 404 does."""
    status_code = response.status_code
    return status_code < 500 and classify_status(status_code) is NEVER


def classify_error(error: BaseException | None, family: Family) -> Retryability:
    """
    Classify an exception that a transport of this family has raised.

    A connect error proves that nothing was sent, unless its cause says otherwise.
    HTTP/2 can prove it later too: the server has not processed a stream that it reset
    with REFUSED_STREAM, or whose number is above the last one that its GOAWAY names
    (RFC 9113 §8.7).
    """
    own = getattr(error, "retryability", None)
    if isinstance(own, Retryability):
        return own  # a layer inside refused the request and classified that itself
    if isinstance(error, family.never_sent):
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return NEVER
        if any(_wraps_foreign_error(cause, family) for cause in causes):
            return IF_IDEMPOTENT
        return ALWAYS
    if isinstance(error, family.interrupted):
        if any(_h2_refused(cause) for cause in _causes(error)):
            return ALWAYS
        return IF_IDEMPOTENT
    return NEVER


def was_not_sent(error: BaseException, family: Family) -> bool:
    """Whether the request reached no server, so that another attempt adds no load."""
    own = getattr(error, "retryability", None)
    if isinstance(own, Retryability):
        return own is not IF_IDEMPOTENT
    if isinstance(error, family.interrupted):
        return False
    return isinstance(error, family.pool_timeout) or (
        classify_error(error, family) is ALWAYS
    )


def is_of_server(error: BaseException, family: Family) -> bool:
    """
    Whether the server, or the network on the way to it, has failed.

    A full pool, an untrusted certificate, a mistake in the request and a request that a
    layer refused to send are failures of this side: they say nothing about the server.
    A deadline that a layer set and the server missed does.
    """
    own = getattr(error, "retryability", None)
    if isinstance(own, Retryability):
        return own is IF_IDEMPOTENT
    return classify_error(error, family) is not NEVER


def _causes(error: BaseException) -> Iterator[BaseException]:
    """
    Return all exceptions behind this one, once each, and the members of groups.

    A plain `__context__` counts for the first step only: further down, it may be an
    exception that the caller was handling when it made the request. After
    `raise ... from None`, as in httpcore, the hidden context is the cause.
    """
    first = error.__cause__ or error.__context__
    return (each for each in walk(first, _causes_of) if each is not error)


def _causes_of(error: BaseException) -> Iterable[BaseException | None]:
    hidden = error.__context__ if error.__suppress_context__ else None
    members: Iterable[BaseException] = ()
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
    return (error.__cause__ or hidden, *members)


_OWN = frozenset({"builtins", "socket", "ssl", "asyncio", "anyio", "trio", "socksio"})
_CONNECT = re.compile(r"Connect(or|Error|Timeout)|ConnectionTimeout")


def _wraps_foreign_error(cause: BaseException, family: Family) -> bool:
    """
    Whether the cause is an error of another library that does not concern connecting.

    Bridges to other HTTP libraries may report a connection that was lost *after*
    sending as a connect error: httpx-aiohttp does for every `ClientConnectionError`.
    """
    kind = type(cause)
    library = kind.__module__.partition(".")[0]
    if library in _OWN or library in {family.package, _core_of(family)}:
        return False
    return not _CONNECT.search(kind.__name__)


def _core_of(family: Family) -> str:
    return family.package.replace("httpx", "httpcore")


def of_one_stream(error: Exception) -> bool:
    """Whether HTTP/2 ended this request only, so that its connection can be used."""
    return any(
        type(_h2_event(cause)).__name__ == "StreamReset" for cause in _causes(error)
    )


def _h2_event(cause: BaseException) -> Any:
    event = cause.args[0] if cause.args else None
    return event if type(event).__module__ == "h2.events" else None


def _h2_refused(cause: BaseException) -> bool:
    """Whether an event of *h2* proves that the stream was not processed."""
    event = _h2_event(cause)
    if type(event).__name__ == "StreamReset":
        refused = getattr(event, "error_code", None) == _H2_REFUSED_STREAM
        return refused and bool(getattr(event, "remote_reset", False))
    # The number of our stream is not known here. Zero covers every stream; the
    # connection pool handles a GOAWAY with a higher number.
    return getattr(event, "last_stream_id", None) == 0
