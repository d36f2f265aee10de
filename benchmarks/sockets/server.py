"""
The servers of the sockets part, all in one process, each on a port of its own.

Servers with a queue handle one request after the other in order of arrival. Each
request takes the same time, even if its client has disconnected. They can stand still
for a time. Servers with a tail are fast, except for one answer in a hundred.

A line on standard input is a JSON array: two moments between which the queues stand
still, or empty. The process answers with the number of requests of each server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import threading
from functools import partial
from typing import cast

from benchmarks.server import BACKLOG, HOST, OK


class Tail:
    """Schedules answers: soon, but one in a hundred much later."""

    def __init__(self) -> None:
        self.requests = 0
        self._rng = random.Random(1)

    def answered_at(self, now: float) -> float:
        """Return the time of the answer."""
        self.requests += 1
        seconds = self._rng.lognormvariate(1.6, 0.35) / 1000
        if self._rng.random() < 0.01:
            seconds += self._rng.uniform(0.1, 0.4)
        return now + seconds


class Queue:
    """Schedules answers in order of arrival, one at a time."""

    def __init__(self, rate: float) -> None:
        self.requests = 0
        self.still = (0.0, 0.0)
        self._rate = rate
        self._free = 0.0

    def answered_at(self, now: float) -> float:
        """Return the time of the answer."""
        self.requests += 1
        begins = max(now, self._free)
        if self.still[0] <= begins < self.still[1]:
            begins = self.still[1]
        self._free = begins + 1 / self._rate
        return self._free


class Connection(asyncio.Protocol):
    """Reads requests without a body, one at a time, and answers as scheduled."""

    def __init__(self, server: Queue | Tail) -> None:
        self._server = server
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Schedule the answer, if the request is complete."""
        self._received += data
        if self._received.endswith(b"\r\n\r\n"):
            self._received = b""
            loop = asyncio.get_running_loop()
            loop.call_at(self._server.answered_at(loop.time()), self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(OK)


async def serve(queues: int, rate: float) -> None:
    """Listen until standard input is closed."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    of_queues = [Queue(rate) for _ in range(queues)]
    every: list[Queue | Tail] = [*of_queues, Tail(), Tail()]

    def stand_still(line: str) -> None:
        if between := json.loads(line):
            for queue in of_queues:
                queue.still = between
        print(json.dumps([server.requests for server in every]), flush=True)

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(stand_still, line)
        loop.call_soon_threadsafe(ended.set)

    listening = [
        await loop.create_server(partial(Connection, server), HOST, 0, backlog=BACKLOG)
        for server in every
    ]
    ports = [server.sockets[0].getsockname()[1] for server in listening]
    print(json.dumps(ports), flush=True)
    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()


def main() -> None:
    """Read the command line, and serve."""
    parser = argparse.ArgumentParser(
        description="Answer the requests of the benchmarks."
    )
    parser.add_argument("--queues", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.queues, arguments.rate))
    os._exit(0)  # without closing the connections that are still open


if __name__ == "__main__":
    main()
