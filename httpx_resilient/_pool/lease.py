"""The lease of a connection by a request, which is also the stream of its response."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Self

from httpx_resilient._core.body.owners import After
from httpx_resilient._core.body.tracked import TrackedStream
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.drain import DRAIN_BYTES
from httpx_resilient._core.io.loading import async_effects, drained
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.io.sync_io import SyncEffects

LEFT_SECONDS = 0.01
"""
The longest time for reading what a reader has left of a body. After the `[DONE]` of an
event stream, the end of the chunked body is there already, or in the next packet.
"""


class Lease(TrackedStream):
    """
    The lease of a connection by one request.

    The pool makes it before it leases a slot, which is its resource from then on until
    the slot is released. So a lease that is collected, because its request was
    interrupted anywhere, still knows what to return.

    Args:
        leases: The leases of the pool.
    """

    owner: Any
    resource: Any

    __slots__ = ("is_upgraded", "reader", "timeouts")

    def __init__(self, leases: Any) -> None:
        # The base's, written out: each request would pay for the call.
        self.others = ()
        self.resource = self.stream = self.iterator = self.error = self.timeouts = None
        self.reader = None
        self.is_read = self.is_released = self.is_upgraded = False
        self.owner = leases

    timeouts: Any
    """The timeouts that a synchronous transport reads the body with."""
    reader: Any
    """The reader of the answer, on a connection of our own."""
    is_upgraded: bool
    """Whether the connection belongs to the caller, who speaks another protocol."""

    # The methods of the base are written out: each request would pay for the calls.

    def __aiter__(self) -> Self:
        if self.reader is None:
            return super().__aiter__()
        self.iterator = self.stream
        return self

    async def __anext__(self) -> bytes:
        reader = self.reader
        if reader is not None:  # what has arrived needs no further call
            if reader.chunks:
                chunk: bytes = reader.take()
                return chunk
            if reader.is_complete:
                self.is_read = True
                raise StopAsyncIteration
        return await super().__anext__()

    def close(self) -> None:
        try:
            self._look_at_rest()
            if not self.is_read and self._is_left:
                with suppress(Exception):
                    self._read_rest()
            self.stream.close()
        except BaseException as error:
            self.error = error
            raise
        finally:
            for work in self._released():
                run_sync(work(SyncEffects()))

    async def aclose(self) -> None:
        try:
            self._look_at_rest()
            if not self.is_read and self._is_left and not self.resource.is_shared:
                body = self.stream if self.iterator is None else self.iterator
                with suppress(Exception):
                    self.is_read = await drained(body, LEFT_SECONDS)
            await self.stream.aclose()
        except BaseException as error:
            self.error = error
            raise
        finally:
            for work in self._released():
                await work(async_effects())

    def _look_at_rest(self) -> None:
        """Take a body as read that has arrived."""
        if self.reader is not None:
            self.is_read = self.is_read or self.reader.is_complete
            self.reader = None  # it reads the next answer soon

    @property
    def _is_left(self) -> bool:
        """Whether a reader has left a body that it has not read to its end."""
        return not (self.error or self.resource is None or self.is_upgraded)

    def _read_rest(self) -> None:
        """Read what a reader has left, if it is little and comes at once."""
        # The stream is read anew: with another timeout, from where it stands.
        self.timeouts["read"] = LEFT_SECONDS
        until, seen = Clock.now() + LEFT_SECONDS, 0
        for chunk in self.stream:
            seen += len(chunk)
            if seen > DRAIN_BYTES or Clock.now() > until:
                return
        self.is_read = True

    def _report(self) -> After | None:
        leases = self.owner
        after: After | None = leases.on_closed(self, self.error)
        self.owner = None
        return after

    def __del__(self) -> None:
        try:
            if self.resource is None or not self.resource.is_lost_by(self):
                self.owner = None
                if not self.others:
                    return
        except AttributeError:  # it was interrupted when it was made
            return
        super().__del__()

    def _warn(self) -> None:
        if self.stream is not None:
            super()._warn()
