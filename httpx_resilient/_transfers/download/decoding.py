"""
Decoding of bodies that a server has encoded, although the plain ones were asked for.

The end of the encoding is checked: a gzip that is cut reads as a shorter file without a
word from any decoder.
"""

from __future__ import annotations

import zlib
from typing import Any

_GZIP, _EITHER = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS
_CODINGS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _EITHER}

_FILES = frozenset({"application/gzip", "application/x-gzip", "application/x-gunzip"})

KNOWN = ", ".join(sorted(_CODINGS))


class Incomplete(Exception):  # noqa: N818 - it is told as a break, not raised to users
    """The body ends before its encoding does."""


class Decoder:
    """
    Decodes one body.

    Args:
        coding: `gzip` or `deflate`.
    """

    def __init__(self, coding: str) -> None:
        self._bits = _CODINGS[coding]
        self._body: Any = zlib.decompressobj(self._bits)
        self._empty = True

    def decode(self, chunk: bytes) -> bytes:
        """
        Decode a chunk.

        Raises:
            Incomplete: It is not of this encoding.
        """
        decoded: list[bytes] = []
        try:
            while chunk:
                if self._body.eof:  # a file of gzip may have several members
                    self._body = zlib.decompressobj(self._bits)
                if self._empty and self._bits == _EITHER:
                    self._body = _deflate(chunk)
                self._empty = False
                decoded.append(self._body.decompress(chunk))
                chunk = self._body.unused_data
        except zlib.error as error:
            msg = f"the body is not of its Content-Encoding: {error}"
            raise Incomplete(msg) from error
        return b"".join(decoded)

    def finish(self) -> None:
        """
        Check that the encoding has ended, too.

        Raises:
            Incomplete: It has not.
        """
        if not self._empty and not self._body.eof:
            msg = "the body ends before its Content-Encoding does"
            raise Incomplete(msg)


def _deflate(first: bytes) -> Any:
    """Begin a body: some servers leave the zlib header out (RFC 9110 §8.4.1.2)."""
    has_header = first[0] & 0x0F == 8 and first[0] >> 4 <= 7
    return zlib.decompressobj(_EITHER if has_header else -zlib.MAX_WBITS)


def coding_of(encoding: str, kind: str) -> str:
    """
    Return the content coding that is to be removed from a body; empty for none.

    Args:
        encoding: The `Content-Encoding`.
        kind: The `Content-Type`. Servers that are told to label `.gz` files so send a
            file of gzip *as* one in gzip, once compressed: browsers store it as it is.
    """
    codings = [each.strip().lower() for each in encoding.split(",")]
    named = [each for each in codings if each not in {"", "identity"}]
    if named in (["gzip"], ["x-gzip"]):
        media = kind.partition(";")[0].strip().lower()
        return "" if media in _FILES else "gzip"
    return ", ".join(named)


def is_known(coding: str) -> bool:
    """Whether a coding can be removed."""
    return coding in _CODINGS
