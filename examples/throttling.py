"""
A server accepts 20 requests a second, and a client sends ten times as many.

    pip install httpx_resilient

Without throttling, the server answers nine of ten requests with 503. Adaptive
throttling does not send most of these, and the server accepts about as many as before.
"""

from __future__ import annotations

import time
from collections import Counter
from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving

from httpx_resilient import AdaptiveThrottle, ThrottlingTransport

CAPACITY, OFFERED, SECONDS = 20, 200, 1


class Overloaded(BaseHTTPRequestHandler):
    """Accepts `CAPACITY` requests a second, evenly spaced, and rejects all others."""

    protocol_version = "HTTP/1.1"
    free_at = 0.0

    def do_GET(self) -> None:
        """Answer 200 or 503."""
        now = time.monotonic()
        accepted = now >= Overloaded.free_at
        if accepted:
            Overloaded.free_at = now + 1 / CAPACITY
        self.send_response(200 if accepted else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main() -> None:
    """Send the same load twice."""
    # A window of 10 s, the default, would outlast this example.
    throttle = AdaptiveThrottle(window=1)
    transports: dict[str, httpx.BaseTransport] = {
        "alone": httpx.HTTPTransport(),
        "with throttling": ThrottlingTransport(None, throttle),
    }
    with serving(Overloaded) as url:
        for name, transport in transports.items():
            outcomes: Counter[str] = Counter()
            with httpx.Client(transport=transport) as client:
                started = time.monotonic()
                for number in range(OFFERED * SECONDS):
                    due = started + number / OFFERED
                    time.sleep(max(0.0, due - time.monotonic()))
                    try:
                        outcomes[str(client.get(url).status_code)] += 1
                    except httpx.TransportError as error:
                        outcomes[type(error).__name__] += 1
            answered = outcomes["200"] + outcomes["503"]
            print(f"{name}: {dict(outcomes)}; the server had to answer {answered}")


if __name__ == "__main__":
    main()
