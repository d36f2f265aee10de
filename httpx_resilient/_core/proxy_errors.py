"""
What a proxy that opens no tunnel says about another attempt.

Whatever it says, nothing was sent to the server. The message of the exception is the
only place where httpcore says what the proxy has answered.
"""

from __future__ import annotations

import re

from httpx_resilient._core.causes import causes_of

_STATUS = re.compile(r"[1-5]\d\d\b")
"""The answer to a CONNECT (RFC 9110 §9.3.6), as in `503 Service Unavailable`."""

_SOCKS = re.compile(
    r"could not connect: (General SOCKS server failure|Network unreachable"
    r"|Host unreachable|Connection refused|TTL expired)"
)
"""The answers of a SOCKS proxy (RFC 1928 §6) that a direct connection could meet."""


def status_of_tunnel(error: BaseException) -> int | None:
    """
    Return the status by which a proxy has refused a tunnel, or `None`.

    A bridge to another HTTP library has it in the cause of the exception.
    """
    found = _STATUS.match(str(error))
    if found:
        return int(found[0])
    statuses = (getattr(cause, "status", None) for cause in causes_of(error))
    return next((each for each in statuses if isinstance(each, int)), None)


def is_unreachable(error: BaseException) -> bool:
    """Whether a SOCKS proxy did not reach the server, which may be over soon."""
    return bool(_SOCKS.search(str(error)))
