"""Processes that serve: each in a group of its own, which ends as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PATIENCE = 30.0
"""Seconds for a server to start: many more than any needs."""

MERCY = 10.0
"""Seconds for a server to stop, before it is killed, as container engines do."""


class Daemon:
    """A process and all that it forks."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        env: dict[str, str],
        inherit: Sequence[int] = (),
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=log.parent, env=env, pass_fds=inherit,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self.pid = self._process.pid

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self) -> None:
        """Wait for the end of the process, and kill the group if it does not come."""
        try:
            self._process.wait(MERCY)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the group, also what the process left behind."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def wait_until(condition: Callable[[], bool], what: str) -> None:
    if not comes_true(condition, PATIENCE):
        msg = f"{what}: not within {PATIENCE:.0f} s"
        raise TimeoutError(msg)


def comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, and return whether it came true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)  # another process tells nothing when it is ready
    return True


def pid_in(path: Path) -> int:
    """Return the process id in a file, or 0."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return 0
