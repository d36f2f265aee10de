"""
Send the same requests without and with `RetryingTransport()`, and count the losses.

    python examples/quickstart.py         to a server on loopback that fails on purpose
    python examples/quickstart.py URL     to a server of your own

The faults happen on real sockets, as they do in production. A request meets the same
faults in every run and with either client. The exit code is 0 if the retrying client
lost nothing, else 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress
from rich.table import Table

from httpx_resilient import RetryingTransport, attempts_of

REQUESTS, CONCURRENCY = 300, 20
TIMEOUT = httpx.Timeout(5.0, read=1.0)

Job = tuple[httpx.URL, bytes | None]
"""A URL for a GET, and the expected body of its response, if known."""

console = Console(highlight=False)
# Without a handler, warnings would go to stderr and disturb the progress bars.
logging.getLogger("httpx_resilient").addHandler(logging.NullHandler())


async def compare(jobs: list[Job], stats: httpx.URL | None = None) -> int:
    """Send all requests twice. Only the transport differs."""
    score = "[green]{task.fields[well]:>3} succeeded  [red]{task.fields[lost]:>3} lost"
    with Progress("{task.description:7}", BarColumn(), score, console=console) as bars:
        without, retrying = Tally("without", bars), Tally("with", bars)

        async with httpx.AsyncClient() as client:
            await send_all(client, jobs, without, stats)

        async with httpx.AsyncClient(transport=RetryingTransport()) as client:
            await send_all(client, jobs, retrying, stats)

    table = Table("", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("succeeded", justify="right", style="green")
    table.add_column("lost", style="red")
    for heading in ("attempts", "TCP\nconnections", "p50\nms", "p99\nms"):
        table.add_column(heading, justify="right")
    for tally in (without, retrying):
        table.add_row(*tally.row())
    console.print("", table, "", sep="\n")
    console.print(
        f"without: [bold]{without.lost.total()} of {REQUESTS}[/] lost. with "
        f"RetryingTransport(): [bold]{retrying.lost.total()} of {REQUESTS}[/] lost."
    )
    return 1 if retrying.lost else 0


async def send_all(
    client: httpx.AsyncClient, jobs: list[Job], tally: Tally, stats: httpx.URL | None
) -> None:
    """Send all requests, a bounded number at a time."""
    waiting = iter(jobs)

    async def work() -> None:
        for url, body in waiting:
            await send(client, url, body, tally)

    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(work())
    if stats is not None:
        async with httpx.AsyncClient() as other:
            tally.server = (await other.get(stats)).json()


async def send(
    client: httpx.AsyncClient, url: httpx.URL, body: bytes | None, tally: Tally
) -> None:
    """Send one request. An error or the body of another request counts as a loss."""
    started, loss = time.perf_counter(), ""
    outcome: httpx.Response | httpx.HTTPError
    try:
        outcome = await client.get(url, timeout=TIMEOUT)
        if outcome.is_error:
            loss = str(outcome.status_code)
        elif body not in (None, outcome.content):
            loss = "wrong body"
    except httpx.HTTPError as error:
        outcome, loss = error, type(error).__name__
    milliseconds = 1000 * (time.perf_counter() - started)
    # A stock client makes one attempt and records no history.
    tally.count(loss, len(attempts_of(outcome)) or 1, milliseconds)


class Tally:
    """The outcomes of one client's requests, as numbers and as a live bar."""

    def __init__(self, name: str, bars: Progress) -> None:
        self.name, self.bars = name, bars
        self.bar = bars.add_task(name, total=REQUESTS, well=0, lost=0)
        self.well, self.lost = 0, Counter[str]()
        self.attempts = 0
        self.latencies: list[float] = []
        self.server: dict[str, int] = {}

    def count(self, loss: str, attempts: int, milliseconds: float) -> None:
        """Count one request. An empty `loss` means that it succeeded."""
        if loss:
            self.lost[loss] += 1
        else:
            self.well += 1
        self.attempts += attempts
        self.latencies.append(milliseconds)
        self.bars.update(self.bar, advance=1, well=self.well, lost=self.lost.total())

    def row(self) -> list[str]:
        """Return the cells of the table. Latencies include lost requests."""
        kinds = [f"{count:>3} {kind}" for kind, count in self.lost.most_common()]
        lost = "\n".join(kinds) or "  0"
        connections = str(self.server.get("connections", "-"))
        percentiles = statistics.quantiles(self.latencies, n=100, method="inclusive")
        p50, p99 = f"{percentiles[49]:.0f}", f"{percentiles[98]:.0f}"
        return [
            self.name,
            str(self.well),
            lost,
            str(self.attempts),
            connections,
            p50,
            p99,
        ]


