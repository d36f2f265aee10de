"""
A client keeps calling a server that is down for a second.

    pip install httpx_resilient

Without a breaker, every request waits for a certain failure. A circuit breaker refuses
most requests at once, and detects when the server is back.
"""

from __future__ import annotations

import time
from collections import Counter
from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving

from httpx_resilient import CircuitBreaker, CircuitBreakingTransport


class Down(BaseHTTPRequestHandler):
    """Fails slowly for a while, then works."""

    protocol_version = "HTTP/1.1"
    until = 0.0

    def do_GET(self) -> None:
        """Answer 500 slowly, or 200 at once."""
        down = time.monotonic() < Down.until
        if down:
            time.sleep(0.05)
        self.send_response(500 if down else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main() -> None:
    """Send requests until the server is back, without and with a breaker."""
    breaker = CircuitBreaker(minimum_calls=5, open_for=0.2, max_open_for=0.2)
    transports: dict[str, httpx.BaseTransport] = {
        "alone": httpx.HTTPTransport(),
        "with a breaker": CircuitBreakingTransport(None, breaker),
    }
    with serving(Down) as url:
        for name, transport in transports.items():
            Down.until = time.monotonic() + 0.8
            outcomes: Counter[str] = Counter()
            waited = 0.0
            with httpx.Client(transport=transport) as client:
                while time.monotonic() < Down.until + 0.2:
                    started = time.monotonic()
                    try:
                        outcome = str(client.get(url).status_code)
                    except httpx.TransportError as error:
                        outcome = type(error).__name__
                    outcomes[outcome] += 1
                    if outcome != "200":
                        waited += time.monotonic() - started
                    time.sleep(0.01)  # a client that sends a hundred a second
            print(f"{name}: {dict(outcomes)}; {waited:.1f} s lost on failures")
        for origin, state in breaker.states().items():
            print(origin, state.phase)


if __name__ == "__main__":
    main()
