"""
Run the three commands of `python -m httpx_resilient` on a server that fails at first.

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
    """Fails the first two requests, and then every tenth one."""

    protocol_version = "HTTP/1.1"
    requests = 0

    def do_GET(self) -> None:
        """Answer 200, 503 or 429."""
        Unsteady.requests += 1
        failed = Unsteady.requests in {1, 2} or Unsteady.requests % 10 == 0
        status = 200 if not failed else 429 if Unsteady.requests == 2 else 503
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Log nothing: the commands print what happens."""


def main() -> None:
    """Run the commands, one after the other."""
    with serving(Unsteady) as url:
        for command in COMMANDS:
            print(f"$ python -m httpx_resilient {command.format(url=url)}", flush=True)
            arguments = shlex.split(command.format(url=url))
            ended = subprocess.run(  # noqa: S603 - the arguments are constants of this file
                [sys.executable, "-m", "httpx_resilient", *arguments], check=False
            )
            print(f"exit code {ended.returncode}\n", flush=True)


if __name__ == "__main__":
    main()
