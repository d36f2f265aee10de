"""A credential: the headers that show the server who sends a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.headers import Header, headers_of
from httpx_resilient._core.http_types import RequestT
from httpx_resilient._core.request_copy import copy_request

_FORM = "fetch must return a token, or headers"


class Credential:
    """
    A credential that was fetched. Its representation shows nothing of it.

    Args:
        headers: Its headers.
        fetched: When it was fetched, in monotonic seconds.
    """

    __slots__ = ("_headers", "_names", "fetched", "is_refused")

    def __init__(self, headers: Sequence[Header], fetched: float) -> None:
        self._headers = headers
        self._names = frozenset(name.lower() for name, _ in headers)
        self.fetched: float = fetched
        self.is_refused: bool = False
        """Whether a server has answered it by 401: it is never sent again."""

    def put_on(self, request: RequestT, context: RequestContext | None) -> RequestT:
        """
        Copy a request with the headers of this credential, in place of its own.

        The context names them to a failover inside: no other origin gets them.
        """
        if context is not None:
            context.secrets = context.secrets | self._names
        copy: Any = copy_request(request)
        names, raw = self._names, request.headers.raw
        others = [each for each in raw if each[0].lower() not in names]
        copy.headers = type(request.headers)([*others, *self._headers])  # type: ignore[call-arg]  # the headers of a library take pairs
        return cast("RequestT", copy)


def credential_of(answer: object, now: float) -> Credential:
    """
    Make a credential of what the function of a user has returned.

    Args:
        answer: A token, or a dictionary of headers.
        now: Monotonic seconds.

    Raises:
        TypeError: It is neither.
        ValueError: It cannot be sent in a header, or is empty.
    """
    if isinstance(answer, str):
        if not answer.strip():
            msg = f"{_FORM}; got an empty string"
            raise ValueError(msg)
        answer = {"Authorization": f"Bearer {answer}"}
    headers = headers_of(_FORM, answer)
    if not headers:
        msg = f"{_FORM}; got an empty dictionary"
        raise ValueError(msg)
    return Credential(headers, now)
