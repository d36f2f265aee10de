"""A response stream that reports its end to the owner of a resource."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Protocol

from httpx_resilient._core.io.loading import async_effects
from httpx_resilient._core.io.protocol import Effects, run_sync
from httpx_resilient._core.io.sync_io import SyncEffects

After = Callable[[Effects], Coroutine[Any, Any, None]]
"""Work that an owner still has to do after a response has ended."""


class StreamOwner(Protocol):
    """The owner of the resource that a response occupies, such as a permit."""

    def on_closed(self, resource: Any, error: BaseException | None) -> After | None:
        """
        Release the resource of a response that was closed.

        Args:
            resource: The resource, as it was given to the stream.
            error: The exception that its reader or its closing met, if any.

        Returns:
            Work to await afterwards, or `None`.
        """
        ...

    def on_leaked(self, resource: Any) -> None:
        """Release the resource of an unclosed response. Any thread may call it."""
        ...


class TrackedStream:
    """A response stream that reports when it is closed, or collected unclosed."""

    _error: BaseException | None = None

    def __init__(self, stream: Any, resource: Any, owner: StreamOwner) -> None:
        self._stream = stream
        self._resource: Any = resource
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
            if after := self._released():
                run_sync(after(SyncEffects()))

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        except BaseException as error:
            self._error = error
            raise
        finally:
            if after := self._released():
                await after(async_effects())

    def _released(self) -> After | None:
        resource, error = self._resource, self._error
        # The frames of an error lead back to this object.
        self._resource = self._error = None
        return None if resource is None else self._owner.on_closed(resource, error)

    def __del__(self) -> None:
        resource, self._resource = self._resource, None
        if resource is None:
            return
        self._owner.on_leaked(resource)
        if not isinstance(self._stream, TrackedStream):  # else the inner one warns
            msg = "a response was neither read nor closed: its connection is lost"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=2)


class ObservedStream(TrackedStream):
    """
    A tracked stream that also reports the exception that its reader met.

    It costs one generator for each body.
    """

    # BaseException is noted and raised again: a cancellation also ends the use of the
    # resource.

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
