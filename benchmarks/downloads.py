"""
The downloads part: one connection on loopback, beside wget and aria2.

The server sends by `sendfile`, in a process of its own. All write the same file to the
same folder, in turns, so what else the machine does falls on all of them.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.progress import Progress
from rich.table import Table

from benchmarks import layout

WGET, ARIA2 = "wget", "aria2c"
OURS, OURS_SYNC, OURS_PLAIN = "ours", "ours, synchronous", "ours, httpx's transport"
COMMAND = "ours, the command"

NOTE = (
    "Seconds of a whole process, with its start, and its CPU time. The ratio is that "
    "of the throughput to wget's: 1 or more is the goal. 'transfer' is without the "
    "start of Python. The file is in memory: the others do not sync it to a disk."
)

_CLIENT = """
import asyncio, sys, time
import httpx
from httpx_resilient import RetryingTransport, download
url, path, kind = sys.argv[1:]
async def main():
    transport = None if kind == "plain" else RetryingTransport()
    async with httpx.AsyncClient(transport=transport) as client:
        return await download(client, url, path)
def blocking():
    with httpx.Client(transport=RetryingTransport()) as client:
        return download(client, url, path)
result = blocking() if kind == "sync" else asyncio.run(main())
print(result.seconds)
"""

_SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        with open(sys.argv[1], "rb") as file:
            size = os.fstat(file.fileno()).st_size
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.send_header("ETag", '"a"')
            self.end_headers()
            self.connection.sendfile(file)
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class Row:
    """
    The medians of a tool.

    Args:
        tool: Its name.
        seconds: From its start to its end.
        transfer: Seconds of the download itself, if it tells them.
        cpu: Seconds of CPU time.
        ratio: Its throughput, in that of wget in the same round: the median.
        transfer_ratio: The same, without the start of Python.
    """

    tool: str
    seconds: float
    transfer: float | None
    cpu: float
    ratio: float
    transfer_ratio: float | None


def tools(url: str, path: Path) -> dict[str, list[str]]:
    """Return the commands, of those tools that are installed."""
    python = [sys.executable, "-c", _CLIENT, url, str(path)]
    commands = {
        WGET: [WGET, "-q", "-O", str(path), url],
        ARIA2: [ARIA2, "-q", "-x1", "-d", str(path.parent), "-o", path.name, url],
        OURS: [*python, "async"],
        OURS_SYNC: [*python, "sync"],
        OURS_PLAIN: [*python, "plain"],
        COMMAND: [
            sys.executable,
            "-m",
            "httpx_resilient",
            "download",
            url,
            "-o",
            str(path),
        ],
    }
    return {name: each for name, each in commands.items() if shutil.which(each[0])}


def measure(progress: Progress, *, size: int, rounds: int) -> list[Row]:
    """Download a file by each tool, in turns."""
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with (
        tempfile.TemporaryDirectory(dir=folder) as made,
        _server(Path(made), size) as url,
    ):
        path = Path(made) / "download"
        commands = tools(url, path)
        task = progress.add_task("downloads", total=rounds * len(commands))
        runs: dict[str, list[tuple[float, float | None, float]]] = {}
        for _ in range(rounds):
            for name, command in commands.items():
                runs.setdefault(name, []).append(_run(command, path, size))
                progress.advance(task)
                progress.refresh()
    return [
        _row(name, of_tool, runs.get(WGET, of_tool)) for name, of_tool in runs.items()
    ]


def _run(
    command: Sequence[str], path: Path, size: int
) -> tuple[float, float | None, float]:
    path.unlink(missing_ok=True)
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, after = time.perf_counter() - started, os.times()
    if path.stat().st_size != size:
        msg = f"{command[0]} has written {path.stat().st_size} of {size} bytes"
        raise RuntimeError(msg)
    cpu = after.children_user - before.children_user
    cpu += after.children_system - before.children_system
    told = done.stdout.strip()
    return seconds, float(told) if re.fullmatch(r"[\d.e-]+", told) else None, cpu


def _row(
    name: str,
    runs: Sequence[tuple[float, float | None, float]],
    wget: Sequence[tuple[float, float | None, float]],
) -> Row:
    transfers = [each for _, each, _ in runs if each is not None]
    ratios = [theirs[0] / ours[0] for ours, theirs in zip(runs, wget, strict=True)]
    of_transfers = [
        theirs[0] / ours[1]
        for ours, theirs in zip(runs, wget, strict=True)
        if ours[1] is not None
    ]
    return Row(
        name,
        statistics.median(each for each, _, _ in runs),
        statistics.median(transfers) if transfers else None,
        statistics.median(each for _, _, each in runs),
        statistics.median(ratios),
        statistics.median(of_transfers) if of_transfers else None,
    )


@contextmanager
def _server(folder: Path, size: int) -> Iterator[str]:
    content = folder / "content"
    with content.open("wb") as file:
        block = os.urandom(1 << 20)
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(content)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)):
            pass
        yield f"http://127.0.0.1:{port}/file"
    finally:
        server.kill()
        server.wait()


def table_of(rows: Sequence[Row], size: int) -> Table:
    """Lay out the tools."""
    title = f"A file of {size / 1e6:,.0f} MB on one connection"
    table = layout.table(
        title, "", "s", "MB/s", "CPU, s", "of wget's", "transfer, s", "of wget's"
    )
    for row in rows:
        transfer, ratio = row.transfer, row.transfer_ratio
        table.add_row(
            row.tool,
            f"{row.seconds:.2f}",
            f"{size / 1e6 / row.seconds:,.0f}",
            f"{row.cpu:.2f}",
            f"{row.ratio:.2f}",
            "" if transfer is None else f"{transfer:.2f}",
            "" if ratio is None else f"{ratio:.2f}",
        )
    return table


def as_json(rows: Sequence[Row], size: int, rounds: int) -> dict[str, Any]:
    """Return the figures."""
    return {"bytes": size, "rounds": rounds, "rows": [asdict(row) for row in rows]}
