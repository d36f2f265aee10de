"""Drain the rest of a failed response, so that its connection can be used again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable

from httpx_resilient._core.http_types import ResponseLike

DRAIN_BYTES = 64 * 1024
"""Draining a body of up to this length costs less than a new connection (measured)."""

DRAIN_SECONDS = 0.25
"""The longest time that draining may take."""

SHARED_DRAIN_SECONDS = 2.0
"""
The same on HTTP/2, where interrupting a read can harm other requests on the connection.
It is longer so that a short stall of this machine does not count.
"""

BUFFERED = 1000
"""The most chunks that a transport yields without reading from its connection."""


def drain_seconds(response: ResponseLike) -> float:
    shared = response.extensions.get("http_version") == b"HTTP/2"
    return SHARED_DRAIN_SECONDS if shared else DRAIN_SECONDS


def is_worth_draining(response: ResponseLike) -> bool:
    for name, value in response.headers.raw:
        if name.lower() == b"content-length":
            return is_short(value)
    return True


def is_short(content_length: bytes, most: int = DRAIN_BYTES) -> bool:
    return not content_length.isdigit() or int(content_length) <= most


async def drain_async(
    body: AsyncIterable[bytes],
    interrupt: Callable[[], None] | None = None,
    collected: list[bytes] | None = None,
) -> bool:
    """
    Read the rest of a body, up to a limit. Return whether that was all.

    Args:
        body: The stream of the body.
        interrupt: Makes the next read fail.
        collected: Gets the chunks that are read.
    """
    seen = 0
    chunks = aiter(body)
    async for chunk in chunks:
        seen += len(chunk)
        if collected is not None:
            collected.append(chunk)
        if seen <= DRAIN_BYTES:
            continue
        # Transports read through nested generators. If they are left half-way, trio
        # warns of each. If a read is interrupted, each ends with the exception.
        if interrupt is not None and seen <= 2 * DRAIN_BYTES:
            interrupt()
            continue
        await leave(chunks)
        return False
    return True


async def leave(chunks: AsyncIterator[bytes]) -> None:
    """Stop reading half-way, and close a generator, of which trio would warn."""
    if isinstance(chunks, AsyncGenerator):
        await chunks.aclose()
