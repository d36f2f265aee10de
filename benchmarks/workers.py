"""The processes of the scale part, and the protocol with them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE = 30.0
"""Seconds beyond its limit after which a silent process is killed."""

CaseResult = dict[str, Any]
"""The outcome of one case of one client."""


class Process:
    """A benchmark module that runs as a process and answers each line with JSON."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C ends this process, which closes stdin
        )
        self._turn = threading.Lock()

    def call(self, line: str, limit: float) -> Any:
        """Send a line and return the answer, or `None` if the process has ended."""
        stdin = self._process.stdin
        assert stdin is not None
        with self._turn:
            try:
                print(line, file=stdin, flush=True)
            except BrokenPipeError:
                return None
            return self.receive(limit)

    def receive(self, limit: float) -> Any:
        """Return the next answer, or `None` if none arrives within `limit` seconds."""
        stdout = self._process.stdout
        assert stdout is not None
        timer = threading.Timer(limit, self._process.kill)
        timer.start()
        try:
            line = stdout.readline()
        finally:
            timer.cancel()
        return json.loads(line) if line else None

    def stop(self) -> None:
        """End the process, and wait until it has ended."""
        with self._process as process:
            if process.stdin is not None:
                with suppress(BrokenPipeError):  # the process may have ended already
                    process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


class Workers:
    """A process for each client, started on its first case."""

    def __init__(self) -> None:
        self._processes: dict[str, Process] = {}

    def run(self, client: str, *, fresh: bool = False, **case: Any) -> CaseResult:
        """
        Run a case with a client.

        Args:
            client: The name of the client.
            fresh: Whether to use a new process, which ends after the case.
            **case: The name and the arguments of the case, as `benchmarks.load` defines
                them.
        """
        if fresh:
            self.stop(client)
        if client not in self._processes:
            self._processes[client] = Process("load", "--client", client)
        limit = case.get("limit", 60.0)
        result = self._processes[client].call(json.dumps(case), 3 * limit + PATIENCE)
        if result is None and not fresh:
            # The process ended after an earlier case that exceeded its limit.
            return self.run(client, fresh=True, **case)
        if fresh:
            self.stop(client)
        return result or {
            "requests": case.get("requests", 1),
            "done": 0,
            "failed": 0,
            "errors": {},
            "cpu": 0.0,
            "wall": 0.0,
            "error": "the process died",
        }

    def stop(self, *clients: str) -> None:
        """End the processes of these clients."""
        for client in clients:
            process = self._processes.pop(client, None)
            if process is not None:
                process.stop()

    def stop_all(self) -> None:
        """End all processes."""
        self.stop(*self._processes)


class Server:
    """The process of the server: its ports and its counts."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.ports: list[int] = process.receive(PATIENCE)

    def urls(self, path: str, origins: int = 1) -> list[str]:
        """Return the URLs of a path, one for each origin."""
        return [f"http://127.0.0.1:{port}{path}" for port in self.ports[:origins]]

    def counts(self) -> dict[str, int]:
        """Return the counts."""
        counts: dict[str, int] = self._process.call("counts", PATIENCE)
        return counts

    def reset(self) -> None:
        """Reset the counts, once the connections of earlier clients are closed."""
        for _ in range(100):
            if not self.counts()["open"]:
                break
            time.sleep(0.02)  # the process of the client closes them
        self._process.call("reset", PATIENCE)


@contextmanager
def processes(origins: int) -> Iterator[tuple[Workers, Server]]:
    """Run a server, and clients on demand. All processes end with the block."""
    process, workers = Process("server", "--origins", str(origins)), Workers()
    try:
        yield workers, Server(process)
    finally:
        workers.stop_all()
        process.stop()
