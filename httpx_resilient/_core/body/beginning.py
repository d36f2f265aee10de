"""Whether a stream that is read once more begins again, or goes on where it was."""

from __future__ import annotations

from typing import Any


def streams_in(stream: Any) -> list[Any]:
    """Return a stream and those inside it, as far as they are known."""
    found: list[Any] = []
    while stream is not None:
        found.append(stream)
        # A client wraps what a transport returns, in a class with a private attribute.
        stream = getattr(stream, "stream", None) or getattr(stream, "_stream", None)
    return found


def beginner_in(stream: Any) -> Any:
    """
    Return the stream inside that begins again, if there is one.

    It is read as a whole, its reader has nothing of it, and another answer takes the
    place of the one that broke.
    """
    for each in streams_in(stream):
        if getattr(each, "begins_again", False):
            return each
    return None


def can_begin_again(stream: Any) -> bool:
    """Whether no stream inside joins several answers to one body that has no other."""
    return not any(getattr(each, "is_joined", False) for each in streams_in(stream))
