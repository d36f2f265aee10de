"""A response stream that is slow, or breaks, in the way of a real network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

from httpx_resilient._core.drain import BUFFERED, leave
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.io.protocol import IO, run_sync
from httpx_resilient.testing._labels import injected_error
from httpx_resilient.testing._plan import BodyFault


async def sleep_within_read_timeout(
    seconds: float, request: RequestLike, io: IO[Any, Any]
) -> bool:
    """
    Sleep as if a server took that long, but no longer than the read timeout.

    Returns:
        Whether the read timeout was long enough.
    """
    limit: float | None = request.extensions.get("timeout", {}).get("read")
    if limit is None or seconds < limit:
        await io.sleep(seconds)
        return True
    await io.sleep(limit)
    return False


class FaultyBody:
    """
    A response stream with one defect.

    Args:
        stream: The stream to read from.
        fault: The defect.
        request: The request, whose read timeout applies to pauses.
        family: The library whose exceptions are raised.
        io: The effects of the flow.
        count: Called with the name of the fault when it first happens.
        silent: Whether a client cannot notice that the body ends too early.
    """

    def __init__(
        self,
        stream: Any,
        fault: BodyFault,
        request: RequestLike,
        *,
        family: Family,
        io: IO[Any, Any],
        count: Callable[[str], None],
        silent: bool,
    ) -> None:
        self._stream = stream
        self._fault = fault
        self._request = request
        self._family = family
        self._io = io
        self._count = count
        self._silent = silent
        self._is_counted = False

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
        chunks, must_drain = aiter(self._stream), False
        try:
            async for chunk in chunks:
                must_drain = True
                for piece in self._pieces(chunk, left):
                    await self._pause()
                    # A consumer that stops here leaves the stream as it would without
                    # a fault.
                    must_drain = False
                    yield piece
                    must_drain = True
                left -= len(chunk)
                if left < 0:
                    self._break()
                    return
                must_drain = False
        finally:
            if must_drain:
                await self._drain(chunks)
            await leave(chunks)

    def _pieces(self, chunk: bytes, left: float) -> Iterator[bytes]:
        """Split the part of a chunk that arrives; `left` is in bytes."""
        length = len(chunk) if len(chunk) <= left else int(left)
        size = self._fault.size or max(length, 1)
        return (chunk[at : min(at + size, length)] for at in range(0, length, size))

    async def _pause(self) -> None:
        every = self._fault.every
        if every:
            in_time = await sleep_within_read_timeout(every, self._request, self._io)
            self._count_once()
            if not in_time:
                description = "no further piece of the body within the read timeout"
                raise injected_error(
                    self._family.read_timeout, self._fault.name, description
                )

    def _break(self) -> None:
        self._count_once()
        kind, action = self._family.protocol_error, "closed"
        if self._fault.reset:
            kind, action = self._family.read_error, "reset"
        if not self._silent:
            description = (
                f"the connection was {action} after {self._fault.after} bytes of the "
                "body"
            )
            raise injected_error(kind, self._fault.name, description)

    def _count_once(self) -> None:
        if not self._is_counted:
            self._is_counted = True
            self._count(self._fault.name)

    async def _drain(self, chunks: AsyncIterator[bytes]) -> None:
        # Transports read through nested generators. A real failure ends them; this one
        # leaves them suspended, and trio warns of each. So read until they end or fail.
        with suppress(Exception):
            for _ in range(BUFFERED):
                await self._io.within(0.0, anext(chunks))

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


def is_delimited_by_close(response: Any) -> bool:
    """Whether only the end of the connection ends the body (RFC 9112 §6.3, case 8)."""
    headers = response.headers
    return response.extensions.get("http_version", b"")[:6] == b"HTTP/1" and not (
        "content-length" in headers or "transfer-encoding" in headers
    )
