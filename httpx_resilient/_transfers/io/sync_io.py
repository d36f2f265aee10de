"""The effects of a transfer in front of a synchronous client, which never suspend."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._transfers.io.protocol import Consume, Enough, Produce

T = TypeVar("T")


class SyncClientIO(Clock):
    """
    Effects in front of a synchronous client.

    Args:
        client: The client.
    """

    __slots__ = ("client",)

    asynchronous = False

    def __init__(self, client: Any) -> None:
        self.client = client

    async def sleep(self, seconds: float) -> None:
        self.block(seconds)

    async def send(
        self, request: Any, *, follow_redirects: bool | None = None, auth: Any = None
    ) -> Any:
        options = options_of(follow_redirects, auth)
        return self.client.send(request, stream=True, **options)

    async def read(self, response: Any, consume: Consume) -> None:
        with suppress(Enough):
            # A mock may have read its response: then it has all bytes in memory.
            is_mock = response.is_stream_consumed
            for chunk in response.stream if is_mock else response.iter_raw():
                work = consume(chunk)
                if work is not None:
                    work()

    async def load(self, response: Any) -> None:
        response.read()

    async def close(self, response: Any) -> None:
        with suppress(Exception):
            response.close()

    async def run(self, work: Callable[[], T]) -> T:
        return work()

    def content(self, produce: Produce) -> Iterator[bytes]:
        while chunk := produce():
            yield chunk

    async def together(
        self, flows: Sequence[Coroutine[Any, Any, None]], stop: Callable[[], object]
    ) -> None:
        failures: list[BaseException] = []

        def run(flow: Coroutine[Any, Any, None]) -> None:
            try:
                run_sync(flow)
            except BaseException as error:  # noqa: BLE001 - raised by the caller's thread
                failures.append(error)
                stop()

        threads = [threading.Thread(target=run, args=(flow,)) for flow in flows]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            # An interruption, such as Ctrl-C, strikes the thread that waits here.
            if any(thread.is_alive() for thread in threads):
                stop()
            for flow, thread in zip(flows, threads, strict=True):
                if thread.ident is None:
                    flow.close()
                else:
                    thread.join()
        if failures:
            raise failures[0]


def options_of(follow_redirects: bool | None, auth: Any) -> dict[str, Any]:  # noqa: FBT001 - as it was given
    """Return the options of `client.send` that differ from those of the client."""
    given = {"follow_redirects": follow_redirects, "auth": auth}
    return {name: value for name, value in given.items() if value is not None}
