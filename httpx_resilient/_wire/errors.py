"""What is wrong on a connection of HTTP/1.1, without a library's classes."""

from __future__ import annotations


class BadAnswer(Exception):  # noqa: N818 - never raised to users, who get the family's
    """What the server has sent is not HTTP/1.1, or nobody asked for it."""


class BadRequest(Exception):  # noqa: N818 - never raised to users, who get the family's
    """What is to be sent is not HTTP/1.1."""
