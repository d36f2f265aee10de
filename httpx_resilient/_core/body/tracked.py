"""A response stream that reports its end to the owners of its resources."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Self

from httpx_resilient._core.body.owners import After, StreamOwner
from httpx_resilient._core.family import Family
from httpx_resilient._core.family_errors import as_family_error
from httpx_resilient._core.io.loading import async_effects
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.io.sync_io import SyncEffects


class TrackedStream:
    """
    A response stream that reports its end: it is closed, breaks, or is collected.

    The layers of a request share one: each that has to know the end joins it.

    Args:
        owner: The owner of a resource.
        resource: The resource.
    """

    _family: Family

    # CPython 3.11 reads a slot at a tenth of the cost of a default that the class has.
    __slots__ = (
        "error", "is_read", "is_released", "iterator", "others", "owner", "resource",
        "stream",
    )  # fmt: skip

    def __init__(self, owner: StreamOwner | None, resource: Any = None) -> None:
        self.resource = resource
        """The resource, as long as the owner has not released it."""
        self.others: Sequence[tuple[StreamOwner, Any]] = ()
        """The owners that have joined, and their resources."""
        self.stream: Any = None
        """The stream of the response, once there is one."""
        self.iterator: Any = None
        """What reads the stream: a reader may leave it, and another one follow."""
        self.error: BaseException | None = None
        """What a reader has met."""
        self.is_read = False
        """Whether the stream has ended."""
        self.is_released = False
        """Whether the end has been reported."""
        self.owner = owner
        """The owner of the resource, until the end was reported. It is set last."""

    def join(self, owner: StreamOwner, resource: Any) -> bool:
        """
        Report the end to one more owner.

        Returns:
            Whether that is possible: not once the end has been reported.
        """
        if self.is_released:
            return False
        self.others = (*self.others, (owner, resource))
        return True

    # A reader that meets an exception may never close the response. So the end is
    # reported at once, also that by a cancellation: the transport is done by then.

    def __iter__(self) -> Iterator[bytes]:
        try:
            self.iterator = iterator = iter(self.stream)
            # Not `yield from`: that would close the iterator of a reader who leaves.
            for chunk in iterator:  # noqa: UP028 - explained above
                yield chunk
        except GeneratorExit:  # a reader has left
            raise
        except BaseException as error:
            self.error = named = self._named(error)
            self._end()
            if named is not error:
                raise named from error
            raise
        self.is_read = True

    def __aiter__(self) -> Self:
        # Not an asynchronous generator: trio warns of each that a reader has left.
        self.iterator = aiter(self.stream)
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk: bytes = await self.iterator.__anext__()
        except StopAsyncIteration:
            self.is_read = True
            raise
        except BaseException as error:
            self.error = named = self._named(error)
            await self._end_async()
            if named is not error:
                raise named from error
            raise
        return chunk

    def _named(self, error: BaseException) -> BaseException:
        """Return the exception of the family in place of one that leaks through it."""
        if isinstance(error, Exception):
            return as_family_error(error, self._family, fresh=False)
        return error

    def close(self) -> None:
        try:
            self.stream.close()
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._end()

    async def aclose(self) -> None:
        try:
            await self.stream.aclose()
        except BaseException as error:
            self.error = error
            raise
        finally:
            await self._end_async()

    def _end(self) -> None:
        for work in self._released():
            run_sync(work(SyncEffects()))

    async def _end_async(self) -> None:
        for work in self._released():
            await work(async_effects())

    def _released(self) -> Sequence[After]:
        """Report the end to each owner, innermost first, even if one of them raises."""
        self.is_released = True
        if self.owner is None:
            return ()
        try:
            after = self._report()
        except BaseException:  # observed only, and raised again
            self._released_to_others()
            raise
        work: tuple[After, ...] = () if after is None else (after,)
        if self.others:
            work += self._released_to_others()
        if self.error is not None:
            self.error = None  # its frames lead back to this object
        return work

    def _report(self) -> After | None:
        """Report the end to the owner."""
        owner, self.owner = self.owner, None
        return None if owner is None else owner.on_closed(self.resource, self.error)

    def _released_to_others(self) -> tuple[After, ...]:
        """Report the end to the owners that have joined."""
        work: tuple[After, ...] = ()
        while self.others:
            (owner, resource), *others = self.others
            self.others = others
            try:
                after = owner.on_closed(resource, self.error)
            except BaseException:  # observed only, and raised again
                self._released_to_others()
                raise
            if after is not None:
                work += (after,)
        return work

    def __del__(self) -> None:
        try:
            if self.owner is None and not self.others:
                return
        except AttributeError:  # it was interrupted when it was made
            return
        uses = [(self.owner, self.resource), *self.others]
        self.owner, self.others = None, ()
        try:
            while uses:
                owner, resource = uses.pop(0)
                if owner is not None:
                    owner.on_leaked(resource)
        finally:
            for owner, resource in uses:  # only if one has raised
                with suppress(Exception):
                    owner.on_leaked(resource)  # type: ignore[union-attr]  # only the first can be None
        self._warn()

    def _warn(self) -> None:
        """Warn of a response that nobody has closed, unless a stream inside does."""
        inner = self.stream
        while inner is not None and not isinstance(inner, TrackedStream):
            inner = getattr(inner, "stream", None)  # a layer has put its own around it
        if not self.is_released and not isinstance(inner, TrackedStream):
            msg = "a response was neither read nor closed: its connection is lost"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=3)


def track(
    response: Any, kind: type[TrackedStream], owner: StreamOwner, resource: object
) -> None:
    """
    Report the end of a response to the owner of a resource.

    Args:
        response: The response. Its stream is replaced, if it is none of ours yet.
        kind: The class of tracked streams of the family.
        owner: The owner.
        resource: The resource.
    """
    stream = response.stream
    if isinstance(stream, TrackedStream) and stream.join(owner, resource):
        return
    tracked = kind(owner, resource)
    tracked.stream, response.stream = response.stream, tracked
