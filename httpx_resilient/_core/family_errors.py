"""The exceptions that a transport of a family raises, in place of those that leak."""

from __future__ import annotations

import ssl
from typing import Any

from httpx_resilient._core.causes import causes_of
from httpx_resilient._core.classify import NEVER
from httpx_resilient._core.family import Family
from httpx_resilient._core.http2_errors import leaks_from_http2

_NO_HTTP = "illegal request line"
"""What h11 raises if the first byte of an answer is a control character."""

_BODY_LENGTH = "InvalidBodyLengthError"
"""The exception of *h2* for a body that is not as long as its `Content-Length`."""

_MAYBE_TLS = (
    "the answer does not begin as one of HTTP/1.1 does: if the server speaks TLS at "
    "this port, the URL must begin with https://"
)


def as_family_error(error: Exception, family: Family, *, fresh: bool) -> Exception:
    """
    Return the exception to raise for one that a transport of the family has raised.

    httpcore lets exceptions of *ssl* through on asyncio; and over HTTP/2, those of *h2*
    and its own mistakes, such as a `KeyError` for a stream whose number two requests
    have got. On asyncio and trio, the exceptions of the family may have no text.

    Args:
        error: The exception of the transport. It may get a text.
        family: The library of the transport.
        fresh: Whether the connection has had no answer before. What a connection
            answers first shows what its server speaks.

    Returns:
        The same exception, or one of the family; the caller raises that one from the
        first.
    """
    if isinstance(error, ssl.SSLError):
        return family.read_error(str(error))
    if isinstance(error, family.transport_error):
        if isinstance(error, family.local_protocol_error) and _BODY_LENGTH in str(
            error
        ):
            # *h2* checks the length of a body, and httpcore blames this side for it.
            return family.protocol_error(str(error))
        if not str(error):
            error.args = (_text_behind(error),)
        elif fresh and str(error) == _NO_HTTP:
            final: Any = error
            final.retryability = NEVER
            error.args = (_MAYBE_TLS,)
        return error
    is_of_anyio = type(error).__module__.partition(".")[0] == "anyio"
    if not is_of_anyio and not leaks_from_http2(error):
        return error
    from httpx_resilient._core.error_text import describe_error  # noqa: PLC0415 - few programs need it

    if is_of_anyio:
        # httpcore 1.0.9 does not expect that a write finds the end of a TLS stream.
        return family.read_error(f"the connection was closed: {describe_error(error)}")
    text = f"httpcore failed over HTTP/2: {describe_error(error)}"
    return family.protocol_error(text)


def _text_behind(error: Exception) -> str:
    """Return the text of the first cause that has one."""
    texts = (str(cause) for cause in causes_of(error))
    return next((text for text in texts if text), "")
