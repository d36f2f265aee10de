"""What all servers have in common."""

from __future__ import annotations

import os
import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import trustme

from servers.process import Daemon, answers, free_port, wait_until

APPS = Path(__file__).with_name("apps")


class NotInstalled(Exception):
    """A server, or a client, is not on this machine."""


@dataclass
class Place:
    """What a server is given: a folder, TLS, programs of pip, and options of its own."""

    folder: Path
    authority: trustme.CA
    programs: Path
    """The folder of the programs that `requirements.txt` installs."""

    options: dict[str, Any] = field(default_factory=dict)

    def taken(self) -> Counter[str]:
        """Count each request that an application has taken, as `METHOD id`."""
        path = self.folder / "taken"
        return Counter(path.read_text().splitlines() if path.exists() else ())

    def started(self) -> list[str]:
        """Return a line for each application that has started."""
        path = self.folder / "started"
        return path.read_text().splitlines() if path.exists() else []


class Server(ABC):
    """
    A server in a folder of its own.

    Each method that an action of `actions.py` names may be called in the midst of a load.
    """

    name: ClassVar[str]
    protocols: ClassVar[tuple[str, ...]] = ("h1",)
    how: ClassVar[dict[str, str]] = {}
    """What each method does that not all servers have, in words for a reader."""

    work: float = 0.05
    """Seconds that a request takes, so that a load outlasts what is done to the server."""

    closes_after: ClassVar[float] = 1.0
    """Seconds until an idle connection is closed, if the option `idle` is 1."""

    def __init__(self, place: Place, protocol: str = "h1") -> None:
        self.place = place
        self.http2 = protocol == "h2"
        self.port = free_port()
        self.down = 0.0
        """Seconds that the port was closed for, by the last action."""

        self._daemons: list[Daemon] = []
        self._around = ExitStack()

    @classmethod
    def can(cls, method: str) -> bool:
        return method in cls.how or method == "terminate"

    @classmethod
    @abstractmethod
    def program(cls, place: Place) -> str:
        """Return the program that serves, or raise `NotInstalled`."""

    @classmethod
    @abstractmethod
    def version(cls, place: Place) -> str:
        """Return the version of the program, or raise `NotInstalled`."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that serves."""

    def configure(self) -> None:  # noqa: B027 - not each command reads a file
        """Write what the command reads."""

    @property
    def url(self) -> str:
        scheme = "https" if self.http2 else "http"
        return f"{scheme}://127.0.0.1:{self.port}/"

    @property
    def daemon(self) -> Daemon:
        return self._daemons[-1]

    @property
    def idle(self) -> int:
        """Seconds after which an idle connection is closed."""
        return self.place.options.get("idle", 60)

    def __enter__(self) -> Self:
        try:
            self.configure()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def start(self) -> None:
        daemon = self.spawn()
        wait_until(lambda: daemon.ended() or answers(self.port), f"start {self.name}")
        if daemon.ended():
            raise did_not_start(self.name, daemon)

    def spawn(self, *more: str, inherit: tuple[int, ...] = ()) -> Daemon:
        log = self.place.folder / f"{self.name.replace(' ', '-')}.log"
        command = [*self.command(), *more]
        self._daemons.append(Daemon(command, log, self.environment(), inherit))
        return self.daemon

    def environment(self) -> dict[str, str]:
        counts = {"TAKEN": "taken", "STARTED": "started"}
        paths = {name: str(self.place.folder / file) for name, file in counts.items()}
        return {**os.environ, **paths, "PYTHONPATH": str(APPS)}

    def settle(self) -> None:
        """End in peace, so that all that was received is processed, and counted."""
        self.stop(signal.SIGTERM)
        for daemon in self._daemons:
            daemon.wait()

    def stop(self, number: signal.Signals) -> None:
        self.daemon.signal(number)
        self.daemon.wait()

    def close(self) -> None:
        for daemon in self._daemons:
            daemon.kill()
        self._around.close()

    def terminate(self) -> None:
        """Stop by SIGTERM, then start again, as an init system does."""
        self.stop_and_start(signal.SIGTERM)

    def stop_and_start(self, number: signal.Signals) -> None:
        began = time.monotonic()
        self.stop(number)
        self.start()
        self.down = time.monotonic() - began

    def certificate(self) -> Path:
        """Write a key and a certificate for 127.0.0.1 to one file."""
        path = self.place.folder / "server.pem"
        if not path.exists():
            issued = self.place.authority.issue_cert("127.0.0.1")
            issued.private_key_and_cert_chain_pem.write_to_path(path)
        return path


def did_not_start(name: str, daemon: Daemon) -> Exception:
    return RuntimeError(f"{name} ended at its start: {daemon.last_words()}")


def installed(program: str, package: str) -> str:
    """Return the path of a program of the system."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        msg = f"{program} is not installed: apt-get install {package}"
        raise NotInstalled(msg)
    return path


def first_number(text: str) -> str:
    """Return the version in what a program prints of itself."""
    words = text.replace("/", " ").replace("v", " ").split()
    return (
        next((word for word in words if word[0].isdigit()), "unknown")
        .strip("()")
        .split("-")[0]
    )
