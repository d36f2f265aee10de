"""
A server takes fifty times as long for one request in fifty.

    pip install httpx_resilient

The server answers such a request at once if it is sent again. To send every request
twice would double the load; to send late requests twice adds at most 5 %.
"""

from __future__ import annotations

import asyncio
import random
import time
from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving

from httpx_resilient import HedgingTransport, PoolingTransport

REQUESTS = 300


class Stutters(BaseHTTPRequestHandler):
    """Answers most requests in about 3 ms."""

    protocol_version = "HTTP/1.1"
    rng = random.Random(1)
    requests = 0

    def do_GET(self) -> None:
        """Answer."""
        Stutters.requests += 1
        time.sleep(0.15 if self.rng.random() < 0.02 else 0.003)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


async def measure(name: str, transport: httpx.AsyncBaseTransport, url: str) -> None:
    """Send requests, three at a time, and print their latencies."""
    took: list[float] = []
    Stutters.requests = 0

    async def work() -> None:
        for _ in range(REQUESTS // 3):
            started = time.monotonic()
            await client.get(url)
            took.append(1000 * (time.monotonic() - started))

    async with httpx.AsyncClient(transport=transport) as client:
        await asyncio.gather(*[work() for _ in range(3)])
    took.sort()
    p50, p99 = took[REQUESTS // 2], took[REQUESTS * 99 // 100]
    print(f"{name}: p50 {p50:.0f} ms, p99 {p99:.0f} ms, {Stutters.requests} requests")


def main() -> None:
    """Measure without hedges and with them."""
    with serving(Stutters) as url:
        asyncio.run(measure("alone", PoolingTransport(), url))
        asyncio.run(measure("hedged", HedgingTransport(), url))


if __name__ == "__main__":
    main()
