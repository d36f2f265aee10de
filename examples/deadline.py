"""
A server that keeps sending a little, so that no timeout of httpx is ever over.

    pip install httpx_resilient

Each of its timeouts is for one step: a connection, a read. A deadline is for all.
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
            time.sleep(0.1)  # byte after byte: each in time, all of them too late
            try:
                self.wfile.write(b".")
            except OSError:
                return  # nobody listens any more

    def log_message(self, *_: object) -> None:
        """Say nothing: the lines below tell it all."""


def main() -> None:
    """Ask twice."""
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
