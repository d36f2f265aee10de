"""Sends requests through a `FaultInjectingTransport`, and returns how they end."""

from __future__ import annotations

from typing import Any

import httpx

from httpx_resilient.testing._faults import Fault
from httpx_resilient.testing._plan import FaultPlan
from support.fake_io import FakeIO, run_flow
from support.world import World

GET = httpx.Request("GET", "https://example.org/")


def plan_of(fault: Fault, elapsed: float = 0.0, seed: str = "0") -> FaultPlan:
    """Return the plan of a request that starts `elapsed` seconds after the first one."""
    plan = FaultPlan(elapsed, seed)
    fault.apply_to(plan)
    return plan


def respond(faulty: Any, io: FakeIO, request: Any = GET) -> Any:
    """Run the layer's flow for one request. Return its response."""
    return run_flow(faulty, request, io)


def outcome_of(faulty: Any, io: FakeIO, request: Any = GET) -> Any:
    """Run the layer's flow for one request. Return its status, or its exception."""
    try:
        return respond(faulty, io, request).status_code
    except Exception as error:
        return error


def outcomes_of(faulty: Any, times: int) -> list[Any]:
    """Send several requests. Return their statuses, or classes of exceptions."""
    io = FakeIO(*[200] * times)
    ended = [outcome_of(faulty, io) for _ in range(times)]
    return [each if isinstance(each, int) else type(each) for each in ended]


async def read_body(world: World, client: Any, url: str) -> tuple[bytes, str]:
    """Read a response. Return what arrives, and the name of the exception that ends it."""
    arrived = b""
    try:
        response = await client.send(client.build_request("GET", url), stream=True)
        try:
            async for chunk in world.chunks(response):
                arrived += chunk
        finally:
            await world.close(response)
    except world.library.TransportError as error:
        return arrived, type(error).__name__
    return arrived, ""
