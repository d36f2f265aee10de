"""Servers from `requirements.txt`, each with the application inside."""

from __future__ import annotations

import signal
import socket
import subprocess
from typing import ClassVar

from servers.base import NotInstalled, Place, Server
from servers.process import Daemon, wait_until

HANDED = "a new process with the same open port, then TERM to the old one"


class PythonServer(Server):
    package: ClassVar[str]

    @classmethod
    def program(cls, place: Place) -> str:
        path = place.programs / cls.package
        if not path.exists():
            msg = f"pip install -r tests/servers/requirements.txt brings {cls.package}"
            raise NotInstalled(msg)
        return str(path)

    @classmethod
    def version(cls, place: Place) -> str:
        cls.program(place)
        code = f"import importlib.metadata as m; print(m.version({cls.package!r}))"
        shown = [place.programs / "python", "-c", code]
        return subprocess.check_output(shown, text=True).strip()


class Activated(PythonServer):
    """A server that can be given an open port, as systemd does."""

    how = {"hand_over": HANDED}
    _listener: socket.socket | None = None

    def configure(self) -> None:
        if self.place.options.get("activated"):
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
            self._around.callback(self._listener.close)
            self.port = self._listener.getsockname()[1]

    def spawn(self, *more: str, inherit: tuple[int, ...] = ()) -> Daemon:
        if self._listener is not None:
            inherit = (*inherit, self._listener.fileno())
        started = len(self.place.started())
        daemon = super().spawn(*more, inherit=inherit)
        # The port is open before the server is, if it was given.
        wait_until(
            lambda: daemon.ended() or len(self.place.started()) > started,
            f"start {self.name}",
        )
        return daemon

    def hand_over(self) -> None:
        """Start anew on the same port, then stop the old one."""
        old = self.daemon
        self.start()
        # It ends when the last connection does; a client may keep one until its own end.
        old.signal(signal.SIGTERM)


class Uvicorn(Activated):
    name = "uvicorn"
    package = "uvicorn"
    how = {"reload": "HUP", "hand_over": HANDED}
    work = 0.15
    workers: ClassVar[int] = 2

    def command(self) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(self.port)]
        if self._listener is not None:
            where = ["--fd", str(self._listener.fileno())]
        return [
            self.program(self.place), "asgi:app", *where, "--workers", str(self.workers),
            "--no-access-log", "--log-level", "warning",
            "--timeout-keep-alive", str(self.idle),
        ]  # fmt: skip

    def reload(self) -> None:
        self.daemon.signal(signal.SIGHUP)


class Upstream(Uvicorn):
    """The application behind a proxy."""

    name = "upstream"
    workers = 1


class Hypercorn(Activated):
    name = "hypercorn"
    package = "hypercorn"
    protocols = ("h1", "h2")
    work = 0.1

    def command(self) -> list[str]:
        where = f"127.0.0.1:{self.port}"
        if self._listener is not None:
            where = f"fd://{self._listener.fileno()}"
        pem = str(self.certificate())
        tls = ["--certfile", pem, "--keyfile", pem] if self.http2 else []
        return [
            self.program(self.place), "asgi:app", "--bind", where, *tls,
            "--keep-alive", str(self.idle), "--log-level", "warning",
        ]  # fmt: skip


class Granian(PythonServer):
    name = "granian"
    package = "granian"
    protocols = ("h1", "h2")
    how = {"reload": "HUP"}
    work = 0.1

    def command(self) -> list[str]:
        pem = str(self.certificate())
        tls = ["--ssl-certificate", pem, "--ssl-keyfile", pem] if self.http2 else []
        return [
            self.program(self.place), "asgi:app", "--interface", "asgi",
            "--host", "127.0.0.1", "--port", str(self.port), "--workers", "2",
            "--http", "2" if self.http2 else "1", *tls, "--log-level", "warning",
        ]  # fmt: skip

    def reload(self) -> None:
        self.daemon.signal(signal.SIGHUP)
