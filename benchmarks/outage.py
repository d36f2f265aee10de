"""Two minutes in which servers fail, as the dashboard of the examples shows them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx
from prometheus_client import CollectorRegistry

from httpx_resilient import (
    AdaptiveThrottle,
    CircuitBreaker,
    ConcurrencyLimit,
    Failover,
    HedgePolicy,
    PoolingTransport,
    RateLimit,
    RetryBudget,
    standard_transport,
)
from httpx_resilient.prometheus import Metrics
from httpx_resilient.testing import Chance, FaultInjectingTransport, Latency

WORKERS = 8
PAUSE = 0.25
"""Seconds that a user thinks between two calls, on average."""


@dataclass(frozen=True)
class Phase:
    """
    Some seconds in which a server behaves in one way.

    Args:
        seconds: How long it takes.
        failing: The share of requests that the first server answers with 503.
        stalling: The share that it does not answer in time.
        limiting: The share that it answers with 429.
    """

    seconds: float
    failing: float = 0.005
    stalling: float = 0.0
    limiting: float = 0.0


PHASES = [
    Phase(30),
    Phase(20, failing=0.15),
    Phase(15),
    Phase(20, failing=0.9, stalling=0.1),
    Phase(25),
    Phase(10, limiting=0.3),
    Phase(10),
]


class Server:
    """A server that behaves as the phase says."""

    def __init__(self) -> None:
        self.phase = PHASES[0]

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the requests of one connection."""
        # Python 3.11 logs a connection whose task is cancelled at the end.
        ends = asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError
        with suppress(*ends):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                phase, chance = self.phase, random.random()
                await asyncio.sleep(random.lognormvariate(-4, 0.7))
                status, more = "200 OK", ""
                if chance < phase.failing:
                    status = "503 Service Unavailable"
                elif chance < phase.failing + phase.stalling:
                    await asyncio.sleep(3)
                elif chance < phase.failing + phase.stalling + phase.limiting:
                    status, more = "429 Too Many Requests", "Retry-After: 1\r\n"
                head = f"HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n\r\n"
                writer.write(head.encode())
                await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[str]:
    """Run a server. The value is its origin."""
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        listener.close()


def clients(metrics: Metrics, origins: Sequence[str]) -> list[httpx.AsyncClient]:
    """Make a client with failover and hedging, and one that throttles itself."""
    budget = RetryBudget()
    pools = [
        PoolingTransport(limits=httpx.Limits(max_connections=size), on_event=metrics)
        for size in (20, 4)
    ]
    late = FaultInjectingTransport(
        pools[0], Chance(0.02, Latency(0.3)), on_event=metrics
    )
    limits = ConcurrencyLimit(3), RateLimit(60, burst=5), RateLimit(30, max_wait=0.2)
    metrics.watch(budget, *pools, *limits)
    breakers = [
        CircuitBreaker(minimum_calls=10, open_for=3, max_open_for=5) for _ in pools
    ]
    first = standard_transport(
        late,
        deadline=2,
        budget=budget,
        failover=Failover(origins),
        hedging=HedgePolicy(0.15),
        breaker=breakers[0],
        concurrency=limits[0],
        rate_limit=limits[1],
        attempt=1,
        on_event=metrics,
    )
    second = standard_transport(
        pools[1],
        deadline=1,
        budget=budget,
        throttle=AdaptiveThrottle(k=4),
        breaker=breakers[1],
        rate_limit=limits[2],
        on_event=metrics,
    )
    return [httpx.AsyncClient(transport=each) for each in (first, second)]


async def _use(client: httpx.AsyncClient, url: str) -> None:
    while True:
        with suppress(httpx.TransportError):
            await client.get(url)
        await asyncio.sleep(random.expovariate(1 / PAUSE))


async def _play(server: Server) -> None:
    for phase in PHASES:
        server.phase = phase
        await asyncio.sleep(phase.seconds)


def run(registry: CollectorRegistry) -> None:
    """Run the clients through all phases, with their metrics in a registry."""

    async def main() -> None:
        server, other = Server(), Server()
        metrics = Metrics(registry)
        async with serving(server) as url, serving(other) as spare:
            first, second = clients(metrics, [url, spare])
            async with first, second:
                users = [
                    asyncio.create_task(_use(client, url), name="user")
                    for client in (first, second)
                    for _ in range(WORKERS)
                ]
                await _play(server)
                for each in users:
                    each.cancel()
                await asyncio.gather(*users, return_exceptions=True)

    asyncio.run(main())
