"""
A server cuts each connection off in the midst of an event. The reader notices nothing.

    pip install httpx_resilient

Each reconnection tells the server the last event that the reader has got.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving

from httpx_resilient import EventStreamTransport, RetryingTransport

LAST = 6
"""The id of the last event."""


class Server(BaseHTTPRequestHandler):
    """Sends two events and a half, from the one after `Last-Event-ID` on."""

    def do_GET(self) -> None:
        """Answer by an event stream, or by 204 after the last event."""
        last = int(self.headers.get("Last-Event-ID", 0))
        self.send_response(200 if last < LAST else 204)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number in range(last + 1, min(last + 2, LAST) + 1):
            self.wfile.write(b"id: %d\ndata: event %d\n\n" % (number, number))
        if last < LAST:
            self.wfile.write(b"id: 99\ndata: half an")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main() -> None:
    """Read the stream to its end."""
    transport = EventStreamTransport(RetryingTransport(), wait=0)
    with (
        serving(Server) as url,
        httpx.Client(transport=transport) as client,
        client.stream("GET", url) as response,
    ):
        events = [line for line in response.iter_lines() if line.startswith("data")]
    print(len(events), "events:", ", ".join(events))


main()
