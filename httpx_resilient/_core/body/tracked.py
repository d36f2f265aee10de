"""A response stream that reports its end to the owners of its resources."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Any

from httpx_resilient._core.body.limited import LimitedStream
from httpx_resilient._core.body.owners import After, StreamOwner
from httpx_resilient._core.io.loading import async_effects
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.io.sync_io import SyncEffects


class TrackedStream:
    """
    A response stream that reports when it is closed, or collected unclosed.

    The layers of a request share one: each that has to know the end joins it.
    """

    # `track` makes it: an `__init__` costs 450 instructions more for each response.

    stream: Any
    """The stream of the response."""
    owner: StreamOwner | None = None
    """The owner of a resource."""
    resource: Any
    """The resource."""
    is_observed: bool
    """Whether an owner has to know the exception that a reader meets."""
    others: Sequence[tuple[StreamOwner, Any]]
    """The owners that have joined, and their resources."""
    error: BaseException | None
    """What a reader has met."""
    is_released: bool
    """Whether the end has been reported."""

    def join(self, owner: StreamOwner, resource: Any, *, observed: bool) -> bool:
        """
        Report the end to one more owner.

        Args:
            owner: The owner of a resource.
            resource: The resource.
            observed: Whether it has to know the exception that a reader meets.

        Returns:
            Whether that is possible: not once the end has been reported.
        """
        if self.is_released:
            return False
        self.others = (*self.others, (owner, resource))
        self.is_observed = self.is_observed or observed
        return True

    def __iter__(self) -> Iterator[bytes]:
        return self._observe() if self.is_observed else iter(self.stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._observe_async() if self.is_observed else aiter(self.stream)

    # BaseException is noted and raised again: a cancellation also ends the use of the
    # resource.

    def _observe(self) -> Iterator[bytes]:
        try:
            yield from self.stream
        except BaseException as error:
            self.error = error
            raise

    async def _observe_async(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self.stream:
                yield chunk
        except BaseException as error:
            self.error = error
            raise

    def close(self) -> None:
        try:
            self.stream.close()
        except BaseException as error:
            self.error = error
            raise
        finally:
            for work in self._released():
                run_sync(work(SyncEffects()))

    async def aclose(self) -> None:
        try:
            await self.stream.aclose()
        except BaseException as error:
            self.error = error
            raise
        finally:
            for work in self._released():
                await work(async_effects())

    def _released(self) -> Sequence[After]:
        """Report the end to each owner, innermost first, even if one of them raises."""
        self.is_released = True
        owner = self.owner
        if owner is None:
            return ()
        self.owner = None
        try:
            after = owner.on_closed(self.resource, self.error)
        except BaseException:  # observed only, and raised again
            self._released_to_others()
            raise
        work: tuple[After, ...] = () if after is None else (after,)
        if self.others:
            work += self._released_to_others()
        if self.error is not None:
            self.error = None  # its frames lead back to this object
        return work

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
        if self.owner is None:
            return
        uses = [(self.owner, self.resource), *self.others]
        self.owner = None
        try:
            while uses:
                owner, resource = uses.pop(0)
                owner.on_leaked(resource)
        finally:
            for owner, resource in uses:  # only if one has raised
                with suppress(Exception):
                    owner.on_leaked(resource)
        inner = self.stream
        while isinstance(inner, LimitedStream):
            inner = inner.stream
        if not isinstance(inner, TrackedStream):  # else that one warns
            msg = "a response was neither read nor closed: its connection is lost"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=2)


def track(
    response: Any,
    kind: type[TrackedStream],
    owner: StreamOwner,
    resource: object,
    observed: bool,  # noqa: FBT001 - a keyword would cost 300 instructions
) -> None:
    """
    Report the end of a response to the owner of a resource.

    Args:
        response: The response. Its stream is replaced, if it is none of this kind yet.
        kind: The class of tracked streams of the family.
        owner: The owner.
        resource: The resource.
        observed: Whether the owner has to know the exception that a reader meets. It
            costs one generator for each body.
    """
    stream = response.stream
    if type(stream) is kind and stream.join(owner, resource, observed=observed):
        return
    response.stream = tracked = kind()
    tracked.stream = stream
    tracked.owner = owner
    tracked.resource = resource
    tracked.is_observed = observed
    tracked.others = ()
    tracked.error = None
    tracked.is_released = False
