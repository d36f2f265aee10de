"""What a transport inside of the layers may ask about a request."""

from __future__ import annotations

import math
from typing import NamedTuple

from httpx_resilient._core.context import context_of
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.public import public


@public()
class CurrentAttempt(NamedTuple):
    """
    The attempt that a request belongs to.

    Args:
        number: The number of the attempt, from 1.
        deadline_left: Seconds until the earliest deadline, at least 0; `None` if there
            is none.
        last_failure: Why the attempt before failed, such as `503` or `ReadTimeout`;
            empty for the first.

    Example:
        >>> CurrentAttempt(2, 1.5, "503").last_failure
        '503'
    """

    number: int = 1
    deadline_left: float | None = None
    last_failure: str = ""


@public()
def current_attempt(request: RequestLike) -> CurrentAttempt:
    """
    Return which attempt a request belongs to, for a transport inside of the layers.

    Args:
        request: The request that the transport was given.

    Returns:
        Number, remaining time and last failure. A request that no layer has sent is at
        its first attempt and has no deadline.

    Example:
        >>> import httpx
        >>> def server(request):
        ...     number, _, last_failure = current_attempt(request)
        ...     print(number, repr(last_failure))
        ...     return httpx.Response(503 if number == 1 else 200)
        >>> transport = RetryingTransport(httpx.MockTransport(server))
        >>> with httpx.Client(transport=transport) as client:
        ...     response = client.get("https://api.example.com/")
        1 ''
        2 '503'
    """
    context = context_of(request)
    if context is None:
        return CurrentAttempt()
    deadline = context.deadline
    left = None if deadline is None else max(deadline.left(), 0.0)
    left = None if left == math.inf else left
    return CurrentAttempt(context.attempt, left, context.last_failure)
