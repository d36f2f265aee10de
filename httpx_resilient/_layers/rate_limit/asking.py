"""What a rate limit reads of a request: its path, and a digest of its credentials."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.http_types import RequestLike, ResponseLike
from httpx_resilient._layers.rate_limit.answer import UNANSWERED, Answer
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.state import Asker

_CREDENTIALS = ("authorization", "x-api-key", "api-key")
"""The fields that tell callers apart. The last two are Anthropic's and Azure's."""

_MAX_PATH = 200
"""The characters of a path that are stored. Longer ones are told apart by these."""

_FORBIDDEN, _TOO_MANY, _SERVER_ERROR = 403, 429, 500


def asker_of(request: RequestLike) -> Asker:
    """Return what a rate limit knows of a request that may wait for any time."""
    path = request.url.raw_path.partition(b"?")[0][:_MAX_PATH]
    return Asker(path.decode("ascii", "backslashreplace"), _caller_of(request))


def _caller_of(request: Any) -> int | None:
    """
    Return a digest of the credentials of a request.

    It is of this process only, so nobody finds the secret by it. A signature (AWS,
    OAuth 1, Digest) has parameters. It is another one with each request, and tells no
    callers apart.
    """
    for name in _CREDENTIALS:
        value = request.headers.get(name)
        if value is not None:
            return None if "," in value else hash((name, value))
    return None


def answer_of(
    context: RequestContext,
    outcome: ResponseLike | Exception | None,
    quota: ServerQuota | None,
) -> Answer:
    """Return how a request has ended."""
    if outcome is None or isinstance(outcome, Exception):
        return UNANSWERED
    status = outcome.status_code
    is_refused = quota is not None and quota.pause is not None
    is_well = status < _SERVER_ERROR and status != _TOO_MANY and not is_refused
    is_personal = status in (_FORBIDDEN, _TOO_MANY)
    return Answer(asker_of(context.request), is_well, is_personal, quota)
