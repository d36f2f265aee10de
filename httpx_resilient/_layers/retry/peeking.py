"""Let strategies and hooks look into a response that the caller gets unread."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.body.peeked import PeekedStream
from httpx_resilient._core.family import Family


def watch(response: Any, family: Family) -> PeekedStream | None:
    """
    Keep what strategies and hooks read of a response: the caller gets it unread.

    Returns:
        The stream that the response has from now on. `None` if the response was read
        when it was made, as that of a mock.
    """
    if response.is_closed:
        return None
    response.stream = peeked = family.stream_class(PeekedStream)(response)
    return peeked
