"""The request of a reconnection."""

from __future__ import annotations

from typing import Any, cast

from httpx_resilient._core.http_types import RequestT
from httpx_resilient._core.request_copy import copy_request

_NAME = b"Last-Event-ID"


def reconnection_of(request: RequestT, last_id: bytes | None) -> RequestT:
    """
    Copy a request with the last id in its headers (WHATWG HTML §9.2.4).

    The caller's own header stays until the stream has sent an id. An empty one, by
    which a stream takes the one before back, is not sent.

    Args:
        request: The request, with a body that can be sent again.
        last_id: The last id, as bytes of the stream.
    """
    copy: Any = copy_request(request)
    raw = request.headers.raw
    if last_id is not None:
        raw = [each for each in raw if each[0].lower() != _NAME.lower()]
        if value := _sendable(last_id):
            raw.append((_NAME, value))
    copy.headers = type(request.headers)(raw)  # type: ignore[call-arg]  # the headers of a library take pairs
    return cast("RequestT", copy)


def _sendable(last_id: bytes) -> bytes:
    """Return an id in valid UTF-8, without the space around it that headers lose."""
    return last_id.decode("utf-8", "replace").encode().strip(b" \t")
