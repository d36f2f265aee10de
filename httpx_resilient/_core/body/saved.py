"""A response that is saved before the next attempt, with its body in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Generic

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.family import Family
from httpx_resilient._core.history import leave_history
from httpx_resilient._core.http_types import ResponseT
from httpx_resilient._core.io.protocol import Effects


class SavedStream:
    """
    A response stream of a body that is in memory, encoded as the server has sent it.

    Args:
        chunks: The chunks of the body.
    """

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk

    def close(self) -> None:
        """There is nothing to release."""

    async def aclose(self) -> None:
        """There is nothing to release."""


class SavedResponse(Generic[ResponseT]):
    """
    A response whose connection and permits are released: another attempt follows.

    If a layer inside refuses that attempt, the caller gets this response.

    Args:
        response: The response. It is closed.
        chunks: Its body; `None` if the response can be read although it is closed, as
            one of a mock.
        family: The library of the response.
    """

    __slots__ = ("_chunks", "_family", "response")

    def __init__(
        self, response: ResponseT, chunks: Sequence[bytes] | None, family: Family
    ) -> None:
        self.response = response
        self._chunks = chunks
        self._family = family

    def replace_failure(self, context: RequestContext) -> ResponseT:
        """Return the response to the layer whose deadline has cancelled the request."""
        context.answer, context.in_memory = None, True
        leave_history(self.response, context.attempts)
        return self.restore()

    def restore(self) -> ResponseT:
        """Return the same response, open and unread."""
        restored: Any = self.response
        if self._chunks is not None:
            restored.stream = self._family.stream_class(SavedStream)(self._chunks)
            restored.is_closed = False
        return self.response


async def save(
    response: ResponseT,
    family: Family,
    effects: Effects,
    context: RequestContext | None,
    *,
    drain: bool | None = None,
) -> SavedResponse[ResponseT] | None:
    """
    Release a response before the next attempt, and save it if its body is short.

    The connection and the permits of the response may be what the next attempt waits
    for. So a long body, and one that does not come in time, cannot be saved: it is
    closed unread.

    Args:
        response: The response.
        family: The library of the response.
        effects: The effects of the request's flow.
        context: The context that it was sent with.
        drain: Whether its body is short; by default, its `Content-Length` decides.
    """
    chunks: list[bytes] | None = None if response.is_closed else []
    is_whole = await effects.discard(response, context, drain=drain, chunks=chunks)
    if chunks is None or is_whole:
        return SavedResponse(response, chunks, family)
    return None
