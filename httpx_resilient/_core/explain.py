"""What happened to a request, for people."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.attempts import Attempt, attempts_of
from httpx_resilient._core.origin import safe_url


def explain(outcome: object) -> str:
    """
    Tell what led to a response or an exception: a line for each attempt.

    Args:
        outcome: As for `attempts_of`.

    Returns:
        When each attempt was sent, what became of it after how many seconds, and how
        long the wait was after it. Of the URL only origin and path.

    Example:
        >>> import httpx
        >>> failing = httpx.MockTransport(lambda request: httpx.Response(404))
        >>> with httpx.Client(transport=RetryingTransport(failing)) as client:
        ...     response = client.get("https://example.org/?key=secret")
        >>> print(explain(response))  # doctest: +ELLIPSIS
        GET https://example.org/: 404 at the first attempt, after ... s
          0.00 s  1  404  after ... s
    """
    attempts = attempts_of(outcome)
    name = _name(outcome)
    if not attempts:
        return f"{name}nothing is known of its attempts"
    last = attempts[-1]
    which = "the first attempt" if last.number == 1 else f"attempt {last.number}"
    total = last.at + last.duration
    width = max(len(str(each)) for each in attempts)
    lines = [f"{name}{last} at {which}, after {total:.2f} s"]
    numbers = [*(each.number for each in attempts[1:]), last.number]
    for each, following in zip(attempts, numbers, strict=True):
        lines.append(_line(each, width, is_followed=following > each.number))
    return "\n".join(lines)


def _line(attempt: Attempt, width: int, *, is_followed: bool) -> str:
    kind = str(attempt)
    told = [f"after {attempt.duration:.3f} s"]
    if attempt.queued:
        told.append(f"{attempt.queued:.3f} s of them in a queue")
    if attempt.hedge:
        told.append("as a hedge")
    if attempt.origin:
        told.append(f"at {attempt.origin}")
    if attempt.reason not in {"", kind}:
        told.append(attempt.reason)
    if is_followed:
        told.append(f"then waited {attempt.wait:.2f} s")
    details = ", ".join(told)
    return f"{attempt.at:6.2f} s  {attempt.number}  {kind:{width}}  {details}"


def _name(outcome: object) -> str:
    """Name the request, if a client has sent it: a layer alone tells of none."""
    while outcome is not None:
        for holder in (outcome, getattr(outcome, "response", None)):
            request: Any = _request_of(holder)
            if request is not None:
                return f"{request.method} {safe_url(request)}: "
        outcome = getattr(outcome, "__cause__", None)
    return ""


def _request_of(holder: object) -> Any:
    try:
        return getattr(holder, "request", None)
    except RuntimeError:  # httpx: there is none
        return None
