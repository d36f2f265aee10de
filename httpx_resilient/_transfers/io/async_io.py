"""The effects of a transfer in front of an asynchronous client: asyncio and trio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from httpx_resilient._core.clock import Clock
from httpx_resilient._transfers.io.protocol import Consume, Enough, Produce
from httpx_resilient._transfers.io.sync_io import options_of

T = TypeVar("T")


class AsyncClientIO(Clock):
    """
    Effects in front of an asynchronous client.

    Args:
        client: The client.
    """

    __slots__ = ("client",)

    asynchronous = True

    def __init__(self, client: Any) -> None:
        self.client = client

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def send(
        self, request: Any, *, follow_redirects: bool | None = None, auth: Any = None
    ) -> Any:
        options = options_of(follow_redirects, auth)
        return await self.client.send(request, stream=True, **options)

    async def read(self, response: Any, consume: Consume) -> None:
        failures: list[Exception] = []
        with anyio.CancelScope() as scope:
            try:
                await _read(response, consume, failures, scope)
            except Exception as error:  # noqa: BLE001 - raised below, unless it is later
                failures.append(error)
        if failures and not isinstance(failures[0], Enough):
            raise failures[0]

    async def load(self, response: Any) -> None:
        await response.aread()

    async def close(self, response: Any) -> None:
        with suppress(Exception), anyio.CancelScope(shield=True):
            await response.aclose()

    async def run(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work)

    async def content(self, produce: Produce) -> AsyncIterator[bytes]:
        while chunk := await anyio.to_thread.run_sync(produce):
            yield chunk

    async def together(
        self, flows: Sequence[Coroutine[Any, Any, None]], stop: Callable[[], object]
    ) -> None:
        failures: list[Exception] = []

        async def run(
            flow: Coroutine[Any, Any, None], scope: anyio.CancelScope
        ) -> None:
            try:
                await flow
            except Exception as error:  # noqa: BLE001 - raised below, without a group
                failures.append(error)
                stop()
                scope.cancel()

        try:
            async with anyio.create_task_group() as tasks:
                for flow in flows:
                    tasks.start_soon(run, flow, tasks.cancel_scope)
        finally:
            for flow in flows:
                flow.close()  # one that was cancelled before its first step
        if failures:
            raise failures[0]


async def _read(
    response: Any,
    consume: Consume,
    failures: list[Exception],
    scope: anyio.CancelScope,
) -> None:
    """
    Read a body until a consumer fails, or has enough.

    The libraries nest generators. To leave the outermost one would leave those inside
    to the garbage collector, which trio reports. A cancellation ends them from within.
    """
    # A mock may have read its response: then it has all bytes in memory.
    is_mock = response.is_stream_consumed
    raw = aiter(response.stream) if is_mock else response.aiter_raw()
    async with aclosing(raw) as chunks:
        async for chunk in chunks:
            if failures:
                continue
            try:
                work = consume(chunk)
                if work is not None:
                    await anyio.to_thread.run_sync(work)
            except Exception as error:  # noqa: BLE001 - raised by `read`
                failures.append(error)
                scope.cancel()
