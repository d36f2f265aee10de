"""
The first of two servers goes down for a while.

    pip install httpx_resilient

A client with failover uses the second server while the first is down.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving

from httpx_resilient import Failover, FailoverTransport

ALIVE = {"first", "second"}


def server(name: str) -> type[BaseHTTPRequestHandler]:
    """Make a server that answers with its name while it is alive."""

    class Named(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer, or close the connection."""
            if name in ALIVE:
                self.send_response(200)
                self.send_header("Content-Length", str(len(name)))
                self.end_headers()
                self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Named


def send_all(client: httpx.Client, url: str) -> None:
    """Send six requests: before, during and after the outage of the first server."""
    answers: list[str] = []
    for number in range(6):
        if number == 2:
            ALIVE.remove("first")
        if number == 4:
            ALIVE.add("first")
            time.sleep(0.3)  # longer than the cooldown, so that the first is used again
        try:
            answers.append(client.get(url).text)
        except httpx.TransportError as error:
            answers.append(type(error).__name__)
    print(*answers, sep=", ")


def main() -> None:
    """Send requests without and with the layer."""
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(serving(server(name))) for name in ("first", "second")
        )
        with httpx.Client() as client:
            print("without:", end=" ")
            send_all(client, first)
        group = Failover([first, second], cooldown=0.2)
        with httpx.Client(transport=FailoverTransport(None, group)) as client:
            print("with FailoverTransport:", end=" ")
            send_all(client, first)


if __name__ == "__main__":
    main()
