"""The body of one request of an upload: it can be read again, and counts its bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

CHUNK = 64 * 1024
"""Bytes given to the transport at once: what is counted as sent is right to this."""


class Piece:
    """
    A piece of a body, in memory.

    A layer inside does not send it again by itself, as it is neither bytes nor a list:
    only a HEAD tells what may be sent again. An authentication of the client may.

    Args:
        data: Its bytes.
    """

    __slots__ = ("data", "given", "taken")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.taken = 0
        """How many bytes a transport has taken, at most."""
        self.given = 0
        """How many bytes were taken, in all readings together."""

    def __len__(self) -> int:
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        """Read the piece from its start."""
        for start in range(0, len(self.data), CHUNK):
            chunk = self.data[start : start + CHUNK]
            self.given += len(chunk)
            self.taken = max(self.taken, start + len(chunk))
            yield chunk


class SyncPiece(Piece):
    """A piece for a synchronous client."""

    __slots__ = ()

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks()


class AsyncPiece(Piece):
    """A piece for an asynchronous client."""

    __slots__ = ()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Steps(self.chunks())


class _Steps:
    """Not an asynchronous generator: one that is left half-way must be closed."""

    __slots__ = ("_chunks",)

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise StopAsyncIteration
        return chunk
