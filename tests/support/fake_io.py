"""A scripted IO: no event loop, no clock, no network, nothing patched."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from typing import Any

import httpx

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.io.protocol import run_sync

Scripted = int | httpx.Response | Exception


class FakeIO:
    """
    An IO that returns scripted outcomes in turn, and records the effects in order.

    Time stands still except in a sleep, and for `takes` seconds of each attempt.

    Args:
        script: The outcomes: a status, a response, or an exception to raise.
        takes: Seconds of each attempt.
        asynchronous: Whether it stands for an asynchronous client.
    """

    def __init__(
        self, *script: Scripted, takes: float = 0.0, asynchronous: bool = True
    ) -> None:
        self.asynchronous = asynchronous
        self.script = list(script)
        self.takes = takes
        self.time = 0.0
        self.did: list[str] = []
        self.slept: list[float] = []
        self.sent: list[Any] = []

    async def send(self, request: Any, context: RequestContext | None = None) -> Any:
        self.did.append("send")
        self.sent.append(request)
        self.time += self.takes
        if isinstance(self.script[0], Exception):
            raise self.script.pop(0)
        outcome = self.script.pop(0)
        return httpx.Response(outcome) if isinstance(outcome, int) else outcome

    async def within(
        self, seconds: float, answer: Any, deadline: Deadline | None = None
    ) -> Any:
        return await answer

    def now(self) -> float:
        return self.time

    def wall_time(self) -> float:
        return 1_700_000_000.0 + self.time

    async def settle(self, answer: Any) -> Any:
        return await answer if inspect.isawaitable(answer) else answer

    async def discard(
        self,
        response: Any,
        context: RequestContext | None = None,
        *,
        drain: bool | None = None,
        chunks: list[bytes] | None = None,
    ) -> bool:
        self.did.append("close" if drain is False else "discard")
        return False

    async def sleep(self, seconds: float) -> None:
        self.did.append("sleep")
        self.slept.append(seconds)
        self.time += seconds


def flow_of(transport: Any, request: Any, io: FakeIO) -> Coroutine[Any, Any, Any]:
    """Return the flow of a layer with a scripted IO, not started."""
    context = transport._enter(request, io)
    flow: Coroutine[Any, Any, Any] = transport._handle(request, io, context)
    return flow


def run_flow(transport: Any, request: Any, io: FakeIO) -> Any:
    """Run the flow of a layer with a scripted IO. Return or raise its outcome."""
    return run_sync(flow_of(transport, request, io))


def outcomes_of(transport: Any, io: FakeIO, request: Any, times: int) -> list[Any]:
    """Run the flow of a layer several times. Return the responses and exceptions."""
    outcomes: list[Any] = []
    for _ in range(times):
        try:
            outcomes.append(run_flow(transport, request, io))
        except Exception as error:
            outcomes.append(error)
    return outcomes
