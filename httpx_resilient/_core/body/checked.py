"""A reader that makes an encoding that ends early a broken body."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from httpx_resilient._core.body.encodings import unfinished
from httpx_resilient._core.body.tracked import TrackedStream
from httpx_resilient._core.family import Family


class CheckedReader:
    """
    Reads an encoded body. At its end, the decoder of the client must be at its own.

    It reads chunks as the server has sent them, and decodes nothing: the client has
    decoded each chunk before it asks for the next one.

    Args:
        stream: The stream of the body.
        chunks: What iterates over it.
        decoder: The decoder of the client, which it feeds meanwhile.
        family: The library of the response.
    """

    __slots__ = ("_chunks", "_decoder", "_family", "_received", "_stream")

    def __init__(
        self, stream: Any, chunks: Any, decoder: object, family: Family
    ) -> None:
        self._stream = stream
        self._chunks = chunks
        self._decoder = decoder
        self._family = family
        self._received = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._received += len(chunk)
            yield chunk
        self._end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunks: AsyncIterator[bytes] = self._chunks
        try:
            chunk = await chunks.__anext__()
        except StopAsyncIteration:
            self._end()
            raise
        self._received += len(chunk)
        return chunk

    def _end(self) -> None:
        """
        Raise if the encoding has no end.

        An empty body is one in any encoding: the answer to HEAD, or a 304, has none.
        """
        encoding = unfinished(self._decoder) if self._received else ""
        if not encoding:
            return
        error = incomplete(self._family, encoding, self._received)
        if isinstance(self._stream, TrackedStream):
            self._stream.error = error  # its owners hear of it as of any other break
        raise error


def incomplete(family: Family, encoding: str, received: int) -> Exception:
    """
    Make the exception of a body that ends before its encoding does.

    Args:
        family: The library of the response.
        encoding: The encoding, as in `Content-Encoding`.
        received: The bytes that have arrived.
    """
    msg = (
        f"the body ended before its encoding did: {encoding} is not complete after "
        f"{received:,} bytes"
    )
    return family.protocol_error(msg)
