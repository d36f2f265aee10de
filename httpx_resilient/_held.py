"""A response's stream, and the place in a pool that it has until it is closed."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Protocol

from httpx_resilient._evidence import of_one_stream
from httpx_resilient._family import Family
from httpx_resilient._io import IO, AsyncIO, SyncIO, run_sync
from httpx_resilient._slots import Slot


class Owner(Protocol):
    """Who is told that a response has ended."""

    def ended(self, slot: Slot, *, well: bool) -> bool: ...
    def lose(self, *slots: Slot) -> None: ...
    async def close_retired(self, io: IO[Any, Any]) -> None: ...


class Held:
    """A response's stream that tells when it is closed, or was never."""

    def __init__(self, stream: Any, slot: Slot, owner: Owner) -> None:
        self._stream = stream
        self._slot: Slot | None = slot
        self._owner = owner
        self._well = True

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except BaseException as error:  # as below
            self._well = _is_harmless(error)
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except BaseException as error:
            # Only looked at, and passed on. Of a read that is cancelled twice, httpcore
            # closes the connection and still holds its place.
            self._well = _is_harmless(error)
            raise

    def close(self) -> None:
        well = False
        try:
            self._stream.close()
            well = True
        finally:
            if self._given_back(well=well):
                run_sync(self._owner.close_retired(SyncIO(None)))

    async def aclose(self) -> None:
        well = False
        try:
            await self._stream.aclose()
            well = True
        finally:
            if self._given_back(well=well):
                await self._owner.close_retired(AsyncIO(None))

    def _given_back(self, *, well: bool) -> bool:
        slot, self._slot = self._slot, None
        return slot is not None and self._owner.ended(slot, well=well and self._well)

    def __del__(self) -> None:
        slot, self._slot = self._slot, None
        if slot is not None:
            self._owner.lose(slot)
            msg = "a response was neither read nor closed: its connection is lost"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=2)


def _is_harmless(error: BaseException) -> bool:
    """Whether the connection is well, or will be closed by whoever stops to read."""
    if isinstance(error, Exception):
        return of_one_stream(error)
    return isinstance(error, GeneratorExit)


@cache
def held_class(family: Family) -> type[Held]:
    """Both clients check that a stream is one of their own."""
    return type("Held", (Held, *family.streams), {})
