"""What becomes of bodies that real servers send, and that are cut on the way."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from httpx_resilient import ContentChanged, ResumingTransport, RetryingTransport
from httpx_resilient.events import BodyResumed, Event
from servers.files.catalogue import FileServer
from servers.files.cutting import CuttingProxy
from servers.process import Daemon, answers, free_port, wait_until

SIZE, CUT = 1_000_000, 300_000
PLAIN, TEXT = "file.bin", "file.txt"
AN_HOUR = 3600


def content(name: str, version: int) -> bytes:
    """Make the content of a file: bytes, or words, which gzip makes shorter."""
    made = random.Random(f"{name} {version}")
    if name == PLAIN:
        return made.randbytes(SIZE)
    words = [made.randbytes(6).hex() for _ in range(4000)]
    text = " ".join(made.choice(words) for _ in range(SIZE // 6)).encode()
    return text[: 2 * SIZE]


def put(folder: Path, name: str, version: int) -> bytes:
    """Put a version of a file in place of the one before, an hour older than now."""
    made = content(name, version)
    path = folder / f".{name}"
    path.write_bytes(made)
    then = time.time() - AN_HOUR + version
    os.utime(path, (then, then))
    path.replace(folder / name)
    return made


@contextmanager
def serving(server: FileServer) -> Iterator[tuple[Path, int]]:
    """Run a server. Return the folder of its files, and its port."""
    with tempfile.TemporaryDirectory() as temporary:
        files, state = Path(temporary, "files"), Path(temporary, "state")
        for folder in (Path(temporary), files, state):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)  # Apache does not serve as root
        for name in (PLAIN, TEXT):
            put(files, name, 1)
        port = free_port()
        command = server.command(files, state, port)
        homes = {"HOME": str(state), "XDG_DATA_HOME": str(state)}
        daemon = Daemon(command, state / "log", {**os.environ, **homes})
        try:
            wait_until(lambda: daemon.ended() or answers(port), f"start {server.name}")
            yield files, port
        finally:
            daemon.kill()


@dataclass
class Outcome:
    """What a reader got."""

    kind: str
    """`whole`, `ContentChanged`, another exception, or `CORRUPT`."""
    requests: int
    reread: int
    encoding: str
    validator: str

    def __str__(self) -> str:
        again = f", {self.reread:,} B twice" if self.reread else ""
        encoded = f"{self.encoding}: " if self.encoding else ""
        return f"{encoded}{self.kind}, {self.requests} requests{again}"


def stream(
    port: int,
    name: str,
    expected: bytes,
    *,
    times: int,
    cut: int = CUT,
    reset: bool = False,
    between: Callable[[], object] = lambda: None,
) -> Outcome:
    """
    Stream a file through a proxy that cuts it.

    Args:
        port: That of the server.
        name: The file.
        expected: Its decoded content.
        times: How often it is cut.
        cut: Bytes after which it is.
        reset: Whether by a RST.
        between: Called after the first bytes have come.
    """
    events: list[Event] = []
    transport = RetryingTransport(ResumingTransport(on_event=events.append))
    read, kind = b"", "whole"
    headers = {"Accept-Encoding": "identity" if name == PLAIN else "gzip"}
    with (
        CuttingProxy(port, cut, times, reset=reset) as proxy,
        httpx.Client(transport=transport) as client,
        client.stream("GET", proxy.url + name, headers=headers) as response,
    ):
        try:
            for chunk in response.iter_bytes():
                if not read:
                    between()
                read += chunk
        except ContentChanged:
            kind = "ContentChanged"
        except httpx.TransportError as error:
            kind = type(error).__name__
        if kind == "whole" and read != expected:
            kind = "CORRUPT"
        requests = proxy.connections
    again = sum(each.reread for each in events if isinstance(each, BodyResumed))
    shown = response.headers
    validator = shown.get("etag") or shown.get("last-modified", "none")
    encoding = shown.get("content-encoding", "")
    return Outcome(kind, requests, again, encoding, validator)
