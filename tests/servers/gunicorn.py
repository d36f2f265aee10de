"""gunicorn, with threads and without."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import ClassVar

from servers.process import MERCY, comes_true, pid_in, wait_until
from servers.python_servers import PythonServer


class Gunicorn(PythonServer):
    package = "gunicorn"
    how = {"reload": "HUP", "hand_over": "USR2, then TERM to the old master"}
    arguments: ClassVar[tuple[str, ...]]
    workers: ClassVar[int]

    def command(self) -> list[str]:
        return [
            self.program(self.place), "wsgi:app", "--bind", f"127.0.0.1:{self.port}",
            "--pid", str(self._pid), "--keep-alive", str(self.idle),
            "--workers", str(self.workers), *self.arguments,
        ]  # fmt: skip

    @property
    def _pid(self) -> Path:
        return self.place.folder / "gunicorn.pid"

    def reload(self) -> None:
        self._signal(signal.SIGHUP)

    def hand_over(self) -> None:
        """Upgrade as gunicorn documents it: USR2 to the old master, then TERM."""
        old, ready = pid_in(self._pid), len(self.place.started()) + self.workers
        self._signal(signal.SIGUSR2)
        wait_until(lambda: len(self.place.started()) >= ready, "a new gunicorn")
        os.kill(old, signal.SIGTERM)
        # The first process of the group is the old master. The new one takes its file.
        self.daemon.wait()
        wait_until(lambda: pid_in(self._pid) not in {0, old}, "the end of the old one")

    def stop(self, number: signal.Signals) -> None:
        self._signal(number)
        if not comes_true(lambda: not self._pid.exists(), MERCY):
            self.daemon.kill()
            self._pid.unlink()

    def _signal(self, number: signal.Signals) -> None:
        os.kill(pid_in(self._pid), number)


class GunicornThreads(Gunicorn):
    name = "gunicorn gthread"
    arguments = ("--worker-class", "gthread", "--threads", "12")
    workers = 2


class GunicornSync(Gunicorn):
    name = "gunicorn sync"
    arguments = ("--worker-class", "sync")
    workers = 4
    work = 0.02
