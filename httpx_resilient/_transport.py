"""
The base layer: a transport around an inner transport, for both sides.

One class serves synchronous and asynchronous clients, as `httpx.MockTransport` does. A
layer adds one flow, `_handle`; everything that is the same for all layers is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from httpx_resilient._family import Family, RequestT, ResponseT
from httpx_resilient._inner import sides_of
from httpx_resilient._io import IO, AsyncIO, SyncIO, run_sync

if TYPE_CHECKING:
    from types import CoroutineType, TracebackType

InnerT = TypeVar("InnerT")


class ResilientTransport(ABC, Generic[RequestT, ResponseT, InnerT]):
    """
    A layer around `inner`, or around the family's own HTTP transport if there is none.

    Args:
        inner: The transport to wrap. It is entered, exited and closed with this one.
        http: Options for the default inner transport. It is built on first use, for
            the side that is used, and goes through the proxies that the environment
            names now, unless `proxy`, `uds` or `trust_env=False` says otherwise.

    Raises:
        TypeError: `inner` is no transport, or one of the other family; an option is
            unknown, or given together with an `inner`.
        ValueError: A proxy, given or from the environment, cannot be used.
        ImportError: `http2=True` without its extra.
    """

    _family: ClassVar[Family]

    def __init__(self, inner: InnerT | None, http: dict[str, Any]) -> None:
        self._async_side, self._sync_side = sides_of(inner, self._family, http)
        self._io: AsyncIO[RequestT, ResponseT] | None = None

    @abstractmethod
    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        """Run this layer's flow."""

    # The flow's coroutine is handed out as it is: one frame less to await.
    def handle_async_request(
        self, request: RequestT
    ) -> CoroutineType[Any, Any, ResponseT]:
        """Handle a request of an asynchronous client."""
        return self._handle(request, self._io or self._open())  # type: ignore[return-value]  # to mypy a coroutine is a Coroutine, to pyright a CoroutineType

    def _open(self) -> AsyncIO[RequestT, ResponseT]:
        self._io = AsyncIO(self._async_side.transport())
        return self._io

    def handle_request(self, request: RequestT) -> ResponseT:
        """Handle a request of a synchronous client."""
        return run_sync(self._handle(request, SyncIO(self._sync_side.transport())))

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
        if self._async_side.left() and inner is not None:
            await inner.__aexit__(exc_type, exc_value, traceback)

    async def aclose(self) -> None:
        """Close the inner transport of asynchronous clients, if there is one by now."""
        if self._async_side.made is not None:
            await self._async_side.made.aclose()

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

    def __repr__(self) -> str:
        # An inner transport may tell more than a log should hold, so it is not asked.
        return f"<{type(self).__name__}>"
