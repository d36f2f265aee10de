"""A response's stream, and what is held for it until it is closed: a place, say."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Protocol

from httpx_resilient._core.io.async_io import AsyncEffects
from httpx_resilient._core.io.protocol import Effects, run_sync
from httpx_resilient._core.io.sync_io import SyncEffects

After = Callable[[Effects], Coroutine[Any, Any, None]]
"""What an owner has to do after a response has ended."""


class StreamOwner(Protocol):
    """Who is told that a response has ended."""

    def on_closed(self, held: Any, error: BaseException | None) -> After | None:
        """Hear what its reader or its end met. Returns what there is to do, if any."""
        ...

    def on_leaked(self, held: Any) -> None:
        """Hear that it was never closed. In any thread, at any moment."""
        ...


class TrackedStream:
    """A response's stream that tells when it is closed, or was never."""

    _error: BaseException | None = None

    def __init__(self, stream: Any, held: Any, owner: StreamOwner) -> None:
        self._stream = stream
        self._held: Any = held
        self._owner = owner

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    def close(self) -> None:
        try:
            self._stream.close()
        except BaseException as error:
            self._error = error
            raise
        finally:
            if after := self._given_back():
                run_sync(after(SyncEffects()))

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        except BaseException as error:
            self._error = error
            raise
        finally:
            if after := self._given_back():
                await after(AsyncEffects())

    def _given_back(self) -> After | None:
        held, error = self._held, self._error
        self._held = self._error = None  # an error's frames lead here
        return None if held is None else self._owner.on_closed(held, error)

    def __del__(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        self._owner.on_leaked(held)
        if not isinstance(self._stream, TrackedStream):  # else that one warns
            msg = "a response was neither read nor closed: its connection is lost"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=2)


class ObservedStream(TrackedStream):
    """One that also tells what its reader met. It takes a generator for each body."""

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
