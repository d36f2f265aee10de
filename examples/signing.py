"""
A server that accepts each signature once, and fails at the first attempt.

    pip install httpx_resilient

The client signs the date, the method, the path and the digest of the body: the first
attempt by `auth=`, each further one by `before_sleep=`.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import httpx
from loopback import serving

from httpx_resilient import (
    RetryingTransport,
    RetryState,
    attempts_of,
    retry_if_transient,
)

KEY = b"the secret of this client"
SEEN: set[str] = set()


def signature_of(method: str, path: str, date: str, digest: str) -> str:
    """Return the signature, as the client makes it and the server checks it."""
    text = f"{method}\n{path}\n{date}\n{digest}"
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


def sign(request: httpx.Request) -> httpx.Request:
    """Sign one attempt, in place of the signature of the one before."""
    path = request.url.raw_path.decode()
    date = datetime.now(UTC).isoformat()
    digest = hashlib.sha256(request.content).hexdigest()
    request.headers["X-Date"], request.headers["X-Digest"] = date, digest
    request.headers["X-Signature"] = signature_of(request.method, path, date, digest)
    return request


def sign_again(state: RetryState) -> None:
    """Sign the next attempt."""
    sign(state.request)


class Server(BaseHTTPRequestHandler):
    """Answers 503, then 200; and 401 to a signature that is wrong, or not new."""

    def do_POST(self) -> None:
        """Check the signature."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest, date = hashlib.sha256(body).hexdigest(), self.headers["X-Date"]
        expected = signature_of("POST", self.path, date, digest)
        is_new = self.headers["X-Signature"] == expected and expected not in SEEN
        SEEN.add(expected)
        self.send_response((503 if len(SEEN) == 1 else 200) if is_new else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


retrying = RetryingTransport(retry=retry_if_transient("POST"), before_sleep=sign_again)
with serving(Server) as url, httpx.Client(auth=sign, transport=retrying) as client:
    response = client.post(f"{url}/orders?id=1", json={"amount": 1})
    print(*[attempt.outcome for attempt in attempts_of(response)], sep=", ")
