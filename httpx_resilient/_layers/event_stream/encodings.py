"""
Event streams in a content encoding, decoded as they arrive.

What comes after a reconnection is another encoded body. A client decodes one body, so
the layer gives it decoded bytes, and the response says so.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import Any, Self

from httpx_resilient._core.family import Family

_WBITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": 0}
"""The encodings that can be decoded everywhere (RFC 9110 §8.4.1)."""

_PIECE = 64 * 1024
"""Bytes that are decoded at once: few bytes may decode to a thousand times as many."""


def is_decodable(encoding: str) -> bool:
    """Whether a `Content-Encoding` is none, or can be decoded here."""
    return _name(encoding) in {"", "identity", *_WBITS}


def decoded(stream: Any, encoding: str, family: Family) -> Any:
    """Return a stream of what a decodable stream has in its encoding, if any."""
    wbits = _WBITS.get(_name(encoding))
    return stream if wbits is None else DecodedStream(stream, Inflater(wbits), family)


def _name(encoding: str) -> str:
    return encoding.strip().lower()


class Inflater:
    """
    Decodes gzip, which may have several members (RFC 1952 §2.2), or deflate.

    Args:
        wbits: The format, as zlib takes it; 0 for deflate, with or without the header
            that it should have (RFC 9110 §8.4.1.2).
    """

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._inflate = zlib.decompressobj(wbits or zlib.MAX_WBITS)
        self._has_begun = False

    @property
    def is_whole(self) -> bool:
        """Whether the encoding has ended, or has not begun."""
        return self._inflate.eof or not self._has_begun

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """
        Yield what some bytes decode to, piece by piece.

        Raises:
            zlib.error: They cannot be decoded.
        """
        if not self._has_begun and not self._wbits and data:
            self._choose_format(data)
        self._has_begun = self._has_begun or bool(data)
        while data:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(self._wbits or zlib.MAX_WBITS)
            piece = self._inflate.decompress(data, _PIECE)
            if piece:
                yield piece
            data = self._inflate.unconsumed_tail or self._inflate.unused_data

    def _choose_format(self, data: bytes) -> None:
        """Some servers send deflate without its header, whose first byte is 0x78."""
        if data[0] & 0x0F != zlib.DEFLATED:
            self._wbits = -zlib.MAX_WBITS
            self._inflate = zlib.decompressobj(self._wbits)


class DecodedStream:
    """
    The stream of a response, without its content encoding.

    Args:
        stream: The stream.
        inflater: Decodes it.
        family: The library of the response.
    """

    def __init__(self, stream: Any, inflater: Inflater, family: Family) -> None:
        self.stream = stream
        self._inflater = inflater
        self._family = family
        self._chunks: Any = None
        self._pieces: Iterator[bytes] = iter(())

    def __iter__(self) -> Self:
        self._chunks = iter(self.stream)
        return self

    def __next__(self) -> bytes:
        while (piece := self._piece()) is None:
            try:
                chunk = next(self._chunks)
            except StopIteration:
                self._check_whole()
                raise
            self._pieces = self._inflater.pieces(chunk)
        return piece

    def __aiter__(self) -> Self:
        self._chunks = aiter(self.stream)
        return self

    async def __anext__(self) -> bytes:
        while (piece := self._piece()) is None:
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                self._check_whole()
                raise
            self._pieces = self._inflater.pieces(chunk)
        return piece

    def _piece(self) -> bytes | None:
        try:
            return next(self._pieces, None)
        except zlib.error as error:
            msg = f"the event stream cannot be decoded: {error}"
            raise self._family.protocol_error(msg) from error

    def _check_whole(self) -> None:
        """A body that ends before its encoding does was cut off."""
        if not self._inflater.is_whole:
            msg = "the event stream ended before its content encoding did"
            raise self._family.protocol_error(msg)

    def close(self) -> None:
        self.stream.close()

    async def aclose(self) -> None:
        await leave_reading(self._chunks)
        await self.stream.aclose()


async def leave_reading(iterator: object) -> None:
    """
    Close a generator that a reader may have left half-way: trio warns of each.

    Another task may be reading from it at the moment.
    """
    if isinstance(iterator, AsyncGenerator):
        with suppress(Exception):
            await iterator.aclose()
