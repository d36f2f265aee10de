"""
A server allows ten requests every quarter of a second, and reports the remaining quota.

    pip install httpx_resilient

Eight workers follow the reported quota and are never refused. No limit is configured.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving

from httpx_resilient import RateLimitingTransport

ALLOWED, WINDOW = 10, 0.25


class Limited(BaseHTTPRequestHandler):
    """Refuses requests beyond its quota, and reports the quota in headers."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    left, ends = ALLOWED, 0.0

    def do_GET(self) -> None:
        """Count the request."""
        with self.lock:
            now = time.monotonic()
            if now >= Limited.ends:
                Limited.left, Limited.ends = ALLOWED, now + WINDOW
            Limited.left -= 1
            left, resets = Limited.left, Limited.ends - now
        self.send_response(429 if left < 0 else 200)
        self.send_header("X-RateLimit-Remaining", str(max(left, 0)))
        self.send_header("X-RateLimit-Reset-After", f"{resets:.3f}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


async def work(client: httpx.AsyncClient, url: str, statuses: Counter[int]) -> None:
    """Send five requests."""
    for _ in range(5):
        response = await client.get(url)
        statuses[response.status_code] += 1


async def main() -> None:
    """Run the workers without and with the layer."""
    transports: dict[str, httpx.AsyncBaseTransport] = {
        "without": httpx.AsyncHTTPTransport(),
        "with RateLimitingTransport": RateLimitingTransport(),
    }
    with serving(Limited) as url:
        for name, transport in transports.items():
            statuses = Counter[int]()
            started = time.monotonic()
            async with httpx.AsyncClient(transport=transport) as client:
                await client.get(url)
                await asyncio.gather(*[work(client, url, statuses) for _ in range(8)])
            seconds = time.monotonic() - started
            print(f"{name}: {statuses[429]} of 40 refused, in {seconds:.1f} s")
            await asyncio.sleep(WINDOW)


if __name__ == "__main__":
    asyncio.run(main())
