"""
Fault injection: 100 requests, a fifth of which fails, without and with retries.

The faults are injected below the retries. The seed makes them the same in each run.
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

CHAOS = Together(
    Latency.lognormal(median=0.001, p99=0.02),
    Chance(0.2, 503, httpx.ReadTimeout, httpx.ConnectError, Reset()),
)


class HealthyHandler(BaseHTTPRequestHandler):
    """A server that never fails."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer 200."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing: the summary below is enough."""


def main() -> None:
    """Send the same requests twice, through the same faults."""
    with serving(HealthyHandler) as url:
        for retrying in (False, True):
            faulty = FaultInjectingTransport(None, CHAOS, seed=1)
            outcomes: Counter[str] = Counter()
            transport = RetryingTransport(faulty) if retrying else faulty
            with httpx.Client(transport=transport) as client:
                for _ in range(100):
                    try:
                        outcomes[str(client.get(url).status_code)] += 1
                    except httpx.TransportError as error:
                        outcomes[type(error).__name__] += 1
            print("with retries:" if retrying else "without retries:", dict(outcomes))
            print("  injected:", faulty.injected)


if __name__ == "__main__":
    main()
