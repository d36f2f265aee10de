"""
The reading side of a connection of HTTP/1.1: bytes in, answers out, no IO.

llhttp, the parser of Node.js, reads the bytes, by way of *httptools*. It is stricter
than h11, the parser that users of httpx are used to, and here and there laxer. So a
head is read as strictly as it comes. One that is refused is read once more, leniently,
and checked by the grammar of h11: real servers send lines without a carriage return,
folded lines, and control characters. It costs a second reading of few heads, where
leniency for all would cost half as much again as the reading itself.
"""

from __future__ import annotations

import sys

from httptools import HttpParserCallbackError, HttpParserError, HttpResponseParser

from httpx_resilient._wire.callbacks import ParserCallbacks
from httpx_resilient._wire.errors import BadAnswer
from httpx_resilient._wire.lenient import LenientHeads, check_first

MAX_HEAD = 100 * 1024
"""
Bytes of a head, with those of all informational ones before it, and of trailers.

h11 has the same.
"""

CUT = "peer closed connection without sending complete message body"
NO_ANSWER = "Server disconnected without sending a response."

_LINE_ENDS = b"\r\n"

Received = bytes | bytearray | memoryview
"""Bytes that have arrived."""


class ResponseReader(ParserCallbacks):
    """
    Reads the answers on one connection, one after the other.

    `begin` comes before each request. After that, `feed` takes what arrives and
    `feed_eof` its end, until `is_complete`. How the bytes are split changes nothing,
    but that what arrives after a complete answer is not for the reader.
    """

    __slots__ = ("_heads", "_overhead", "_seen", "_unread")

    def __init__(self) -> None:
        super().__init__()
        self._seen = 0

    def begin(self, method: str) -> None:
        """Expect the answer to a request."""
        if not self._is_parser_usable:
            self._parser = parser = HttpResponseParser(self)
            parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
            self._is_parser_usable = True
        self._is_head = method == "HEAD"
        self._reads_connection = False
        self.has_head = self.is_complete = False
        self._seen = self._overhead = 0
        self._unread: bytearray | None = None
        """The bytes of a head that is cut, in case it has to be read once more."""
        self._heads: LenientHeads | None = None
        """Reads the head, if it is read once more."""
        self._begin()

    @property
    def has_begun(self) -> bool:
        """Whether something of the answer has arrived."""
        return self._seen > 0

    def feed(self, data: Received) -> None:
        """
        Take bytes that have arrived. They are read at once.

        Args:
            data: At least one byte.

        Raises:
            BadAnswer: They are not HTTP/1.1. What was read before them still counts.
        """
        # Behind an answer, the parser refuses all but empty lines, and after the head
        # of an answer to HEAD not even that. So the last byte, which may belong to
        # nobody, is read by itself.
        if (data[-1] in _LINE_ENDS or self._is_head) and len(data) > 1:
            self._read(data[:-1])
            if self.is_complete:
                self.is_reusable = False
                return
            data = data[-1:]
        self._read(data)

    def _read(self, data: Received) -> None:
        if self.has_head:
            received = self.received
            self._parse(data)
            self._overhead = (
                0 if self.received != received else self._overhead + len(data)
            )
            if self._overhead > MAX_HEAD and not self.is_complete:
                msg = "the trailers of the answer are too long"
                raise BadAnswer(msg)
            return
        seen = self._seen
        if not seen:
            check_first(data[0])
        self._seen = seen + len(data)
        if self._seen <= MAX_HEAD:
            self._read_head(data)
            return
        self._read_head(data[: MAX_HEAD - seen])
        if not self.has_head:
            msg = "the head of the answer is too long"
            raise BadAnswer(msg)
        if self.is_complete:
            self.is_reusable = False
        else:
            self._parse(data[MAX_HEAD - seen :])

    def _read_head(self, data: Received) -> None:
        """Read bytes of a head, and what follows it."""
        if self._heads is not None:
            self._parse_leniently(self._heads, data)
            return
        self._parse(data)
        if not self.has_head and self._heads is None:
            if self._unread is None:
                self._unread = bytearray()
            self._unread += data

    def _parse(self, data: Received) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._is_parser_usable = False
            failure, self._failure = self._failure, None
            stopped = error
        else:
            return
        if failure is None and isinstance(stopped, HttpParserCallbackError):
            raise _interruption_of(stopped)
        if self.is_complete:
            self.is_reusable = False  # what follows an answer belongs to nobody
        elif self.has_head or self._heads is not None:
            # The parser says what it expected, and quotes nothing.
            raise failure or BadAnswer(f"the answer is not HTTP/1.1: {stopped}")
        else:
            self._begin_again(data)

    def _begin_again(self, data: Received) -> None:
        """Read a head that was refused once more, as h11 reads it."""
        self._parser = parser = HttpResponseParser(self)
        parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_chunked_length=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._begin()
        self._reads_connection = True
        self._heads = heads = LenientHeads()
        self._parse_leniently(heads, (self._unread or b"") + data)

    def _parse_leniently(self, heads: LenientHeads, data: Received) -> None:
        head = heads.feed(data)
        if head is not None:
            self._parse(head)

    def feed_eof(self) -> None:
        """
        Take the end of the connection.

        Raises:
            BadAnswer: The answer is not complete.
        """
        self.is_reusable = False
        if self.is_complete:
            return
        if not self.has_head:
            raise BadAnswer(NO_ANSWER)
        if self._framing:
            msg = f"{CUT} (incomplete chunked read)"
            raise BadAnswer(msg)
        if self._has_length:
            length = next(v for n, v in self.headers if n.lower() == b"content-length")
            msg = f"{CUT} (received {self.received} bytes, expected {int(length)})"
            raise BadAnswer(msg)
        self.is_complete = True

    def take(self) -> bytes:
        """Return what has arrived of the body, and forget it."""
        chunks, self.chunks, self.size = self.chunks, [], 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _interruption_of(stopped: HttpParserCallbackError) -> BaseException:
    """
    Return what a signal handler has raised while a callback ran.

    httptools leaves it in the context, which Python replaces by the exception that the
    caller handles, if any.
    """
    raised = stopped.__context__
    if raised is None or raised is sys.exception():
        return BadAnswer("the reading was interrupted")
    return raised
