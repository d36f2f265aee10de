"""
The three commands of `python -m httpx_resilient`, against a server that fails at first.

    pip install 'httpx_resilient[cli]'
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from http.server import BaseHTTPRequestHandler

from loopback import serving

COMMANDS = (
    "get {url}/orders?key=secret",
    "check {url}/orders --requests 40 --concurrency 4",
    "explain --attempts 4",
)


class Unsteady(BaseHTTPRequestHandler):
    """Fails twice, and then every tenth time."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def do_GET(self) -> None:
        """Answer 200, 503 or 429."""
        Unsteady.asked += 1
        failed = Unsteady.asked in {1, 2} or Unsteady.asked % 10 == 0
        status = 200 if not failed else 429 if Unsteady.asked == 2 else 503
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Say nothing: the commands tell it all."""


def main() -> None:
    """Run one after the other, as a user would."""
    with serving(Unsteady) as url:
        for command in COMMANDS:
            print(f"$ python -m httpx_resilient {command.format(url=url)}", flush=True)
            arguments = shlex.split(command.format(url=url))
            ended = subprocess.run(  # noqa: S603 - the arguments are those above
                [sys.executable, "-m", "httpx_resilient", *arguments], check=False
            )
            print(f"exit code {ended.returncode}\n", flush=True)


if __name__ == "__main__":
    main()
