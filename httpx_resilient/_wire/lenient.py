"""
The heads that a strict parser refuses, read as h11 reads them, and written anew.

Real servers end lines without a carriage return, fold lines, repeat their length, and
have control characters in values. What h11 refuses is refused here.
"""

from __future__ import annotations

import re

from httpx_resilient._wire.errors import BadAnswer

MAX_INFORMATIONAL = 100
"""Informational heads (1xx) in front of an answer. RFC 9110 §15.2 sets no limit."""

_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/[0-9]\.[0-9] ([0-9]{3})(?: (?:[ \t]|[^\x00\s])*)?")
_NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_NOT_IN_VALUE = re.compile(rb"[\x00\r\x0b\x0c]")
_LENGTH = re.compile(rb"[0-9]{1,20}")
_BLANKS = b" \t"

Field = tuple[bytes, bytes]
"""The name and the value of a header."""


class LenientHeads:
    """
    Finds the head of an answer behind the informational ones, which it leaves out.

    Args:
        data: The bytes that have arrived so far.
    """

    __slots__ = ("_data", "_informational", "_searched")

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = self._informational = 0

    def feed(self, data: bytes | bytearray | memoryview) -> bytes | None:
        """
        Take bytes that have arrived.

        Returns:
            The head as RFC 9112 wants it, with all that has arrived behind it, or
            `None` if it is not complete.

        Raises:
            BadAnswer: It is no head of HTTP/1.1, for h11 either.
        """
        self._data += data
        while self._data:
            check_first(self._data[0])
            end = _END.search(self._data, self._searched)
            if end is None:
                self._searched = max(0, len(self._data) - 2)
                break
            head, self._searched = bytes(self._data[: end.start()]), 0
            del self._data[: end.end()]
            status, written = _rewritten(head)
            if status >= 200:
                return written + self._data
            self._count_informational(status)
        return None

    def _count_informational(self, status: int) -> None:
        if status < 100 or status == 101:
            msg = f"a status that nobody asked for: {status}"
            raise BadAnswer(msg)
        self._informational += 1
        if self._informational > MAX_INFORMATIONAL:
            msg = "too many informational answers"
            raise BadAnswer(msg)


def check_first(byte: int) -> None:
    """
    Refuse what does not begin as HTTP. The parser would also take RTSP and ICE.

    Raises:
        BadAnswer: It is not the first byte of an answer.
    """
    if byte < 0x21:
        msg = "illegal request line"  # as h11 calls it
        raise BadAnswer(msg)
    if byte != ord("H"):
        msg = "illegal status line"
        raise BadAnswer(msg)


def _rewritten(head: bytes) -> tuple[int, bytes]:
    """Return the status of a head without its empty line, and the whole head anew."""
    status_line, *lines = (line.removesuffix(b"\r") for line in head.split(b"\n"))
    found = _STATUS_LINE.fullmatch(status_line)
    if found is None:
        msg = "illegal status line"
        raise BadAnswer(msg)
    fields = _with_one_length([_field_of(line) for line in _unfolded(lines)])
    if _values_of(b"transfer-encoding", fields) not in ([], [b"chunked"]):
        msg = "only one Transfer-Encoding is supported: chunked"
        raise BadAnswer(msg)
    written = (name + b": " + value for name, value in fields)
    return int(found[1]), b"\r\n".join((status_line, *written)) + b"\r\n\r\n"


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """Join the lines that continue another one (RFC 9112 §5.2)."""
    whole: list[list[bytes]] = []
    for line in lines:
        if not line.startswith((b" ", b"\t")):
            whole.append([line])
        elif whole:
            whole[-1].append(line.lstrip(_BLANKS))
        else:
            msg = "a continuation line in front of the headers"
            raise BadAnswer(msg)
    return [b" ".join(parts) for parts in whole]


def _field_of(line: bytes) -> Field:
    name, colon, value = line.partition(b":")
    value = value.strip(_BLANKS)
    if not colon or not _NAME.fullmatch(name):
        msg = "illegal header line"
        raise BadAnswer(msg)
    if _NOT_IN_VALUE.search(value):
        msg = f"illegal value of the header {name.decode('ascii')}"
        raise BadAnswer(msg)
    return name, value


def _values_of(name: bytes, fields: list[Field]) -> list[bytes]:
    return [value.lower() for each, value in fields if each.lower() == name]


def _with_one_length(fields: list[Field]) -> list[Field]:
    """Join equal lengths, as RFC 9110 §8.6 allows."""
    values = _values_of(b"content-length", fields)
    if not values:
        return fields
    lengths = {each.strip() for value in values for each in value.split(b",")}
    length = lengths.pop()
    if lengths or not _LENGTH.fullmatch(length):
        msg = "bad or conflicting Content-Length"
        raise BadAnswer(msg)
    joined: list[Field] = []
    for name, value in fields:
        if name.lower() != b"content-length":
            joined.append((name, value))
        elif values:
            joined.append((name, length))
            values = []
    return joined
