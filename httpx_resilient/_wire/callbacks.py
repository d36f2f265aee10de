"""What the parser calls while it reads an answer."""

from __future__ import annotations

import re
from typing import NoReturn

from httptools import HttpResponseParser

from httpx_resilient._wire.errors import BadAnswer
from httpx_resilient._wire.keep_alive import has_close

_BLANKS = b" \t"
_NOT_IN_REASON = re.compile(rb"[\x00\x0b\x0c]")

# Most names are told apart by their length, which costs less than lower case.
_LENGTH_OF_TE = len("transfer-encoding")
_LENGTH_OF_CL = len("content-length")

_MOST_DIGITS = 20
"""Digits of a length that h11 takes: 64 bits."""


class ParserCallbacks:
    """
    Collects what the parser finds of an answer, and refuses what h11 would refuse.

    The methods are the parser's callbacks. They serve a final answer only.
    """

    __slots__ = (
        "_failure", "_framing", "_has_length", "_is_head", "_is_parser_usable",
        "_parser", "_reads_connection", "chunks", "has_head", "headers", "http_version",
        "is_complete", "is_reusable", "reason", "received", "size", "status",
    )  # fmt: skip

    _parser: HttpResponseParser
    _is_head: bool
    """Whether the answer is one to HEAD."""
    _reads_connection: bool
    """
    Whether the header `Connection` is read here. The parser misses values behind a
    control character, and after HEAD it means to close if there is no length.
    """
    status: int
    http_version: bytes

    def __init__(self) -> None:
        self._is_parser_usable = False
        self._failure: BadAnswer | None = None
        """Why a callback has stopped the parser."""
        self.has_head = False
        self.is_complete = True
        self.is_reusable = True
        """Whether the connection may serve another request after a complete answer."""
        self._begin()

    def _begin(self) -> None:
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: list[bytes] = []
        """What has arrived of the body and was not taken yet."""
        self.size = 0
        """The bytes in `chunks`."""
        self.received = 0
        """The bytes of the body that have arrived."""
        self._framing = self._has_length = False

    def _stop(self, text: str) -> NoReturn:
        """Stop the parser, and remember why: it may not pass on what is raised."""
        self._failure = failure = BadAnswer(text)
        raise failure

    def on_message_begin(self) -> None:
        if self.is_complete:
            self._stop("an answer that nobody asked for")

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:
            return  # a trailer, which httpx does not show
        if len(name) == _LENGTH_OF_TE and name.lower() == b"transfer-encoding":
            value = value.lower()  # as h11 shows it
            # With a tab behind it, the parser would not know it.
            if self._framing or value != b"chunked":
                self._stop("only one Transfer-Encoding is supported: chunked")
            self._framing = True
        elif len(name) == _LENGTH_OF_CL and name.lower() == b"content-length":
            if len(value) > _MOST_DIGITS:
                self._stop("bad Content-Length")
            self._has_length = True
        if value[-1:] in {b" ", b"\t"}:
            value = value.rstrip(_BLANKS)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        self.status = status = parser.get_status_code()
        if status < 200:
            self._stop("an informational answer")  # read leniently: see `lenient`
        if self.reason != b"OK" and _NOT_IN_REASON.search(self.reason):
            self._stop("illegal status line")
        version = parser.get_http_version()
        self.http_version = (
            b"HTTP/1.1" if version == "1.1" else b"HTTP/" + version.encode()
        )
        self.has_head = True
        if self._is_head:
            # The parser would wait for a body, and cannot be told otherwise.
            self._is_parser_usable = False
            if not (self._framing or self._has_length):
                self._reads_connection = True
            self.on_message_complete()

    def on_body(self, data: bytes) -> None:
        if self.is_complete:
            self._stop("a body where none may be")
        self.chunks.append(data)
        self.size += len(data)
        self.received += len(data)

    def on_message_complete(self) -> None:
        self.is_complete = True
        # HTTP/1.0 closes, whatever it says of keep-alive: h11 does not believe it. With
        # both a length and chunks, RFC 9112 §6.3 demands it.
        self.is_reusable = (
            self.is_reusable
            and self.http_version == b"HTTP/1.1"
            and not (self._framing and self._has_length)
            and (
                not has_close(self.headers)
                if self._reads_connection
                else self._parser.should_keep_alive()
            )
        )
