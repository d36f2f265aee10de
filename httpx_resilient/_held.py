"""A response's stream, and the place in a pool that it has until it is closed."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Protocol

from httpx_resilient._family import Family
from httpx_resilient._io import IO, AsyncIO, SyncIO, run_sync
from httpx_resilient._pool import Slot


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

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

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
        return slot is not None and self._owner.ended(slot, well=well)

    def __del__(self) -> None:
        slot, self._slot = self._slot, None
        if slot is not None:
            self._owner.lose(slot)
            msg = "a response was neither read nor closed: its connection is lost"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=2)


@cache
def held_class(family: Family) -> type[Held]:
    """Both clients check that a stream is one of their own."""
    return type("Held", (Held, *family.streams), {})
