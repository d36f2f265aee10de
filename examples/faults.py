"""
A bad day on purpose: what becomes of 100 requests if a fifth of them fails.

Faults are injected inside of what is tried. The seed makes them the same in each run.
"""

from __future__ import annotations

from collections import Counter
from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving

from httpx_resilient import RetryingTransport
from httpx_resilient.testing import (
    Chance,
    FaultInjectingTransport,
    Latency,
    Reset,
    Together,
)

BAD_DAY = Together(
    Latency.lognormal(median=0.001, p99=0.02),
    Chance(0.2, 503, httpx.ReadTimeout, httpx.ConnectError, Reset()),
)


class Fine(BaseHTTPRequestHandler):
    """A server that never fails."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer 200."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the lines below tell it all."""


def main() -> None:
    """Send the same requests twice, through the same faults."""
    with serving(Fine) as url:
        for retrying in (False, True):
            faulty = FaultInjectingTransport(None, BAD_DAY, seed=1)
            outcomes: Counter[str] = Counter()
            transport = RetryingTransport(faulty) if retrying else faulty
            with httpx.Client(transport=transport) as client:
                for _ in range(100):
                    try:
                        outcomes[str(client.get(url).status_code)] += 1
                    except httpx.TransportError as error:
                        outcomes[type(error).__name__] += 1
            print("with retries:" if retrying else "without:", dict(outcomes))
            print("  injected:", faulty.injected)


if __name__ == "__main__":
    main()
