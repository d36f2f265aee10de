"""
The first token expires after ten requests, with a hundred requests at a time.

    pip install httpx_resilient

One request fetches a new token, all others wait for it, and each is sent once more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from http.server import BaseHTTPRequestHandler
from itertools import count

import httpx
from loopback import serving

from httpx_resilient import Credentials, CredentialsTransport, RetryingTransport

TOKENS: list[str] = []
"""All tokens that were fetched. The last one is valid."""

USES = count(1)
"""Counts the requests with the first token."""


class Server(BaseHTTPRequestHandler):
    """Answers 401 to a token that is not the last one, or has expired."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer by the token."""
        is_last = self.headers["Authorization"] == f"Bearer {TOKENS[-1]}"
        is_valid = is_last and (len(TOKENS) > 1 or next(USES) <= 10)
        self.send_response(200 if is_valid else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


async def fetch() -> str:
    """Ask the token server, which takes its time."""
    await asyncio.sleep(0.1)
    TOKENS.append(f"token-{len(TOKENS) + 1}")
    return TOKENS[-1]


async def main() -> None:
    """Send a hundred requests at a time."""
    with serving(Server) as url:
        credentials = Credentials(fetch, url)
        transport = RetryingTransport(CredentialsTransport(None, credentials))
        async with httpx.AsyncClient(transport=transport) as client:
            sent = [client.get(url) for _ in range(100)]
            statuses = Counter(
                [each.status_code for each in await asyncio.gather(*sent)]
            )
    print(f"{dict(statuses)} with {len(TOKENS)} tokens")


asyncio.run(main())
