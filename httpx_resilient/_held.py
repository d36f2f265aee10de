"""A response's stream, and what is held for it until it is closed: a place, say."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Protocol

from httpx_resilient._family import Family
from httpx_resilient._io import IO, AsyncIO, SyncIO, run_sync


class Owner(Protocol):
    """Who is told that a response has ended."""

    def ended(self, held: Any, error: BaseException | None) -> bool:
        """Hear what its reader or its end met. Says if there is something to close."""
        ...

    def lose(self, held: Any) -> None:
        """Hear that it was never closed. In any thread, at any moment."""
        ...

    async def close_retired(self, io: IO[Any, Any]) -> None:
        """Close what there is to close."""
        ...


class Held:
    """A response's stream that tells when it is closed, or was never."""

    def __init__(self, stream: Any, held: Any, owner: Owner) -> None:
        self._stream = stream
        self._held: Any = held
        self._owner = owner
        self._error: BaseException | None = None

    # What is raised is only looked at, and passed on: cancellation tells of what is
    # held as well.

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except BaseException as error:
            self._error = error
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except BaseException as error:
            self._error = error
            raise

    def close(self) -> None:
        try:
            self._stream.close()
        except BaseException as error:
            self._error = error
            raise
        finally:
            if self._given_back():
                run_sync(self._owner.close_retired(SyncIO(None)))

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        except BaseException as error:
            self._error = error
            raise
        finally:
            if self._given_back():
                await self._owner.close_retired(AsyncIO(None))

    def _given_back(self) -> bool:
        held, self._held = self._held, None
        # Let go of the error: its frames lead here.
        error, self._error = self._error, None
        return held is not None and self._owner.ended(held, error)

    def __del__(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        self._owner.lose(held)
        if not isinstance(self._stream, Held):  # else that one warns
            msg = "a response was neither read nor closed: its connection is lost"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=2)


@cache
def held_class(family: Family) -> type[Held]:
    """Both clients check that a stream is one of their own."""
    return type("Held", (Held, *family.streams), {})
