"""haproxy, as a master with a worker."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from servers.base import Place, first_number, installed
from servers.proxy import Proxy

CONFIGURATION = """
global
    maxconn 500
    stats socket {socket} level admin expose-fd listeners
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive {idle}s
frontend entry
    bind 127.0.0.1:{port} {tls}
    default_backend application
backend application
    server one 127.0.0.1:{upstream}
"""


class HAProxy(Proxy):
    name = "haproxy"
    how = {
        "reload": "USR2 to the master",
        "hand_over": "a new process with `-x` and `-sf`",
        "stop_gracefully": "USR1",
    }

    @classmethod
    def program(cls, place: Place) -> str:
        return installed("haproxy", "haproxy")

    @classmethod
    def version(cls, place: Place) -> str:
        shown = [cls.program(place), "-v"]
        return first_number(subprocess.check_output(shown, text=True))

    def configure(self) -> None:
        tls = f"ssl crt {self.certificate()} alpn h2" if self.http2 else ""
        text = CONFIGURATION.format(
            socket=self._socket,
            idle=self.idle,
            port=self.port,
            tls=tls,
            upstream=self.upstream.port,
        )
        (self.place.folder / "haproxy.cfg").write_text(text)

    @property
    def _socket(self) -> Path:
        return self.place.folder / "haproxy.sock"

    def command(self) -> list[str]:
        configuration = str(self.place.folder / "haproxy.cfg")
        return [self.program(self.place), "-W", "-f", configuration]

    def reload(self) -> None:
        self.daemon.signal(signal.SIGUSR2)

    def hand_over(self) -> None:
        """Start anew, with the sockets of the old one, which the new one then ends."""
        self.spawn("-x", str(self._socket), "-sf", str(self.daemon.pid))

    def stop_gracefully(self) -> None:
        self.stop_and_start(signal.SIGUSR1)
