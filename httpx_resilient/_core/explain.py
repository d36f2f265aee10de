"""The history of a request as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from httpx_resilient._core.attempts import Attempt, attempts_of, links_of
from httpx_resilient._core.origin import safe_url
from httpx_resilient._core.public import public
from httpx_resilient._core.redaction import Redactor, redact_tokens
from httpx_resilient._core.walk import walk


@public()
def explain(outcome: object, *, redact: Redactor = redact_tokens) -> str:
    """
    Describe what led to a response or an exception, with one line for each attempt.

    Args:
        outcome: As for `attempts_of`.
        redact: What to show of the URL: a function of its origin and path.

    Returns:
        A summary, then one line for each attempt: when it was sent, its outcome, its
        duration, and the wait after it. Of the URL it shows only origin and path,
        without tokens.

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
    name = _name(outcome, redact)
    if not attempts:
        return f"{name}no attempts are recorded"
    last = _decisive(outcome, attempts)
    which = "the first attempt" if last.number == 1 else f"attempt {last.number}"
    total = last.at + last.duration
    width = max(len(str(each)) for each in attempts)
    lines = [f"{name}{last} at {which}{_then(outcome, last)}, after {total:.2f} s"]
    numbers = [*(each.number for each in attempts[1:]), 0]
    for each, next_number in zip(attempts, numbers, strict=True):
        is_followed = next_number > each.number or each.wait > 0
        lines.append(_line(each, width, is_followed=is_followed))
    return "\n".join(lines)


def _decisive(outcome: object, attempts: Sequence[Attempt]) -> Attempt:
    """Return the attempt that led to the outcome: later ones may have been refused."""
    status = getattr(outcome, "status_code", None)
    answers = [each for each in attempts if status and each.outcome == status]
    return answers[-1] if answers else attempts[-1]


def _then(outcome: object, last: Attempt) -> str:
    """Name the exception of a body, which followed a good answer."""
    if not isinstance(outcome, Exception) or not isinstance(last.outcome, int):
        return ""
    for each in walk(outcome, links_of):
        if getattr(each, "response", None) is not None:  # its status is the failure
            return ""
    return f", then {type(outcome).__name__}"


def _line(attempt: Attempt, width: int, *, is_followed: bool) -> str:
    kind = str(attempt)
    details = [f"after {attempt.duration:.3f} s"]
    if attempt.queued:
        details.append(f"{attempt.queued:.3f} s of it in a queue")
    if attempt.hedge:
        details.append("as a hedge")
    if attempt.origin:
        details.append(f"at {attempt.origin}")
    if attempt.reason not in {"", kind}:
        details.append(attempt.reason)
    if is_followed:
        details.append(f"then waited {attempt.wait:.2f} s")
    text = ", ".join(details)
    return f"{attempt.at:6.2f} s  {attempt.number}  {kind:{width}}  {text}"


def _name(outcome: object, redact: Redactor) -> str:
    """Name the request, which a client attaches to the outcome."""
    for each in walk(outcome, links_of):
        request: Any = _request_of(each)
        if request is not None:
            return f"{request.method} {safe_url(request, redact)}: "
    return ""


def _request_of(holder: object) -> Any:
    try:
        return getattr(holder, "request", None)
    except RuntimeError:  # what httpx raises if the request was never attached
        return None
