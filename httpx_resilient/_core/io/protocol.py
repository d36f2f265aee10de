"""
The effects that a flow may have, whichever kind of client it serves.

Rules of the flows that run on top of it:

1. A flow awaits only the methods of its `io`.
2. A flow catches only `Exception`: cancellation always passes.
3. The methods of `SyncIO` never suspend, so one step finishes a whole flow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol, TypeVar, cast

from httpx_resilient._core.io.race import Runner, Second
from httpx_resilient._core.waiter import Waiter

T = TypeVar("T")
SentT_contra = TypeVar("SentT_contra", contravariant=True)
ReceivedT_co = TypeVar("ReceivedT_co", covariant=True)


class Effects(Protocol):
    """The effects that need no inner transport: time, waiting, closing, racing."""

    @property
    def asynchronous(self) -> bool:
        """Whether it serves an asynchronous client."""
        ...

    def through(self, transport: Any, request: Any) -> Awaitable[Any]:
        """Send a request through a transport."""
        ...

    async def close(self, transport: Any) -> None:
        """Close such a transport, whatever happens."""
        ...

    def waiter(self) -> Waiter:
        """Make what this request can wait with, for another one to wake it."""
        ...

    def turn(self, waiter: Waiter, timer: float, most: float) -> Awaitable[None]:
        """Wait for a turn that a timer brings, or until woken, but at most so long."""
        ...

    def within(self, seconds: float, answer: Awaitable[T]) -> Awaitable[T]:
        """
        Await for at most so long; `TimeoutError` if it takes longer.

        What blocks a thread is not interrupted: in a synchronous client it must bring
        a timeout of its own.
        """
        ...

    def begin(self, answer: Awaitable[T]) -> tuple[Any, Awaitable[T] | None]:
        """
        Run it until it has to wait, if it can. Return its value, or the rest of it.

        The rest is to be awaited before anything else.
        """
        ...

    def race(self, seconds: float, first: Runner, second: Second) -> Awaitable[None]:
        """
        Run one, and a second one beside it if that takes longer than so many seconds.

        If it may not start then, it is asked for again after a while. The first that
        wins ends the other. In a synchronous client there is but one.
        """
        ...

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall_time(self) -> float:
        """Seconds since the epoch, for headers that name a date."""
        ...

    async def settle(self, answer: Any) -> Any:
        """Await what a strategy or hook gave, if it is awaitable."""
        ...

    async def discard(self, response: Any, *, drain: bool | None = None) -> None:
        """
        Release a response: drained so that its connection lives on, or closed.

        Without `drain` that depends on how long it says it is.
        """
        ...

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Sleep."""
        ...


class IO(Effects, Protocol[SentT_contra, ReceivedT_co]):
    """The effects of a flow in front of an inner transport."""

    def send(self, request: SentT_contra) -> Awaitable[ReceivedT_co]:
        """Send through the inner transport, once."""
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
    Finish a flow whose `io` is synchronous, in one step and without an event loop.

    Raises:
        RuntimeError: The flow waited for something that is not its `io`.
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
