"""
A server handles five requests at a time, and a client sends fifty at once.

    pip install httpx_resilient

Without a limit, the server rejects most of them. With a limit, the requests queue in
order of arrival, and the server answers all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler
from threading import Semaphore

import httpx
from loopback import serving

from httpx_resilient import ConcurrencyLimit, ConcurrencyLimitingTransport

CAPACITY, REQUESTS = 5, 50


class Small(BaseHTTPRequestHandler):
    """Handles `CAPACITY` requests at a time, and rejects the others."""

    protocol_version = "HTTP/1.1"
    room = Semaphore(CAPACITY)

    def do_GET(self) -> None:
        """Answer 200 after a while, or 503 at once."""
        has_room = Small.room.acquire(blocking=False)
        if has_room:
            time.sleep(0.03)
            Small.room.release()
        self.send_response(200 if has_room else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


async def send(url: str, transport: httpx.AsyncBaseTransport) -> Counter[int]:
    """Send all requests at once, and count the status codes."""
    async with httpx.AsyncClient(transport=transport) as client:
        calls = (client.get(url) for _ in range(REQUESTS))
        return Counter(each.status_code for each in await asyncio.gather(*calls))


async def main() -> None:
    """Send the same load twice."""
    limit = ConcurrencyLimit(CAPACITY)
    transports: dict[str, httpx.AsyncBaseTransport] = {
        "alone": httpx.AsyncHTTPTransport(),
        "with a limit": ConcurrencyLimitingTransport(None, limit),
    }
    with serving(Small) as url:
        for name, transport in transports.items():
            started = time.monotonic()
            answers = await send(url, transport)
            took = time.monotonic() - started
            print(f"{name}: {dict(answers)} in {took:.2f} s")
        print(limit.states()[url])


if __name__ == "__main__":
    asyncio.run(main())
