"""A response stream that goes on where it breaks. Until then it only counts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from httpx_resilient._core.body.beginning import beginner_in
from httpx_resilient._core.body.encodings import decoder_of, unfinished
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.resuming.rejoining import RunningHash
from httpx_resilient._core.resuming.representation import (
    PARTIAL,
    content_length,
    representation_of,
)
from httpx_resilient._layers.resuming.exchange import Exchange
from httpx_resilient._layers.resuming.steps import needs_hash

if TYPE_CHECKING:
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
        exchange: The fields of an `Exchange`: a plain tuple costs a fifth of one.
        stream: The stream of the answer.
    """

    _family: Family

    __slots__ = (
        "_exchange", "_own", "hash", "held", "iterator", "received", "resumption",
        "settings", "stage", "stream",
    )  # fmt: skip

    iterator: Any
    """What reads the stream, once somebody does."""
    held: bytes | None
    """The only chunk, while there is one."""
    hash: Any
    """The hash of all bytes, in the stage that has one."""

    def __init__(
        self, settings: Settings, exchange: tuple[Any, ...], stream: Any
    ) -> None:
        self.settings = settings
        self._exchange = exchange
        self._own = self.stream = stream
        """The stream of the answer that is being read: the first, or a later one."""
        self.iterator = None
        self.received = 0
        """The bytes that were handed out."""
        self.stage = _NOTHING
        self.resumption: Resumption | None = None
        """How the body goes on, once it has broken."""

    @property
    def exchange(self) -> Exchange:
        """The request, and its first answer."""
        return Exchange(*self._exchange)

    # No generator: trio warns of an asynchronous one that a reader has left.

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self.iterator is not None and self._passes():
            return aiter(self._own)
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
        if not self.stage:  # of most bodies, this is all
            self.held, self.stage = chunk, _ONE
        elif self.stage != _COUNTED:
            self._note(chunk)
        return chunk

    def __iter__(self) -> Iterator[bytes]:
        if self.iterator is not None and self._passes():
            return iter(self._own)
        self.iterator = iter(self.stream)
        return self._chunks()

    def _chunks(self) -> Iterator[bytes]:
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
            if not self.stage:
                self.held, self.stage = chunk, _ONE
            elif self.stage != _COUNTED:
                self._note(chunk)
            yield chunk

    def _passes(self) -> bool:
        """
        Begin again, if a layer inside has another answer, or sends for one.

        Returns:
            Whether it sends for one: that is its own matter, and has no bytes.
        """
        beginner = beginner_in(self._own)
        if beginner is None:
            return False
        self.stream, self.received, self.stage = self._own, 0, _NOTHING
        self.hash = self.held = self.resumption = None
        return bool(beginner.is_renewing)

    def close(self) -> None:
        self.stream.close()

    async def aclose(self) -> None:
        await self.stream.aclose()

    def digest(self) -> bytes | None:
        """Return the hash of what was handed out, if it is known."""
        if self.stage == _COUNTED:
            return None
        found = RunningHash()
        if self.stage == _ONE:
            found.update(self.held or b"")
        elif self.stage == _HASHED:
            found = self.hash
        return found.digest()

    def _note(self, chunk: bytes) -> None:
        """Note what was handed out, for a comparison after a break."""
        if self.received > self.settings.limits.max_reread:
            self.hash, self.held, self.stage = None, None, _COUNTED
        elif self.stage == _HASHED:
            self.hash.update(chunk)
        else:
            self._begin_hash(self.held or b"", chunk)
            self.held = None

    def _begin_hash(self, held: bytes, chunk: bytes) -> None:
        """Begin to hash a body of several chunks, if that may be of use."""
        request, response, *_ = self._exchange
        self.stage = _COUNTED
        first = representation_of(response)
        if needs_hash(request.method, request.headers.raw, first):
            self.hash, self.stage = RunningHash(), _HASHED
            self.hash.update(held)
            self.hash.update(chunk)

    def _is_whole(self) -> bool:
        """Whether everything has arrived, where the server has ended a body."""
        if self.resumption is not None:
            return self.resumption.is_whole()
        response = self._exchange[1]
        length = content_length(response.headers)
        if length is None and response.status_code == PARTIAL:
            length = representation_of(response).extent
        return (length is None or self.received >= length) and not self.unfinished()

    def unfinished(self) -> str:
        """Return the encoding that has not come to its end with what was read."""
        if not (self.settings.complete and self.received):
            return ""
        return unfinished(decoder_of(self._exchange[1]))

    async def _recovered(self, error: Exception | None) -> bytes | None:
        """Return the next chunk after a break, or `None` if there is no more."""
        if self.resumption is None:
            # Most programs never need it.
            from httpx_resilient._layers.resuming.resumption import (  # noqa: PLC0415 - explained above
                Resumption,
            )

            self.resumption = Resumption(self)
        return await self.resumption.next_chunk(error)
