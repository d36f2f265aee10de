"""
A server that is down, and a client that keeps calling it.

    pip install httpx_resilient

Three attempts are three times the load. With a retry budget, which is the default, they
are made only for as long as they help.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving
from tenacity import wait_none

from httpx_resilient import RetryingTransport, attempts_of

CALLS = 100


class Down(BaseHTTPRequestHandler):
    """Counts what it is asked, and answers 503."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def do_GET(self) -> None:
        """Answer."""
        Down.asked += 1
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the lines below tell it all."""


def main() -> None:
    """Call it, with and without."""
    # No waits, so that it does not take so long.
    transports = {
        "without": RetryingTransport(wait=wait_none(), budget=False),
        "with a budget": RetryingTransport(wait=wait_none()),
    }
    with serving(Down) as url:
        for name, transport in transports.items():
            Down.asked = 0
            with httpx.Client(transport=transport) as client:
                for _ in range(CALLS):
                    response = client.get(url)
            print(f"{name}: {Down.asked} requests were sent for {CALLS} calls")
            print(f"  the last one ended with {attempts_of(response)[-1].reason}")


if __name__ == "__main__":
    main()
