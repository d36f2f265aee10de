"""
A server sends one byte at a time, so that httpx's timeouts never expire.

    pip install httpx_resilient

Each of httpx's timeouts limits one step: a connection, a read. A deadline limits all.
"""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving

from httpx_resilient import DeadlineTransport, RetryingTransport


class Trickle(BaseHTTPRequestHandler):
    """Answers with 20 bytes, one every tenth of a second."""

    def do_GET(self) -> None:
        """Answer slowly."""
        self.send_response(200)
        self.send_header("Content-Length", "20")
        self.end_headers()
        for _ in range(20):
            time.sleep(0.1)  # each byte is in time, the whole body is too late
            try:
                self.wfile.write(b".")
            except OSError:
                return  # the client has disconnected

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main() -> None:
    """Send a request through each stack of layers."""
    layers = {
        "timeout=0.5": RetryingTransport(),
        "and a deadline of 0.5 s": DeadlineTransport(RetryingTransport(), 0.5),
    }
    with serving(Trickle) as url:
        for name, transport in layers.items():
            with httpx.Client(transport=transport, timeout=0.5) as client:
                started = time.monotonic()
                try:
                    outcome = str(client.get(url).status_code)
                except httpx.TimeoutException as error:
                    outcome = f"{type(error).__name__}: {error}"
                print(f"{name}: {time.monotonic() - started:.1f} s, {outcome}")


if __name__ == "__main__":
    main()
