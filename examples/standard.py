"""
A server has many faults at once; a stock client and the standard stack call it.

    pip install httpx_resilient

The server fails every fifth request, delays every fiftieth, and then breaks down.
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
    """Counts its requests, and fails some of them."""

    protocol_version = "HTTP/1.1"
    requests = 0
    broken = False

    def do_GET(self) -> None:
        """Answer, or fail."""
        Faulty.requests += 1
        if Faulty.requests % 50 == 0:
            time.sleep(0.5)  # longer than the timeouts below
        failed = Faulty.broken or Faulty.requests % 5 == 0
        try:
            self.send_response(503 if failed else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            return  # the client has disconnected

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def send_all(client: httpx.Client, url: str) -> Counter[str]:
    """Send all requests. Return the number of each outcome."""
    outcomes: Counter[str] = Counter()
    for _ in range(REQUESTS):
        try:
            outcomes[str(client.get(url).status_code)] += 1
        except httpx.TransportError as error:
            outcomes[type(error).__name__] += 1
    return outcomes


def main() -> None:
    """Send requests while the server is faulty, and after it breaks down."""
    # For speed: do not wait between attempts, and limit each of them to 0.2 s.
    quick = standard_transport(retry={"wait": wait_none()}, attempt=0.2)
    transports = {"stock": httpx.HTTPTransport(), "standard": quick}
    with serving(Faulty) as url:
        for name, transport in transports.items():
            Faulty.requests, Faulty.broken = 0, False
            with httpx.Client(transport=transport, timeout=0.2) as client:
                print(f"{name}, faulty: {dict(send_all(client, url))}")
                Faulty.requests, Faulty.broken = 0, True
                outcomes = dict(send_all(client, url))
                print(f"{name}, broken down: {outcomes}; {Faulty.requests} were sent")


if __name__ == "__main__":
    main()
