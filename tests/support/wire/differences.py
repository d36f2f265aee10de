"""The kinds of difference between h11's reading of an answer and the wire's, by name."""

from __future__ import annotations

from enum import Enum

from support.wire.readers import Outcome


class Difference(Enum):
    """A difference that was decided. All are on the safe side."""

    EXTRA = "what nobody asked for ends the connection"
    NO_LENGTH = "an answer without a length ends the connection at once"
    LENGTH_AND_CHUNKS = "a length beside chunks ends the connection (RFC 9112 §6.3)"
    PROXY = "Proxy-Connection: close ends the connection"
    HTTP_2 = "HTTP/2.0 in a status line ends the connection"
    VERSION = "a version that does not exist is refused"
    TRAILER = "a trailer is read strictly"
    EXTENSION = "the extension of a chunk is read strictly"
    ZEROS = "any number of zeros may stand before the size of a chunk"
    TOO_MUCH = "a length or a size beyond 64 bits is refused"
    NEVER_ENDS = "a line of a chunk without CR is refused, where h11 waits"
    EARLIER = "what does not begin as HTTP is refused at once"
    LIMIT = "a head has a limit, however it comes"


class Unlisted(AssertionError):
    """A difference that nobody has decided."""


def difference(h11: Outcome, ours: Outcome) -> Difference | None:
    """
    Return how two outcomes differ, or `None` if they are alike.

    Raises:
        Unlisted: In a way that is in no list.
    """
    if h11.content == ours.content:
        if h11.reusable == ours.reusable:
            return None
        if ours.reusable:
            msg = "only h11 closes the connection"
            raise Unlisted(msg, h11, ours)
        return _why_closed(h11)
    if ours.state == "refused":
        return _why_refused(h11, ours)
    if "illegal chunk header" in h11.message:
        return Difference.ZEROS
    msg = "another reading"
    raise Unlisted(msg, h11, ours)


def _why_closed(h11: Outcome) -> Difference:
    names = {name.lower() for name, _ in h11.headers}
    framing = names & {b"content-length", b"transfer-encoding"}
    if h11.rest:
        return Difference.EXTRA
    if len(framing) == 2:
        return Difference.LENGTH_AND_CHUNKS
    if not framing:
        return Difference.NO_LENGTH
    if h11.version == b"HTTP/2.0":
        return Difference.HTTP_2
    if b"proxy-connection" in names:
        return Difference.PROXY
    msg = "only h11 keeps the connection"
    raise Unlisted(msg, h11)


_OF_HEADS = {
    "illegal status line": Difference.EARLIER,
    "too long": Difference.LIMIT,
    "too many": Difference.LIMIT,
    "Invalid HTTP version": Difference.VERSION,
    "Content-Length overflow": Difference.TOO_MUCH,
}
_OF_CHUNKS = {
    "Chunk size overflow": Difference.TOO_MUCH,
    "in chunk extensions": Difference.EXTENSION,
    "Expected LF after chunk size": Difference.EXTENSION,
    "Missing expected CR after chunk": Difference.NEVER_ENDS,
    "Content-Length can't be present": Difference.TRAILER,
    "Invalid header": Difference.TRAILER,
    "after header value": Difference.TRAILER,
}
"""What a message says, and why the wire refuses what h11 reads or waits for."""


def _why_refused(h11: Outcome, ours: Outcome) -> Difference:
    reasons = _OF_HEADS
    if any(name.lower() == b"transfer-encoding" for name, _ in h11.headers):
        reasons = reasons | _OF_CHUNKS
    for text, found in reasons.items():
        if text in ours.message and (found is not Difference.EARLIER or not h11.status):
            return found
    msg = "only refused by ours"
    raise Unlisted(msg, h11, ours)
