"""Authorizations that a server may accept once: another attempt needs a new one."""

from __future__ import annotations

import re

from httpx_resilient._core.http_types import RequestLike, ResponseLike

_ONCE = re.compile(rb'(?i)digest\s.*\bnc="?0*1\b|oauth\s.*\boauth_nonce=')
"""
A count of Digest (RFC 7616 §3.4), or a nonce of OAuth 1 (RFC 5849 §3.3).

The first count of a nonce only: after a later one, a client has a challenge stored, and
answers a 401 by itself.
"""


def is_used_up(request: RequestLike, response: ResponseLike | None) -> bool:
    """Whether a server does not accept the authorization of a request a second time."""
    if response is None or response.status_code != 401:
        return False
    return any(
        name.lower() == b"authorization" and _ONCE.match(value)
        for name, value in request.headers.raw
    )
