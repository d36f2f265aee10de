"""An IO on which a request and its hedge race, in an order that a test chooses."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator
from types import coroutine
from typing import Any

import httpx

from httpx_resilient import HedgePolicy, HedgingTransport
from httpx_resilient._core.io.protocol import Runner, Second
from support.fake_io import FakeIO, Scripted, flow_of

URL = "https://example.org/path?key=secret"
GET = httpx.Request("GET", URL)


@coroutine
def turn() -> Generator[None, None, None]:
    yield


def finish(steps: Coroutine[Any, Any, Any]) -> Any:
    while True:
        try:
            steps.send(None)
        except StopIteration as finished:
            return finished.value


class Race(FakeIO):
    """
    An IO on which the first request is slow.

    Args:
        script: The outcomes, in the order in which they come.
        ends: The request that ends first: `first`, `second`, or `both` at the same
            time; `alone` if the first request ends before a hedge is sent.
    """

    def __init__(self, *script: Scripted, ends: str = "second") -> None:
        super().__init__(*script)
        self.ends = ends
        self.waited: list[float] = []

    async def send(self, request: Any, context: Any = None) -> Any:
        await turn()
        return await super().send(request, context)

    def begin(self, answer: Awaitable[Any]) -> tuple[Any, Awaitable[Any] | None]:
        return None, answer

    async def race(self, seconds: float, first: Runner, second: Second) -> None:
        self.waited.append(seconds)
        first.send(None)
        hedge = None if self.ends == "alone" else second()
        if hedge is None or isinstance(hedge, float):
            await proceed(first)
            return
        hedge.send(None)
        one, other = (first, hedge) if self.ends == "first" else (hedge, first)
        if await proceed(one) and self.ends != "both":
            other.close()
            self.did.append("cancel")
        else:
            await proceed(other)

    async def discard(self, response: Any, *args: Any, **options: Any) -> bool:
        response.is_discarded = True
        return await super().discard(response, *args, **options)


async def proceed(runner: Runner) -> bool:
    return finish(runner)


def hedging(**options: Any) -> Any:
    return HedgingTransport(None, HedgePolicy(0.1), **options)


def handled(io: Race, transport: Any = None, request: Any = GET) -> Any:
    return finish(flow_of(transport or hedging(), request, io))
