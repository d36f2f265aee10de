"""Making a response unread that was read before its caller gets it."""

from __future__ import annotations


def mark_unread(response: object) -> None:
    """
    Let a client read a response that counts as read, from the start of its stream.

    The libraries have no public way to do that.
    """
    attributes = vars(response)
    for name in ("_content", "_decoder", "_text"):
        attributes.pop(name, None)
    attributes.update(is_closed=False, is_stream_consumed=False)
