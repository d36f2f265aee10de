"""
The effects that a transfer may have, in front of a client of any kind.

A transfer sends several requests through a client: a download and its resumptions, the
parts of an upload. Its flow is a coroutine that awaits only the methods of its `io`, as
the flow of a layer does. Those of a synchronous client never suspend.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Work = Callable[[], object]
"""Blocking work, such as writing to a file."""

Consume = Callable[[bytes], Work | None]
"""
Takes a chunk of a body. It returns at once, or returns blocking work to do first.

Many chunks need no work: they are collected, and written together.
"""

Produce = Callable[[], bytes]
"""Returns the next chunk of a body by blocking work; no bytes at its end."""


class Enough(Exception):  # noqa: N818 - no error: a reader has what it needs
    """A consumer wants no more of a body. `ClientIO.read` returns."""


class ClientIO(Protocol):
    """The effects of a flow in front of a client."""

    @property
    def asynchronous(self) -> bool:
        """Whether the client is asynchronous."""
        ...

    @property
    def client(self) -> Any:
        """The client, to build requests with: `client.build_request(...)`."""
        ...

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall_time(self) -> float:
        """Seconds since the epoch, for headers that contain a date."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for this number of seconds."""
        ...

    async def send(
        self, request: Any, *, follow_redirects: bool | None = None, auth: Any = None
    ) -> Any:
        """
        Send a request and return the response, whose body is not read. Close it.

        Args:
            request: A request that `client.build_request` has made.
            follow_redirects: `None` for the setting of the client.
            auth: `None` for that of the client.
        """
        ...

    async def read(self, response: Any, consume: Consume) -> None:
        """
        Read the raw chunks of a body, as they were on the wire, to their end.

        Args:
            response: The response. It is not closed here if the body breaks.
            consume: Called with each chunk. It may raise `Enough`.

        Raises:
            Exception: The body broke, as the client's library says it.
        """
        ...

    async def load(self, response: Any) -> None:
        """Read the decoded body of a response to its end, for the caller."""
        ...

    async def close(self, response: Any) -> None:
        """Close a response, even if the task is cancelled. Nothing is raised."""
        ...

    async def run(self, work: Callable[[], T]) -> T:
        """
        Run blocking work: in a thread, if an event loop would stand still meanwhile.

        It is not abandoned if the task is cancelled.
        """
        ...

    def content(self, produce: Produce) -> Any:
        """Make the `content=` of a request for this client, from a blocking reader."""
        ...

    async def together(
        self, flows: Sequence[Coroutine[Any, Any, None]], stop: Callable[[], object]
    ) -> None:
        """
        Run flows at the same time: in tasks, or in threads.

        Args:
            flows: Coroutines that await only this `io`.
            stop: Called once one of them has failed, or this one is interrupted: flows
                in threads cannot be cancelled, and must look whether they were stopped.

        Raises:
            Exception: That of the flow that has failed first, after all have ended.
        """
        ...
