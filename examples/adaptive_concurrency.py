"""
A server has a capacity that its client does not know.

    pip install httpx_resilient

Without a limit, the server rejects most requests of the client's tasks. An adaptive
limit finds the capacity of the server.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler
from threading import Semaphore

import httpx
from loopback import serving

from httpx_resilient import AdaptiveConcurrencyLimit, ConcurrencyLimitingTransport

CAPACITY, TASKS, SECONDS = 8, 40, 1.2


class Small(BaseHTTPRequestHandler):
    """Handles `CAPACITY` requests at a time, and rejects the others."""

    protocol_version = "HTTP/1.1"
    room = Semaphore(CAPACITY)

    def do_GET(self) -> None:
        """Answer 200 or 503, after a while."""
        has_room = Small.room.acquire(blocking=False)
        time.sleep(0.08)
        if has_room:
            Small.room.release()
        self.send_response(200 if has_room else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


async def load(url: str, transport: httpx.AsyncBaseTransport) -> Counter[int]:
    """Let every task send one request after the other, and count the status codes."""
    answers: Counter[int] = Counter()
    until = time.monotonic() + SECONDS

    async def task(client: httpx.AsyncClient) -> None:
        while time.monotonic() < until:
            answers[(await client.get(url)).status_code] += 1

    async with httpx.AsyncClient(transport=transport) as client:
        await asyncio.gather(*(task(client) for _ in range(TASKS)))
    return answers


async def main() -> None:
    """Put the same load on the server twice."""
    limit = AdaptiveConcurrencyLimit(20)
    transports: dict[str, httpx.AsyncBaseTransport] = {
        "alone": httpx.AsyncHTTPTransport(),
        "with a limit": ConcurrencyLimitingTransport(None, limit),
    }
    with serving(Small) as url:
        for name, transport in transports.items():
            answers = await load(url, transport)
            share = answers[503] / answers.total()
            print(f"{name}: {answers[200]} done, {share:.0%} rejected")
        print("found:", limit.states()[url].limit, "at a time")


if __name__ == "__main__":
    asyncio.run(main())
