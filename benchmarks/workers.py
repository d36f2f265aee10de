"""The processes of the scale part, and how to talk to them."""

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
"""Seconds beyond its limit after which a process that does not answer is killed."""

Told = dict[str, Any]


class Process:
    """A module of ours, run as a process. It answers each line with a line of JSON."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us, who then close its stdin
        )
        self._turn = threading.Lock()

    def ask(self, line: str, limit: float) -> Any:
        """Send a line and return the answer, or nothing if the process is no more."""
        asked = self._process.stdin
        assert asked is not None
        with self._turn:
            try:
                print(line, file=asked, flush=True)
            except BrokenPipeError:
                return None
            return self.heard(limit)

    def heard(self, limit: float) -> Any:
        """Return what the process tells next."""
        told = self._process.stdout
        assert told is not None
        timer = threading.Timer(limit, self._process.kill)
        timer.start()
        try:
            line = told.readline()
        finally:
            timer.cancel()
        return json.loads(line) if line else None

    def stop(self) -> None:
        """End it, and wait for that."""
        with self._process as process:
            if process.stdin is not None:
                with suppress(BrokenPipeError):  # it may have ended before it was asked
                    process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


class Workers:
    """A process for each client, started when it is needed for the first time."""

    def __init__(self) -> None:
        self._processes: dict[str, Process] = {}

    def run(self, client: str, *, fresh: bool = False, **case: Any) -> Told:
        """
        Let a client do a case.

        Args:
            client: Its name.
            fresh: In a new process, which is ended afterwards.
            **case: What to do, as `benchmarks.load` has it.
        """
        if fresh:
            self.stop(client)
        if client not in self._processes:
            self._processes[client] = Process("load", "--client", client)
        limit = case.get("limit", 60.0)
        told = self._processes[client].ask(json.dumps(case), 3 * limit + PATIENCE)
        if told is None and not fresh:
            # It ended after a case that it could not finish.
            return self.run(client, fresh=True, **case)
        if fresh:
            self.stop(client)
        nothing = {"asked": case.get("asked", 1), "done": 0, "failed": 0, "errors": {}}
        return told or {**nothing, "cpu": 0.0, "wall": 0.0, "error": "the process died"}

    def stop(self, *clients: str) -> None:
        """End processes."""
        for client in clients:
            process = self._processes.pop(client, None)
            if process is not None:
                process.stop()

    def stop_all(self) -> None:
        """End all processes."""
        self.stop(*self._processes)


class Server:
    """The server's process: where it listens, and what it counted."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.ports: list[int] = process.heard(PATIENCE)

    def urls(self, path: str, origins: int = 1) -> list[str]:
        """Tell addresses, one of each origin."""
        return [f"http://127.0.0.1:{port}{path}" for port in self.ports[:origins]]

    def counts(self) -> dict[str, int]:
        """Tell what was counted."""
        told: dict[str, int] = self._process.ask("counts", PATIENCE)
        return told

    def reset(self) -> None:
        """Count anew, once the connections of others before are closed."""
        for _ in range(100):
            if not self.counts()["open"]:
                break
            time.sleep(0.02)  # another process closes them, when it has noticed
        self._process.ask("reset", PATIENCE)


@contextmanager
def processes(origins: int) -> Iterator[tuple[Workers, Server]]:
    """Run a server, and clients as they are needed. All are ended with the block."""
    process, workers = Process("server", "--origins", str(origins)), Workers()
    try:
        yield workers, Server(process)
    finally:
        workers.stop_all()
        process.stop()
