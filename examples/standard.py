"""
A server with every fault at once, asked by a stock client and by the standard stack.

    pip install httpx_resilient

It fails every fifth request, never answers every fiftieth one, and then breaks down.
"""

from __future__ import annotations

import time
from collections import Counter
from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving
from tenacity import wait_none

from httpx_resilient import standard_transport

REQUESTS = 200


class Faulty(BaseHTTPRequestHandler):
    """Counts what it is asked, and fails by the number."""

    protocol_version = "HTTP/1.1"
    asked = 0
    broken = False

    def do_GET(self) -> None:
        """Answer, or not."""
        Faulty.asked += 1
        if Faulty.asked % 50 == 0:
            time.sleep(0.5)  # some requests take very long
        failed = Faulty.broken or Faulty.asked % 5 == 0
        try:
            self.send_response(503 if failed else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            return  # nobody waits any more

    def log_message(self, *_: object) -> None:
        """Say nothing: the lines below tell it all."""


def ask(client: httpx.Client, url: str) -> Counter[str]:
    """Send all requests. Returns how they ended."""
    outcomes: Counter[str] = Counter()
    for _ in range(REQUESTS):
        try:
            outcomes[str(client.get(url).status_code)] += 1
        except httpx.TransportError as error:
            outcomes[type(error).__name__] += 1
    return outcomes


def main() -> None:
    """Ask while it is faulty, and when it has broken down."""
    # Waits of no time are for an example. So is the limit of an attempt.
    quick = standard_transport(retry={"wait": wait_none()}, attempt=0.2)
    transports = {"stock": httpx.HTTPTransport(), "standard": quick}
    with serving(Faulty) as url:
        for name, transport in transports.items():
            Faulty.asked, Faulty.broken = 0, False
            with httpx.Client(transport=transport, timeout=0.2) as client:
                print(f"{name}, faulty: {dict(ask(client, url))}")
                Faulty.asked, Faulty.broken = 0, True
                outcomes = dict(ask(client, url))
                print(f"{name}, broken down: {outcomes}; {Faulty.asked} were sent")


if __name__ == "__main__":
    main()
