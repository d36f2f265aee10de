"""The option `body_hints`: which bodies are read, by which readers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from httpx_resilient._core.described import Described
from httpx_resilient._core.drain import DRAIN_BYTES
from httpx_resilient._core.public import public
from httpx_resilient._core.validation import accepts, is_asynchronous, number
from httpx_resilient._layers.retry.body_answer import BodyAnswer, BodyHints

_LOWEST_ERROR = 400

BodyReader = Callable[[BodyAnswer], BodyHints | None]


@public()
class hints_in_body(Described):  # noqa: N801 - named as the strategies are, which it stands beside
    """
    Read hints about another attempt in the bodies of responses.

    Most servers tell in headers how long to wait and whether waiting helps, and those
    are always read. Some tell it in the body only. With this option of
    `RetryingTransport`, readers look into it before the strategies are asked:
    `google_errors`, `openai_errors`, `aws_errors`, `telegram_errors`, `discord_errors`,
    or functions of your own.

    The caller gets the response unread, with its whole body, whatever was read of it.

    Args:
        *readers: Functions that take a `BodyAnswer` and return `BodyHints`, or `None`
            if the body says nothing to them. Of several, the longest `retry_after` and
            the first `should_retry` count.
        statuses: The status codes whose bodies are read: by default, all from 400 on. A
            success can be tried again if it is named here.
        limit: Bytes to read, at most; the content may not be longer either.

    Raises:
        TypeError: There is no reader; one is not callable, or asynchronous; `statuses`
            are no whole numbers.
        ValueError: A status code or `limit` is out of range.

    A body that is longer, breaks, or takes more than a second gives no hints. Nor do
    streams of events and of JSON lines, which are never read. A read that has begun is
    not interrupted, for that would lose the body: it has the request's read timeout.

    An exception of a reader is logged, and gives no hints: what a body looks like is up
    to servers and proxies. Anything but `BodyHints` or `None` is a mistake, and raises
    `TypeError` in the request.

    Example:
        >>> def graphql(answer: BodyAnswer) -> BodyHints | None:
        ...     for error in (answer.json() or {}).get("errors", ()):
        ...         if error.get("extensions", {}).get("code") == "THROTTLED":
        ...             return BodyHints(should_retry=True, throttled=True)
        ...     return None
        >>> hints = hints_in_body(graphql, statuses={200})
        >>> transport = RetryingTransport(body_hints=hints)
    """

    def __init__(
        self,
        *readers: BodyReader,
        statuses: Collection[int] | None = None,
        limit: int = DRAIN_BYTES,
    ) -> None:
        if not readers:
            msg = "give a reader, as in hints_in_body(google_errors)"
            raise TypeError(msg)
        for reader in readers:
            if not (callable(reader) and accepts(reader, 1)):
                msg = f"a reader is a function of a BodyAnswer; got {reader!r}"
                raise TypeError(msg)
            if is_asynchronous(reader):
                msg = (
                    f"a reader gets the content and has nothing to await: {reader!r} "
                    "must not be asynchronous"
                )
                raise TypeError(msg)
        self.readers = readers
        self.statuses: frozenset[int] | None = (
            None if statuses is None else _checked(statuses)
        )
        self.limit: int = number("limit", limit, least=1, whole=True, unit="bytes")

    @property
    def lowest_status(self) -> int:
        """The lowest status code whose body is read."""
        return _LOWEST_ERROR if self.statuses is None else min(self.statuses)

    def concerns(self, status_code: int) -> bool:
        """Whether the body of a response with this status code is read."""
        if self.statuses is None:
            return status_code >= _LOWEST_ERROR
        return status_code in self.statuses


def _checked(statuses: Collection[Any]) -> frozenset[int]:
    msg = f"statuses are codes from 200 to 599, as in {{200, 429}}; got {statuses!r}"
    if not isinstance(statuses, Collection) or not statuses:
        raise TypeError(msg)
    codes = frozenset(statuses)
    for code in codes:
        if isinstance(code, bool) or not isinstance(code, int):
            raise TypeError(msg)
        if not 200 <= code <= 599:
            raise ValueError(msg)
    return codes


def check_body_hints(given: object) -> None:
    """
    Check the option `body_hints`.

    Raises:
        TypeError: It was not made by `hints_in_body`.
    """
    if given is not None and not isinstance(given, hints_in_body):
        msg = (
            "body_hints must be made by hints_in_body, as in "
            f"hints_in_body(google_errors), or None; got {given!r}"
        )
        raise TypeError(msg)
