"""What a reader of hints in bodies gets, and what it returns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.public import public


@public()
class BodyAnswer:
    """
    A response whose body was read, as a reader of hints gets it.

    Args:
        status_code: The status code of the response.
        headers: Its headers. Names are looked up in any case.
        content: Its body, decoded.
        request: The request, to be read only.

    Example:
        >>> answer = BodyAnswer(429, {}, b'{"wait": 3}', request)
        >>> answer.status_code, answer.json()
        (429, {'wait': 3})
    """

    def __init__(
        self,
        status_code: int,
        headers: Mapping[str, str],
        content: bytes,
        request: RequestLike,
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self.request = request

    def json(self) -> Any:
        """Return the content as JSON, or `None` if it is not: it is parsed once."""
        return self._json

    @cached_property
    def _json(self) -> Any:
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):  # a proxy may have answered, in HTML
            return None

    def __repr__(self) -> str:
        return f"<BodyAnswer {self.status_code}, {len(self.content)} bytes>"


@public()
@dataclass(frozen=True, slots=True)
class BodyHints:
    """
    What a body says about another attempt.

    Args:
        retry_after: The least number of seconds to wait. What is not above 0, infinite
            or not a number (NaN) is ignored, as in a header.
        should_retry: `True` for another attempt whatever status and method are, `False`
            for none, `None` to leave that to status and method.
        throttled: Whether the server receives too many requests: then the backoff is
            longer.
        unprocessed: Whether the body proves that the request was not processed, so that
            it may be sent again whatever its method.
        reason: What the body says, for the history: a word such as its error code.

    Raises:
        TypeError: `retry_after` is not a number, or another one is not `True` or
            `False`.

    Example:
        >>> def shop_errors(answer: BodyAnswer) -> BodyHints | None:
        ...     code = (answer.json() or {}).get("code")
        ...     if code == "SOLD_OUT":
        ...         return BodyHints(should_retry=False, reason=code)
        ...     return None
        >>> transport = RetryingTransport(body_hints=hints_in_body(shop_errors))
    """

    retry_after: float | None = None
    should_retry: bool | None = None
    throttled: bool = False
    unprocessed: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        seconds = self.retry_after
        if seconds is not None and (
            isinstance(seconds, bool) or not isinstance(seconds, (int, float))
        ):
            msg = f"retry_after is a number of seconds, or None; got {seconds!r}"
            raise TypeError(msg)
        if self.should_retry not in (True, False, None):
            msg = f"should_retry is True, False or None; got {self.should_retry!r}"
            raise TypeError(msg)

    @property
    def wait(self) -> float | None:
        """Seconds to wait, if `retry_after` is usable."""
        seconds = self.retry_after
        return seconds if seconds is not None and 0 < seconds < math.inf else None
