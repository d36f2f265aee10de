"""
The effects that a flow may have, in asynchronous and in synchronous clients.

Rules of every flow:

1. A flow awaits only the methods of its `io`.
2. A flow catches only `Exception`: cancellation always passes.
3. The methods of `SyncIO` never suspend, so a single step runs a flow to its end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar, cast

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.waiter import Waiter

T = TypeVar("T")
SentT_contra = TypeVar("SentT_contra", contravariant=True)
ReceivedT_co = TypeVar("ReceivedT_co", covariant=True)

Runner = Coroutine[Any, Any, bool]
"""Returns whether it has won. An exception ends the race and reaches the caller."""

Second = Callable[[], Runner | float | None]
"""Returns the second runner, or after which seconds to call again; `None` for later."""


class Send(Protocol):
    """Sends a request with its context through a layer of ours."""

    def __call__(
        self, request: Any, context: RequestContext | None = None
    ) -> Awaitable[Any]: ...


class Effects(Protocol):
    """The effects that need no inner transport: time, waiting, closing, racing."""

    @property
    def asynchronous(self) -> bool:
        """Whether the client is asynchronous."""
        ...

    def through(
        self,
        transport: Any,
        request: Any,
        context: RequestContext,
        *,
        carries: bool = False,
    ) -> Awaitable[Any]:
        """
        Send a request through a transport of another make.

        Args:
            transport: The transport.
            request: The request.
            context: What is known of it.
            carries: Whether the request carries its context even if that says no more
                than that of any other.
        """
        ...

    async def close(self, transport: Any) -> None:
        """Close a transport, even if the task is cancelled."""
        ...

    def waiter(self) -> Waiter:
        """Create a waiter, with which another request can wake this one."""
        ...

    def turn(self, waiter: Waiter, timer: float, most: float) -> Awaitable[None]:
        """Wait for a timer or until woken, for at most `most` seconds."""
        ...

    def within(
        self, seconds: float, answer: Awaitable[T], deadline: Deadline | None = None
    ) -> Awaitable[T]:
        """
        Await for at most this number of seconds.

        A blocking call of a synchronous client is not interrupted: it must have a
        timeout of its own.

        The limit is that of the deadline, if there is one, which may be moved.

        Raises:
            TimeoutError: It took longer.
        """
        ...

    def reschedule(self, timer: Any, seconds: float) -> None:
        """Move the timer of a deadline to so many seconds from now, or to infinity."""
        ...

    def begin(self, answer: Awaitable[T]) -> tuple[Any, Awaitable[T] | None]:
        """
        Run an awaitable until it has to wait, where the event loop allows that.

        Returns:
            Its value and `None`, or `None` and the rest of it, which must be awaited
            before anything else.
        """
        ...

    def race(self, seconds: float, first: Runner, second: Second) -> Awaitable[None]:
        """
        Run `first`, and after this number of seconds `second` beside it.

        If `second` returns no runner, it is called again later. The first one that wins
        cancels the other. A synchronous client runs `first` only.
        """
        ...

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall_time(self) -> float:
        """Seconds since the epoch, for headers that contain a date."""
        ...

    async def settle(self, answer: Any) -> Any:
        """Await the result of a strategy or hook, if it is awaitable."""
        ...

    async def discard(
        self,
        response: Any,
        context: RequestContext | None = None,
        *,
        drain: bool | None = None,
        chunks: list[bytes] | None = None,
    ) -> bool:
        """
        Release a response: drain it, so that its connection can be used, or close it.

        Args:
            response: The response. The caller never gets it.
            context: The context that it was sent with. A synchronous client cannot
                interrupt a read, but shorten its timeout, which the context has.
            drain: Whether to drain it; by default, its `Content-Length` decides.
            chunks: Collects the chunks of the body, up to the limit of draining.

        Returns:
            Whether the body was drained to its end, and `chunks` has all of it.
        """
        ...

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Sleep for this number of seconds."""
        ...


class IO(Effects, Protocol[SentT_contra, ReceivedT_co]):
    """The effects of a flow in front of an inner transport."""

    @property
    def inner(self) -> Any:
        """The inner transport, for a request that needs no context."""
        ...

    def send(
        self, request: SentT_contra, context: RequestContext | None = None
    ) -> Awaitable[ReceivedT_co]:
        """
        Send through the inner transport, once.

        Args:
            request: The request.
            context: What is known of it. `None` if there is nothing that the inner
                transport could want to know: the happy path of a layer that is alone.
        """
        ...


class releasing:  # noqa: N801 - used as a statement, as contextlib's managers are
    """
    Release a response if the block that is entered with it does not end normally.

    A listener, a hook or a cancellation may end a flow after the response has arrived.
    The caller never gets that response, so nobody else closes it.
    """

    __slots__ = ("_effects", "_response")

    def __init__(self, response: Any, effects: Effects) -> None:
        self._response = response
        self._effects = effects

    async def __aenter__(self) -> None:
        """Nothing is acquired."""

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._response is not None:
            await self._effects.discard(self._response, drain=False)


def run_sync(flow: Coroutine[Any, Any, T]) -> T:
    """
    Run a flow with a synchronous `io` to its end, in one step, without an event loop.

    Raises:
        RuntimeError: The flow awaited something other than its `io`.
    """
    try:
        flow.send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    flow.close()
    msg = (
        "something asynchronous was awaited in a synchronous client: strategies, "
        "hooks and inner transports must all be synchronous here"
    )
    raise RuntimeError(msg)
