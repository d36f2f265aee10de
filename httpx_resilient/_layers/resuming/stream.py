"""A response stream that goes on where it breaks. Until then it only counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.resuming.rejoining import RunningHash
from httpx_resilient._core.resuming.representation import (
    content_length,
    representation_of,
)
from httpx_resilient._layers.resuming.steps import needs_hash

if TYPE_CHECKING:
    from httpx_resilient._core.context import RequestContext
    from httpx_resilient._core.deadline import Deadline
    from httpx_resilient._core.family import Family
    from httpx_resilient._layers.resuming.resumption import Resumption
    from httpx_resilient._layers.resuming.settings import Settings

_NOTHING, _ONE, _HASHED, _COUNTED = range(4)
"""
What a stream has of the bytes that it has handed out.

Nothing yet; the only chunk; the hash of all; their number alone. A body of one chunk,
as most are, ends before anybody asks what the answer says of its version.
"""


class ResumedStream:
    """
    A response stream that goes on where it breaks.

    It is as cheap as it can be, since most bodies do not break: what an unbroken body
    of one chunk costs is in `python -m benchmarks --only bodies`.

    Args:
        settings: Those of the layer.
        request: The request, as it was sent.
        response: Its answer.
        io: The IO of the layer.
        context: The context of the request, if there is one.
        deadline: The deadline around the layer, if there is one.
        began: When the request was sent, in monotonic seconds.
        ended: When its answer came.
    """

    _family: Family

    __slots__ = (
        "began", "context", "deadline", "ended", "hash", "held", "io", "iterator",
        "received", "request", "response", "resumption", "settings", "stage", "stream",
    )  # fmt: skip

    def __init__(
        self,
        settings: Settings,
        request: Any,
        response: Any,
        io: Any,
        context: RequestContext | None,
        deadline: Deadline | None,
        began: float,
        ended: float,
    ) -> None:
        self.settings = settings
        self.request = request
        self.response = response
        self.io = io
        self.context = context
        self.deadline = deadline
        self.began = began
        self.ended = ended
        self.stream: Any = response.stream
        """The stream of the answer that is being read: the first, or a later one."""
        self.iterator: Any = None
        """What reads it."""
        self.received = 0
        """The bytes that were handed out."""
        self.stage = _NOTHING
        self.held: bytes | None = None
        """The only chunk, as long as there is one."""
        self.hash: RunningHash | None = None
        """The hash of all of them, if it is needed and may be of use."""
        self.resumption: Resumption | None = None
        """How the body goes on, once it has broken."""

    # No generator: trio warns of an asynchronous one that a reader has left.

    def __aiter__(self) -> Self:
        self.iterator = aiter(self.stream)
        return self

    async def __anext__(self) -> bytes:
        try:
            read: bytes = await self.iterator.__anext__()
        except StopAsyncIteration:
            if self._is_whole():
                raise
            chunk: bytes | None = await self._recovered(None)
        except Exception as error:  # noqa: BLE001 - raised again, if it is no break
            chunk = await self._recovered(error)
        else:
            if self.resumption is not None:
                chunk = await self.resumption.limited(read)
            else:
                chunk = read
        if chunk is None:
            raise StopAsyncIteration
        self.received += len(chunk)
        if self.stage != _COUNTED:
            self._note(chunk)
        return chunk

    def __iter__(self) -> Iterator[bytes]:
        self.iterator = iter(self.stream)
        while True:
            try:
                chunk = next(self.iterator, None)
            except Exception as error:  # noqa: BLE001 - raised again, if it is no break
                chunk = run_sync(self._recovered(error))
            else:
                if chunk is None:
                    if self._is_whole():
                        return
                    chunk = run_sync(self._recovered(None))
                elif self.resumption is not None:
                    chunk = run_sync(self.resumption.limited(chunk))
            if chunk is None:
                return
            self.received += len(chunk)
            if self.stage != _COUNTED:
                self._note(chunk)
            yield chunk

    def close(self) -> None:
        self.stream.close()

    async def aclose(self) -> None:
        await self.stream.aclose()

    def digest(self) -> bytes | None:
        """Return the hash of what was handed out, if it is known."""
        if self.stage in {_NOTHING, _ONE}:
            found = RunningHash()
            found.update(self.held or b"")
            return found.digest()
        return None if self.hash is None else self.hash.digest()

    def _note(self, chunk: bytes) -> None:
        """Note what was handed out, for a comparison after a break."""
        if self.stage == _NOTHING:
            self.held, self.stage = chunk, _ONE
        elif self.received > self.settings.limits.max_reread:
            self.held, self.hash, self.stage = None, None, _COUNTED
        elif self.hash is not None:
            self.hash.update(chunk)
        else:
            first, held = representation_of(self.response), self.held or b""
            self.held, self.stage = None, _COUNTED
            if needs_hash(self.request.method, self.request.headers.raw, first):
                self.hash, self.stage = RunningHash(), _HASHED
                self.hash.update(held)
                self.hash.update(chunk)

    def _is_whole(self) -> bool:
        """Whether everything has arrived, where the server has ended a body."""
        if self.resumption is not None:
            return self.resumption.is_whole()
        length = content_length(self.response.headers.raw)
        return length is None or self.received >= length

    async def _recovered(self, error: Exception | None) -> bytes | None:
        """Return the next chunk after a break, or `None` if there is no more."""
        if self.resumption is None:
            # Most programs never need it.
            from httpx_resilient._layers.resuming.resumption import (  # noqa: PLC0415 - explained above
                Resumption,
            )

            self.resumption = Resumption(self)
        return await self.resumption.next_chunk(error)
