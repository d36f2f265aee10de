"""Entering, exiting and closing a layer, together with its inner transport."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar, Self

from httpx_resilient._core.described import (
    Described,
    arguments_of,
    given_to,
    shown,
)
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.public import Uncopyable
from httpx_resilient._transport.inner import Side

if TYPE_CHECKING:
    from types import TracebackType


class Lifecycle(Uncopyable, Described):
    """The part of a layer that passes on what a client does with its transport."""

    _holds: ClassVar[str] = "connections"
    _instead: ClassVar[str] = "make"

    _emit: EventEmitter
    _async_side: Side
    _sync_side: Side

    def __str__(self) -> str:
        """List the layers from the outside in, one a line."""
        return "\n".join(_layers(self))

    async def __aenter__(self) -> Self:
        inner = self._async_side.transport()
        with self._async_side.entering() as first:
            if first:
                await inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        inner = self._async_side.made
        try:
            if self._async_side.left() and inner is not None:
                await inner.__aexit__(exc_type, exc_value, traceback)
        finally:
            await self._emit.settle()

    async def aclose(self) -> None:
        """Close the inner transport of asynchronous clients, if there is one by now."""
        try:
            if self._async_side.made is not None:
                await self._async_side.made.aclose()
        finally:
            await self._emit.settle()

    def __enter__(self) -> Self:
        inner = self._sync_side.transport()
        with self._sync_side.entering() as first:
            if first:
                inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        inner = self._sync_side.made
        if self._sync_side.left() and inner is not None:
            inner.__exit__(exc_type, exc_value, traceback)

    def close(self) -> None:
        """Close the inner transport of synchronous clients, if there is one by now."""
        if self._sync_side.made is not None:
            self._sync_side.made.close()


def _layers(outermost: Any) -> Iterator[str]:
    """Yield the text of each layer, without the one inside of it."""
    this = outermost
    while isinstance(this, Lifecycle):
        yield f"{type(this).__name__}({', '.join(arguments_of(this, but='inner'))})"
        if "inner" not in signature(type(this)).parameters:
            return
        this = given_to(this).get("inner")
    yield "PoolingTransport()" if this is None else shown("inner", this)
