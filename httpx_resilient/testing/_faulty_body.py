"""A response's stream that is slow, or breaks, as a wire would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

from httpx_resilient._core.drain import BUFFERED, leave
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.io.protocol import IO, run_sync
from httpx_resilient.testing._labels import injected
from httpx_resilient.testing._plan import BodyFault


async def in_time(seconds: float, request: RequestLike, io: IO[Any, Any]) -> bool:
    """Wait, as for a server. Says whether its answer came within the read timeout."""
    limit: float | None = request.extensions.get("timeout", {}).get("read")
    if limit is None or seconds < limit:
        await io.sleep(seconds)
        return True
    await io.sleep(limit)
    return False


class FaultyBody:
    """
    A response's stream, and one thing that is wrong with it.

    Args:
        stream: The stream.
        fault: What is wrong with it.
        request: Whose read timeout counts.
        io: What is awaited.
        count: Is told the fault's name when it happens.
        quiet: Whether nobody can tell that it ends too early.
    """

    _family: Family

    def __init__(
        self,
        stream: Any,
        fault: BodyFault,
        request: RequestLike,
        io: IO[Any, Any],
        count: Callable[[str], None],
        *,
        quiet: bool,
    ) -> None:
        self._stream = stream
        self._fault = fault
        self._request = request
        self._io = io
        self._count = count
        self._quiet = quiet
        self._has_happened = False

    def __iter__(self) -> Iterator[bytes]:
        left = self._fault.after
        for chunk in self._stream:
            for piece in self._pieces(chunk, left):
                run_sync(self._pause())
                yield piece
            left -= len(chunk)
            if left < 0:
                self._break()
                return

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._fault.after
        chunks, half_way = aiter(self._stream), False
        try:
            async for chunk in chunks:
                half_way = True
                for piece in self._pieces(chunk, left):
                    await self._pause()
                    half_way = False
                    yield piece
                    half_way = True
                left -= len(chunk)
                if left < 0:
                    self._break()
                    return
                half_way = False
        finally:
            if half_way:
                await self._drop(chunks)
            await leave(chunks)

    def _pieces(self, chunk: bytes, left: float) -> Iterator[bytes]:
        whole = len(chunk) if len(chunk) <= left else int(left)
        size = self._fault.size or max(whole, 1)
        return (chunk[at : min(at + size, whole)] for at in range(0, whole, size))

    async def _pause(self) -> None:
        every = self._fault.every
        if every:
            late = not await in_time(every, self._request, self._io)
            self._happens()
            if late:
                what = "the next piece of the body did not come within the read timeout"
                raise injected(self._family.read_timeout, self._fault.name, what)

    def _break(self) -> None:
        self._happens()
        kind, how = self._family.protocol_error, "closed"
        if self._fault.reset:
            kind, how = self._family.read_error, "reset"
        if not self._quiet:
            what = (
                f"the connection was {how} after {self._fault.after} bytes of the body"
            )
            raise injected(kind, self._fault.name, what)

    def _happens(self) -> None:
        if not self._has_happened:
            self._has_happened = True
            self._count(self._fault.name)

    async def _drop(self, chunks: AsyncIterator[bytes]) -> None:
        # Transports read through nested generators. Left half-way, as they are not by a
        # wire that breaks or a read that is cancelled, trio warns of each; a read that
        # fails ends them.
        with suppress(Exception):
            for _ in range(BUFFERED):
                await self._io.within(0.0, anext(chunks))

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()
