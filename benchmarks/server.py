"""
The server of the scale part: a process of its own, as fast as Python allows.

It listens on many ports of loopback, each of which is an origin, and answers

    /             at once
    /delay/20     after 20 ms
    /fail/7       the first time with 503, then with 200
    /drop/7       the first time by closing the connection, then with 200

It answers each line on its standard input with its counts; `reset` resets them first.
When standard input is closed, the server ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
from dataclasses import asdict, dataclass, field
from typing import Any, cast

HOST = "127.0.0.1"
BACKLOG = 4096


def _answer(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


OK = _answer(b"200 OK", b"ok")
UNAVAILABLE = _answer(b"503 Service Unavailable", b"x" * 200)


@dataclass
class Counts:
    """The server's counts. `busy` counts the requests whose answer is delayed."""

    accepts: int = 0
    open: int = 0
    max_open: int = 0
    busy: int = 0
    max_busy: int = 0
    requests: int = 0

    def reset(self) -> None:
        """Reset the counts to the current state."""
        self.accepts = self.requests = 0
        self.max_open, self.max_busy = self.open, self.busy


@dataclass
class State:
    """The state that all connections share."""

    counts: Counts = field(default_factory=Counts)
    failed: set[bytes] = field(default_factory=set)


class Connection(asyncio.Protocol):
    """Reads requests without a body, and answers them in order of arrival."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        self._transport = cast("asyncio.Transport", transport)
        counts = self._state.counts
        counts.accepts += 1
        counts.open += 1
        counts.max_open = max(counts.max_open, counts.open)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason does not matter
        """Count the end of the connection."""
        self._state.counts.open -= 1

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            path = self._received.split(b" ", 2)[1]
            self._received = self._received[end + 4 :]
            self._state.counts.requests += 1
            if path == b"/":
                self._transport.write(OK)
            else:
                self._answer(path)

    def _answer(self, path: bytes) -> None:
        kind, argument = path.split(b"/")[1:]
        failed, counts = self._state.failed, self._state.counts
        if kind == b"delay":
            counts.busy += 1
            counts.max_busy = max(counts.max_busy, counts.busy)
            loop = asyncio.get_running_loop()
            loop.call_later(int(argument) / 1000, self._answer_late)
        elif path in failed:
            self._transport.write(OK)
        elif kind == b"fail":
            failed.add(path)
            self._transport.write(UNAVAILABLE)
        else:
            failed.add(path)
            self._transport.close()

    def _answer_late(self) -> None:
        self._state.counts.busy -= 1
        if not self._transport.is_closing():
            self._transport.write(OK)


async def serve(origins: int) -> None:
    """Listen on `origins` ports, until standard input is closed."""
    loop, state, ended = asyncio.get_running_loop(), State(), asyncio.Event()

    def reset() -> None:
        state.counts.reset()
        state.failed.clear()

    def answer(value: Any) -> None:
        print(json.dumps(value), flush=True)

    def listen() -> None:
        for line in sys.stdin:
            if line.strip() == "reset":
                loop.call_soon_threadsafe(reset)
            loop.call_soon_threadsafe(lambda: answer(asdict(state.counts)))
        loop.call_soon_threadsafe(ended.set)

    servers = [
        await loop.create_server(lambda: Connection(state), HOST, 0, backlog=BACKLOG)
        for _ in range(origins)
    ]
    answer([server.sockets[0].getsockname()[1] for server in servers])
    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()


def main() -> None:
    """Read the command line, and serve."""
    parser = argparse.ArgumentParser(
        description="Answer the requests of the benchmarks."
    )
    parser.add_argument("--origins", type=int, default=1)
    serving = serve(parser.parse_args().origins)
    try:
        import uvloop  # noqa: PLC0415 - uvloop is not available on all systems
    except ImportError:
        asyncio.run(serving)
    else:
        uvloop.run(serving)
    os._exit(0)  # without closing the connections that are still open


if __name__ == "__main__":
    main()
