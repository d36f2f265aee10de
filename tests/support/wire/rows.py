"""The rows of the table of answers, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass

from support.wire.differences import Difference

OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = b"\r\nok"
LAST = b"0\r\n\r\n"
KIB = 1024


@dataclass(frozen=True)
class Row:
    """
    An answer.

    `eof` says whether the connection ends behind it. `differs` is the one difference that
    was decided, if there is one.
    """

    name: str
    data: bytes
    method: str = "GET"
    eof: bool = False
    differs: Difference | None = None


def with_header(line: bytes) -> bytes:
    """An answer with one header more than its length."""
    return OK + line + b"\r\n" + TWO + BODY


def with_status_line(line: bytes) -> bytes:
    return line + b"\r\n" + TWO + BODY


def with_connection(value: bytes) -> bytes:
    return with_header(b"Connection: " + value)


def with_coding(value: bytes) -> bytes:
    return OK + b"Transfer-Encoding:" + value + b"\r\n\r\n2\r\nok\r\n" + LAST


def with_length(value: bytes) -> bytes:
    return OK + b"Content-Length:" + value + b"\r\n\r\nok"


def informational(status_line: bytes, *lines: bytes) -> bytes:
    """An answer behind an informational one."""
    head = b"".join(line + b"\r\n" for line in (b"HTTP/1.1 " + status_line, *lines))
    return head + b"\r\n" + OK + TWO + BODY


PLAIN = OK + TWO + BODY
