"""
Ready readers of hints in the bodies of services.

A body may come from a proxy, or in another form in the next version of an API. So these
functions raise for none, and what they do not know gives no hints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from httpx_resilient._core.hints.aws import is_throttling
from httpx_resilient._core.hints.reading import FORBIDDEN, TOO_MANY
from httpx_resilient._core.hints.values import duration
from httpx_resilient._core.public import public
from httpx_resilient._layers.retry.body_answer import BodyAnswer, BodyHints

_OPENAI_FINAL = frozenset(
    {
        "billing_hard_limit_reached",
        "billing_not_active",
        "credit_balance_exhausted",
        "insufficient_quota",
    }
)
_GOOGLE_THROTTLED = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
_PER_DAY = ("PerDay", "Daily")
_NO_QUOTA = re.compile(r"\blimit: 0\b")
_XML_CODE = re.compile(rb"<Code>\s*([\w.]+)\s*</Code>", re.ASCII)


@public()
def google_errors(answer: BodyAnswer) -> BodyHints | None:
    """
    Read the errors of Gemini and of other APIs of Google.

    * The `retryDelay` of `google.rpc.RetryInfo` is waited for.
    * A quota of a day, and one of 0, ends the request: no waiting helps soon enough,
      and `retryDelay` does not tell that.
    * A 403 with the reason `rateLimitExceeded` or `userRateLimitExceeded` is tried
      again, as a 429.

    Args:
        answer: The response.

    Example:
        >>> transport = RetryingTransport(body_hints=hints_in_body(google_errors))
    """
    body = answer.json()
    # `streamGenerateContent` answers with a list.
    error = _at(next(_dicts(body), body), "error")
    details = list(_dicts(_at(error, "details")))
    if answer.status_code == FORBIDDEN:
        for each in [*_dicts(_at(error, "errors")), *details]:
            reason = each.get("reason")
            if isinstance(reason, str) and reason in _GOOGLE_THROTTLED:
                return BodyHints(throttled=True, unprocessed=True, reason=reason)
    quotas = [
        str(violation.get("quotaId"))
        for each in details
        for violation in _dicts(each.get("violations"))
    ]
    if any(part in quota for quota in quotas for part in _PER_DAY):
        return BodyHints(should_retry=False, reason="a quota of a day is spent")
    if answer.status_code == TOO_MANY and _NO_QUOTA.search(str(_at(error, "message"))):
        return BodyHints(should_retry=False, reason="the quota is 0")
    delays = [duration(str(each.get("retryDelay"))) for each in details]
    longest = max((delay for delay in delays if delay), default=None)
    return None if longest is None else BodyHints(retry_after=longest)


@public()
def openai_errors(answer: BodyAnswer) -> BodyHints | None:
    """
    Read the errors of OpenAI, and of APIs that have the same form.

    A 429 with a code such as `insufficient_quota` or `credit_balance_exhausted` ends
    the request: no waiting helps. `slow_down` makes the backoff longer.

    Args:
        answer: The response.

    Example:
        >>> transport = RetryingTransport(body_hints=hints_in_body(openai_errors))
    """
    error = _at(answer.json(), "error")
    for name in ("code", "type"):
        code = _at(error, name)
        if isinstance(code, str):
            if code in _OPENAI_FINAL:
                return BodyHints(should_retry=False, reason=code)
            if code == "slow_down":
                return BodyHints(throttled=True, reason=code)
    return None


@public()
def aws_errors(answer: BodyAnswer) -> BodyHints | None:
    """
    Read the error codes of AWS and of S3-compatible services, in JSON or XML.

    A code that botocore takes for throttling, such as `ThrottlingException` or
    `SlowDown`, means that the request was refused: it is tried again whatever its
    status and method, with the longer backoff.

    Args:
        answer: The response.

    Example:
        >>> transport = RetryingTransport(body_hints=hints_in_body(aws_errors))
    """
    body = answer.json()
    codes: list[Any] = [_at(body, name) for name in ("__type", "code", "Code")]
    if found := _XML_CODE.search(answer.content):
        codes.append(found[1].decode())
    for code in codes:
        if isinstance(code, str) and is_throttling(code):
            name = code.rpartition("#")[2].partition(":")[0]
            return BodyHints(throttled=True, unprocessed=True, reason=name)
    return None


@public()
def telegram_errors(answer: BodyAnswer) -> BodyHints | None:
    """
    Read the errors of the Bot API of Telegram: `parameters.retry_after` is waited for.

    Args:
        answer: The response.

    Example:
        >>> transport = RetryingTransport(body_hints=hints_in_body(telegram_errors))
    """
    return _waiting(_at(_at(answer.json(), "parameters"), "retry_after"))


@public()
def discord_errors(answer: BodyAnswer) -> BodyHints | None:
    """
    Read the errors of Discord: the `retry_after` of a 429 is waited for.

    A 429 in HTML without the header `Via` does not come from Discord but from the proxy
    in front of it, which has banned this address. It ends the request, for each further
    429 counts.

    Args:
        answer: The response.

    Example:
        >>> transport = RetryingTransport(body_hints=hints_in_body(discord_errors))
    """
    if answer.status_code != TOO_MANY:
        return None
    kind = answer.headers.get("content-type", "")
    is_html = "html" in kind or answer.content.lstrip()[:1] == b"<"
    if is_html and "via" not in answer.headers:
        return BodyHints(should_retry=False, reason="banned")
    return _waiting(_at(answer.json(), "retry_after"))


def _waiting(seconds: Any) -> BodyHints | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    return BodyHints(retry_after=seconds)


def _at(value: Any, name: str) -> Any:
    """Return a member of a JSON object, or `None` if there is none."""
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects in a JSON array."""
    if isinstance(value, list):
        members = cast("list[Any]", value)  # type: ignore[redundant-cast]  # pyright needs it
        yield from (each for each in members if isinstance(each, dict))
