"""An answer whose body is to be taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from httpx_resilient._transfers.download.segments import Segment


@dataclass
class Opened:
    """
    An answer whose body is to be taken.

    Args:
        response: The answer.
        segment: Where its bytes go.
        place: Its place in the log.
        skip: How many of its first bytes are there already.
        raw_end: How many bytes its body has, if it says so.
        coding: The content coding to remove.
    """

    response: Any
    segment: Segment
    place: int
    skip: int = 0
    raw_end: int | None = None
    coding: str = ""
