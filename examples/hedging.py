"""
A server that takes fifty times as long, once in fifty times.

    pip install httpx_resilient

Nothing is wrong with the request, so sent again it is answered at once. To send each
one twice would double the load; to send again what is late costs 5 % at most.
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
    """Answers in about 3 ms, mostly."""

    protocol_version = "HTTP/1.1"
    rolled = random.Random(1)
    asked = 0

    def do_GET(self) -> None:
        """Answer."""
        Stutters.asked += 1
        time.sleep(0.15 if self.rolled.random() < 0.02 else 0.003)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the lines below tell it all."""


async def ask(name: str, transport: httpx.AsyncBaseTransport, url: str) -> None:
    """Ask again and again, three at a time, and tell how long that took."""
    took: list[float] = []
    Stutters.asked = 0

    async def some() -> None:
        for _ in range(REQUESTS // 3):
            started = time.monotonic()
            await client.get(url)
            took.append(1000 * (time.monotonic() - started))

    async with httpx.AsyncClient(transport=transport) as client:
        await asyncio.gather(*[some() for _ in range(3)])
    took.sort()
    p50, p99 = took[REQUESTS // 2], took[REQUESTS * 99 // 100]
    print(f"{name}: p50 {p50:.0f} ms, p99 {p99:.0f} ms, {Stutters.asked} requests")


def main() -> None:
    """Ask without hedges and with them."""
    with serving(Stutters) as url:
        asyncio.run(ask("alone", PoolingTransport(), url))
        asyncio.run(ask("hedged", HedgingTransport(), url))


if __name__ == "__main__":
    main()