def main() -> int:
    """Read the command line, and start a server unless it names one."""
    parser = argparse.ArgumentParser(
        description="Sends the same GETs without and with RetryingTransport()."
    )
    parser.add_argument("url", nargs="?", type=url_in, help="a server of your own")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        if arguments.serve:
            return asyncio.run(serve())
        if arguments.url is not None:
            introduce(arguments.url.netloc.decode())
            return asyncio.run(compare([(arguments.url, None)] * REQUESTS))
        with flaky_server() as url:
            introduce("a server that fails a third of them")
            paths = map(str, range(REQUESTS))
            jobs: list[Job] = [(url.join(path), body_of(path)) for path in paths]
            return asyncio.run(compare(jobs, url.join("__stats")))
    except KeyboardInterrupt:
        console.print("interrupted")
        return 130


def url_in(argument: str) -> httpx.URL:
    """Parse a URL, and refuse an unusable one before anything is sent."""
    with suppress(httpx.InvalidURL):
        url = httpx.URL(argument)
        if url.scheme in ("http", "https") and url.host:
            return url
    msg = f"expected a URL such as http://localhost:8000/; got {argument!r}"
    raise argparse.ArgumentTypeError(msg)


def introduce(server: str) -> None:
    """Print the plan: the requests and their server."""
    console.print(f"{REQUESTS} GETs, {CONCURRENCY} at a time, twice, to", end=" ")
    console.print(server, markup=False, soft_wrap=True)
    console.print("  without  httpx.AsyncClient()")
    console.print("  with     httpx.AsyncClient(transport=RetryingTransport())\n")


# The server, which runs in a process of its own.

SEED, FAULTS_IN_A_ROW = 42, 2
FAULTS = ("503", "503", "429", "429 soon", "reset", "reset", "close", "stall")


@contextmanager
def flaky_server() -> Iterator[httpx.URL]:
    """Run the server. It ends when stdin closes, so it cannot outlive this process."""
    os.environ["no_proxy"] = "*"  # a proxy cannot reach this loopback
    with subprocess.Popen(  # noqa: S603 - it runs this file
        [sys.executable, __file__, "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C goes to this process, which then closes stdin
    ) as process:
        port = process.stdout.readline() if process.stdout else b""
        if not port:
            sys.exit("the server did not start: see its output above")
        yield httpx.URL(f"http://127.0.0.1:{int(port)}/")


async def serve() -> int:
    """Serve until stdin is closed."""
    server = await asyncio.start_server(FlakyServer().talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    return 0


def body_of(path: str) -> bytes:
    """Return the expected body. It names its request, so that a mix-up is detected."""
    return f"the answer to request {path}, and to no other one".encode()


def reply(status: str, body: bytes, *headers: str) -> bytes:
    """Build a response."""
    head = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(head).encode() + body


REFUSALS = {
    "503": reply("503 Service Unavailable", b"overloaded"),
    "429": reply("429 Too Many Requests", b"slow down", "Retry-After: 1"),
    "429 soon": reply("429 Too Many Requests", b"slow down", "retry-after-ms: 100"),
}


class FlakyServer:
    """A server that fails as real servers do, and counts its requests."""

    def __init__(self) -> None:
        self.connections = 0
        self.seen = Counter[str]()

    async def talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection until a fault, the client or the server ends it."""
        self.connections += 1
        ends = ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        with suppress(*ends):
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split()[1].decode().strip("/")
                response = reply("200 OK", body_of(path))
                match fate := "stats" if path == "__stats" else self.fate_of(path):
                    case "stats":
                        writer.write(self.stats())
                    case "reset":
                        # A linger time of zero sends RST instead of FIN.
                        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
                        sock = writer.get_extra_info("socket")
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        break
                    case "close":
                        break
                    case "stall":
                        await reader.read()  # ends when the client times out
                        break
                    case "slow":
                        for part in response[:-20], response[-20:-10], response[-10:]:
                            writer.write(part)
                            await asyncio.sleep(0.05)
                    case _:
                        writer.write(REFUSALS.get(fate, response))
        writer.close()

    def fate_of(self, path: str) -> str:
        """
        Choose a fate at random, seeded by the request and its count.

        A single sequence would make the fate depend on the order of arrival.
        """
        dice = random.Random(f"{SEED} {path} {self.seen[path]}")
        self.seen[path] += 1
        fails = self.seen[path] <= FAULTS_IN_A_ROW and dice.random() < 1 / 3
        return dice.choice(FAULTS if fails else ("fast",) * 5 + ("slow",))

    def stats(self) -> bytes:
        """Return the counts, and reset them for the next client."""
        counted = {"connections": self.connections - 1}  # this request has one, too
        self.connections, self.seen = 0, Counter()
        return reply("200 OK", json.dumps(counted).encode())


if __name__ == "__main__":
    sys.exit(main())
