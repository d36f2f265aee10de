"""What a failure proves: was the request processed, perhaps, or certainly not?"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from enum import Enum
from typing import Any, cast

from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import ResponseLike


class Retryability(Enum):
    """What a failed attempt tells about the next one."""

    FINAL = "another attempt would end the same way, or is not ours to make"
    IF_IDEMPOTENT = "only a request that may be repeated may be sent again"
    ALWAYS = "any request may be sent again"


# To look a member up in its class costs CPython 3.11 as much as a small function.
FINAL, IF_IDEMPOTENT, ALWAYS = Retryability

SWITCHING_PROTOCOLS = 101
"""The connection is the caller's from here on: nothing of it is asked, read or closed,
and it may last for days."""

_UNPROCESSED_STATUS = frozenset({425, 429})
_FINAL_5XX = frozenset({501, 505, 511})
_H2_REFUSED_STREAM = 7


def classify_status(status_code: int) -> Retryability:
    """
    Judge a response.

    425 asks for the same request again (RFC 8470 §5.2). 429 refuses before
    processing (RFC 6585 §4). 501, 505 and 511 will not change with time.
    """
    if status_code in _UNPROCESSED_STATUS:
        return ALWAYS
    if status_code == 408 or (
        500 <= status_code <= 599 and status_code not in _FINAL_5XX
    ):
        return IF_IDEMPOTENT
    return FINAL


def is_healthy(response: ResponseLike) -> bool:
    """Whether a response is one of a server in health: a 404, say."""
    status_code = response.status_code
    return status_code < 500 and classify_status(status_code) is FINAL


def classify_error(error: BaseException | None, family: Family) -> Retryability:
    """
    Judge an exception out of a transport of this family.

    A connect error proves that nothing was sent, unless its cause says otherwise.
    HTTP/2 can prove it later too: a stream reset with REFUSED_STREAM, or above the
    last one that a GOAWAY names, was not processed (RFC 9113 §8.7).
    """
    own = getattr(error, "evidence", None)
    if isinstance(own, Retryability):
        return own  # a layer inside has refused, and knows what that means
    if isinstance(error, family.never_sent):
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return FINAL
        if any(_wraps_foreign_error(cause, family) for cause in causes):
            return IF_IDEMPOTENT
        return ALWAYS
    if isinstance(error, family.interrupted):
        if any(_h2_refused(cause) for cause in _causes(error)):
            return ALWAYS
        return IF_IDEMPOTENT
    return FINAL


def was_not_sent(error: BaseException, family: Family) -> bool:
    """Whether no server was asked for anything: it is no load to try again."""
    own = getattr(error, "evidence", None)
    if isinstance(own, Retryability):
        return own is not IF_IDEMPOTENT
    if isinstance(error, family.interrupted):
        return False
    return isinstance(error, family.pool_timeout) or (
        classify_error(error, family) is ALWAYS
    )


def is_of_server(error: BaseException, family: Family) -> bool:
    """
    Tell a failure of the server, or of the way there, from one of this side.

    A full pool, a certificate that is not trusted, a mistake in the request and what a
    layer has refused to send tell nothing of the server. That it did not answer in the
    time that a layer gave it does.
    """
    own = getattr(error, "evidence", None)
    if isinstance(own, Retryability):
        return own is Retryability.IF_IDEMPOTENT
    return classify_error(error, family) is not Retryability.FINAL


def _causes(error: BaseException) -> Iterator[BaseException]:
    """
    All exceptions behind this one, groups opened, each once.

    A mere context counts for the first step only: further down, it may be something the
    caller was handling when the request was made. `raise ... from None`, as httpcore
    does, hides the context from a traceback but was written where it was the cause.
    """
    waiting = [error.__cause__ or error.__context__]
    seen = {id(error)}
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        hidden = cause.__context__ if cause.__suppress_context__ else None
        waiting.append(cause.__cause__ or hidden)
        if isinstance(cause, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", cause).exceptions
        yield cause


_OWN = frozenset({"builtins", "socket", "ssl", "asyncio", "anyio", "trio", "socksio"})
_CONNECT = re.compile(r"Connect(or|Error|Timeout)|ConnectionTimeout")


def _wraps_foreign_error(cause: BaseException, family: Family) -> bool:
    """
    Whether this is another library's error, and not one about connecting.

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
    """Whether HTTP/2 ended this request only, and its connection goes on."""
    return any(
        type(_h2_event(cause)).__name__ == "StreamReset" for cause in _causes(error)
    )


def _h2_event(cause: BaseException) -> Any:
    event = cause.args[0] if cause.args else None
    return event if type(event).__module__ == "h2.events" else None


def _h2_refused(cause: BaseException) -> bool:
    """Whether this wraps an event of *h2* that proves the stream was not processed."""
    event = _h2_event(cause)
    if type(event).__name__ == "StreamReset":
        refused = getattr(event, "error_code", None) == _H2_REFUSED_STREAM
        return refused and bool(getattr(event, "remote_reset", False))
    # Our stream's number is not known here. Zero covers no stream at all; a higher
    # last stream is dealt with by the connection pool.
    return getattr(event, "last_stream_id", None) == 0
