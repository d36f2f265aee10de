"""Apache httpd, with the event module."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from servers.base import NotInstalled, Place, first_number, installed
from servers.proxy import Proxy

MODULES = Path("/usr/lib/apache2/modules")
LOADED = ("mpm_event", "authz_core", "proxy", "proxy_http", "http2", "ssl")

CONFIGURATION = """
ServerName 127.0.0.1
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
{modules}
{user}
Listen 127.0.0.1:{port}
KeepAliveTimeout {idle}
Protocols {protocols}
{tls}
ProxyPass / http://127.0.0.1:{upstream}/ retry=0
"""

TLS = """
SSLEngine on
SSLCertificateFile {pem}
SSLSessionCache none
"""


class Apache(Proxy):
    name = "apache"
    how = {
        "reload": "USR1 (`graceful`)",
        "stop_gracefully": "WINCH (`graceful-stop`)",
        "restart_hard": "HUP (`restart`)",
    }

    @classmethod
    def program(cls, place: Place) -> str:
        path = installed("apache2", "apache2")
        if not MODULES.exists():
            msg = f"apache2 has no modules in {MODULES}"
            raise NotInstalled(msg)
        return path

    @classmethod
    def version(cls, place: Place) -> str:
        shown = [cls.program(place), "-v"]
        return first_number(subprocess.check_output(shown, text=True))

    def configure(self) -> None:
        folder = self.place.folder
        loaded = [f"LoadModule {n}_module {MODULES}/mod_{n}.so" for n in LOADED]
        text = CONFIGURATION.format(
            folder=folder,
            modules="\n".join(loaded),
            # It does not serve as root.
            user="User nobody\nGroup nogroup" if os.geteuid() == 0 else "",
            port=self.port,
            idle=self.idle,
            protocols="h2" if self.http2 else "http/1.1",
            tls=TLS.format(pem=self.certificate()) if self.http2 else "",
            upstream=self.upstream.port,
        )
        (folder / "apache.conf").write_text(text)

    def command(self) -> list[str]:
        configuration = str(self.place.folder / "apache.conf")
        return [self.program(self.place), "-D", "FOREGROUND", "-f", configuration]

    def reload(self) -> None:
        """Reload by `graceful`, as Debian does."""
        self.daemon.signal(signal.SIGUSR1)

    def restart_hard(self) -> None:
        self.daemon.signal(signal.SIGHUP)

    def stop_gracefully(self) -> None:
        self.stop_and_start(signal.SIGWINCH)
