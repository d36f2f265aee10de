"""
The TCP connections that retries open: the highest cost that a retry can have.

A failed response that is closed without being read closes its connection, too.
"""

from __future__ import annotations

import asyncio
import itertools
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.peers import BARE, EAGER, PEERS, Factory

if TYPE_CHECKING:
    from rich.progress import Progress

SMALL = 16
LARGE = 64 * 1024
BODIES = (SMALL, LARGE)
RETRYING = [peer for peer in PEERS if peer != BARE]


def failing(requests: int) -> int:
    """Return how many of `requests` fail once."""
    return sum(map(_fails, range(requests)))


def _fails(number: int) -> bool:
    return number % 10 < 3


def opened_by_retries(requests: int, progress: Progress) -> dict[int, dict[str, int]]:
    """Count the connections, by the size of failed bodies and by peer."""
    runs = list(itertools.product(RETRYING, (0, *BODIES)))
    accepts: dict[tuple[str, int], int] = {}
    with _server() as (url, accepted):
        for peer, size in progress.track(runs, description="connections"):
            asyncio.run(_send(EAGER[peer], url, requests, size))
            accepts[peer, size] = accepted()
    return {
        size: {peer: accepts[peer, size] - accepts[peer, 0] for peer in RETRYING}
        for size in BODIES
    }


async def _send(make: Factory, url: str, requests: int, size: int) -> None:
    """Send one request after the other. If `size` is not 0, three of ten fail once."""
    transport = make(httpx.AsyncHTTPTransport())
    async with httpx.AsyncClient(transport=transport, base_url=url) as client:
        for number in range(requests):
            first = size if _fails(number) else 0
            response = await client.get(f"/{first}/{number}")
            response.raise_for_status()


@contextmanager
def _server() -> Iterator[tuple[str, Callable[[], int]]]:
    """Run the server below; yield its URL and a function that returns its count."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.connections"],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C goes to this process, which then closes stdin
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def accepted() -> int:
            print(file=stdin, flush=True)
            return int(stdout.readline())

        yield stdout.readline().strip(), accepted


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.accepted = 0
        self.seen: set[bytes] = set()

    def get_request(self) -> tuple[socket, Any]:
        self.accepted += 1
        return super().get_request()


class _Connection(socketserver.StreamRequestHandler):
    """Answers `/size/...` once with 503 and `size` bytes, unless 0, then with 200."""

    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):  # some peers close connections early
            while request_line := self.rfile.readline():
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(self.answer(request_line.split()[1]))

    def answer(self, path: bytes) -> bytes:
        size = int(path.split(b"/")[1])
        if size == 0 or path in self.server.seen:
            return _answer(b"200 OK", SMALL)
        self.server.seen.add(path)
        return _answer(b"503 Service Unavailable", size)


def _answer(status: bytes, size: int) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, size)
    return head + b"x" * size


def _serve() -> None:
    """Serve until stdin is closed. Answer each line with the count, and reset it."""
    server = _Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    for _ in sys.stdin:
        print(server.accepted, flush=True)
        server.accepted = 0
        server.seen.clear()


if __name__ == "__main__":
    _serve()
