"""Whether the headers of a message end its connection."""

from __future__ import annotations


def has_close(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether headers announce the end of the connection (RFC 9112 §9.6)."""
    return any(
        each.strip().lower() == b"close"
        for name, value in headers
        if name.lower() == b"connection"
        for each in value.split(b",")
    )
