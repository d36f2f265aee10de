"""
A client calls a server that is down.

    pip install httpx_resilient

Three attempts triple the load. A retry budget, which is on by default, stops retries
that do not help.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving
from tenacity import wait_none

from httpx_resilient import RetryBudget, RetryingTransport, attempts_of

CALLS = 100


class Down(BaseHTTPRequestHandler):
    """Counts its requests, and answers 503."""

    protocol_version = "HTTP/1.1"
    requests = 0

    def do_GET(self) -> None:
        """Answer."""
        Down.requests += 1
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main() -> None:
    """Call the server without and with a budget."""
    # The example does not wait between attempts, so that it is quick; and its outage
    # has begun long ago: by default, retries are free for the first two seconds.
    transports = {
        "without": RetryingTransport(wait=wait_none(), budget=False),
        "with a budget": RetryingTransport(
            wait=wait_none(), budget=RetryBudget(grace=0)
        ),
    }
    with serving(Down) as url:
        for name, transport in transports.items():
            Down.requests = 0
            with httpx.Client(transport=transport) as client:
                for _ in range(CALLS):
                    response = client.get(url)
            print(f"{name}: {Down.requests} requests were sent for {CALLS} calls")
            print(f"  the last one ended with {attempts_of(response)[-1].reason}")


if __name__ == "__main__":
    main()
