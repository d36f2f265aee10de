"""Which answers can be gone on with at all."""

from __future__ import annotations

from httpx_resilient._core.resuming.judging import MULTIPART
from httpx_resilient._core.resuming.range_request import Raw, asks_for_one_range
from httpx_resilient._core.resuming.representation import OK, PARTIAL, Representation

EVENT_STREAM = "text/event-stream"
NO_POSITIONS = "an event stream has no positions"


def why_final(method: str, headers: Raw, first: Representation) -> str | None:
    """
    Return why a body that breaks cannot be gone on with, or `None` if it can.

    Args:
        method: The method of the request.
        headers: Its headers.
        first: What its answer said.
    """
    if method != "GET":
        return f"a body of {method} is never read again"
    if first.status not in {OK, PARTIAL}:
        return f"the answer is {first.status}, not 200 or 206"
    if first.media_type == EVENT_STREAM:
        return NO_POSITIONS
    if first.media_type == MULTIPART or not asks_for_one_range(headers):
        return "several ranges were asked for"
    if first.first is None:
        return "the 206 has no valid Content-Range"
    if not first.is_consistent:
        return "its Content-Length contradicts its Content-Range"
    return None
