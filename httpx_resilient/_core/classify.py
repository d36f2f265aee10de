"""
Is a failed attempt retryable: never, only if the request is idempotent, or always?

The answer follows from what the failure proves about the request: that it was not
processed, that it may have been, or that another attempt would end the same way.
"""

from __future__ import annotations

import re
from enum import Enum

from httpx_resilient._core.causes import causes_of
from httpx_resilient._core.family import Family
from httpx_resilient._core.http2_errors import http2_failure
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.proxy_errors import is_unreachable, status_of_tunnel
from httpx_resilient._core.tls_errors import is_refusal, tls_error_behind


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

_UNPROCESSED_STATUS = frozenset({425, 429, 449, 529})
_FINAL_5XX = frozenset({501, 505, 511, 526})


def classify_status(status_code: int) -> Retryability:
    """
    Classify a response by its status code.

    425 asks for the same request again (RFC 8470 §5.2). 429 refuses before
    processing (RFC 6585 §4), and so do 449 of Cosmos DB, and 529 of Anthropic and
    Notion. 501, 505 and 511 do not change with time, nor does 526, by which Cloudflare
    reports an untrusted certificate.
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

    A connect error proves that nothing was sent, unless its cause says otherwise. A
    refusal in TLS ends each handshake the same way, also if it is read after that.
    HTTP/2 can prove later that a request was not processed (`http2_errors.py`). A proxy
    that opens no tunnel proves it, too: its status says whether it may open one soon.
    """
    own = getattr(error, "retryability", None)
    if isinstance(own, Retryability):
        return own  # a layer inside refused the request and classified that itself
    if isinstance(error, family.never_sent):
        if is_refused_by_tls(error, family):
            return NEVER
        if any(_wraps_foreign_error(cause, family) for cause in causes_of(error)):
            return IF_IDEMPOTENT
        return ALWAYS
    if isinstance(error, family.interrupted):
        failure = http2_failure(error)
        if failure.unprocessed:
            return ALWAYS
        if failure.final or is_refused_by_tls(error, family):
            return NEVER
        return IF_IDEMPOTENT
    if isinstance(error, family.local_protocol_error):
        failure = http2_failure(error)
        if failure.unprocessed:
            return ALWAYS
        return IF_IDEMPOTENT if failure.lost else NEVER
    return _classify_tunnel(error, family)


def _classify_tunnel(error: BaseException | None, family: Family) -> Retryability:
    if not isinstance(error, family.proxy_error):
        return NEVER
    status = status_of_tunnel(error)
    if status is None:
        return ALWAYS if is_unreachable(error) else NEVER
    return NEVER if classify_status(status) is NEVER else ALWAYS


def was_not_sent(error: BaseException, family: Family) -> bool:
    """Whether the request reached no server, so that another attempt adds no load."""
    own = getattr(error, "retryability", None)
    if isinstance(own, Retryability):
        return own is not IF_IDEMPOTENT
    if isinstance(error, family.interrupted):
        return http2_failure(error).unsent
    return isinstance(error, family.pool_timeout) or (
        classify_error(error, family) is ALWAYS
    )


def is_graceful(error: BaseException) -> bool:
    """
    Whether a healthy server has announced that it closes an HTTP/2 connection.

    Another attempt is no sign of overload then, however many requests the connection
    had. A server that reloads its settings says goodbye so: GOAWAY with NO_ERROR.
    """
    return http2_failure(error).graceful


def is_of_server(error: BaseException, family: Family) -> bool:
    """
    Whether the server, or the network on the way to it, has failed.

    A full pool, an untrusted certificate, a mistake in the request and a request that a
    layer refused to send are failures of this side: they say nothing about the server.
    Nor does the planned end of an HTTP/2 connection. A deadline that a layer set and
    the server missed does, also if the request was connecting; not if it was queued.
    """
    if isinstance(getattr(error, "retryability", None), Retryability):
        return not is_own(error)
    return classify_error(error, family) is not NEVER and not is_graceful(error)


def is_own(error: BaseException | type[BaseException]) -> bool:
    """
    Whether a layer has ended the request while it was on this side.

    Of a class, the answer is that of its instances as a layer makes them.

    A refusal says nothing about the server, whatever it says of the next attempt. A
    deadline may also cut off what the server has, or what is connecting to it.
    """
    own = getattr(error, "retryability", None)
    is_refused = isinstance(own, Retryability) and own is not IF_IDEMPOTENT
    return bool(getattr(error, "is_own", is_refused))


def of_one_stream(error: BaseException) -> bool:
    """
    Whether HTTP/2 ended this request only, so that its connection can be used.

    After any other failure the connection must serve no further request: it is closed,
    or about to be.
    """
    return http2_failure(error).of_one_stream


def is_refused_by_tls(error: BaseException, family: Family) -> bool:
    """Whether the server does not accept this client, or the client not the server."""
    if not isinstance(error, (*family.never_sent, *family.interrupted)):
        return False
    failure = tls_error_behind(error)
    return failure is not None and is_refusal(
        failure, handshake=isinstance(error, family.never_sent)
    )


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
    if library in _OWN or library in {family.package, family.core}:
        return False
    return not _CONNECT.search(kind.__name__)
