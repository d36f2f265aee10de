"""The syntax of event streams, on bytes (WHATWG HTML §9.2.5)."""

from __future__ import annotations

import re

MEDIA_TYPE = b"text/event-stream"

BOM = b"\xef\xbb\xbf"
"""It is dropped once at the beginning of each connection."""

CR, LF, COLON = b"\r\n:"

# A line ends with CRLF, LF or CR. A line end is never given back: the LF of a CRLF is
# no line end of its own.
BLANK = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
"""The end of a line, and the blank line after it."""

BETWEEN = re.compile(rb"(?:(?::[^\r\n]*+)?+(?>\r\n|\n|\r))+")
"""Comments and blank lines, which belong to no event."""

# The names of fields, at the beginning of a line. A pattern that begins with what it
# looks for is found twice as fast as one that looks behind first.
DATA = re.compile(rb"data(?<![^\r\n]data)[:\r\n]")
ID = re.compile(rb"id(?<![^\r\n]id)(?=[:\r\n])(?::\x20?([^\r\n]*))?")
RETRY = re.compile(rb"retry:(?<![^\r\n]retry:)\x20?([0-9]+)(?=[\r\n])")


def has_data(blocks: bytes) -> bool:
    """Whether there is an event in whole blocks: a block with data."""
    return b"data" in blocks and DATA.search(blocks) is not None


def ids_in(blocks: bytes) -> list[bytes]:
    """Return the ids in whole blocks. One with a NUL is none."""
    if b"id" not in blocks:
        return []
    values: list[bytes] = ID.findall(blocks)
    if b"\0" not in blocks:
        return values
    return [value for value in values if b"\0" not in value]


def retries_in(blocks: bytes) -> list[bytes]:
    """Return the digits of the milliseconds to wait in whole blocks."""
    return RETRY.findall(blocks) if b"retry" in blocks else []


def is_event_stream(content_type: str) -> bool:
    """Whether a `Content-Type` is that of an event stream, whatever its parameters."""
    return content_type.partition(";")[0].strip().lower() == MEDIA_TYPE.decode()


def end_of_blocks(data: bytes) -> int:
    """Return where the last blank line after a line ends, or 0 if there is none."""
    if b"\r" not in data:
        return data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
    end = 0
    for found in BLANK.finditer(data):
        end = found.end()
    return end
