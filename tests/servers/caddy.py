"""caddy."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from servers.base import Place, first_number, installed
from servers.process import answers, free_port, wait_until
from servers.proxy import Proxy

CONFIGURATION = """
{{
    admin 127.0.0.1:{admin}
    auto_https off
    servers {{
        protocols h1 h2
        timeouts {{
            idle {idle}s
        }}
    }}
}}
{url} {{
    bind 127.0.0.1
    {tls}
    reverse_proxy 127.0.0.1:{upstream}
}}
"""


class Caddy(Proxy):
    name = "caddy"
    how = {
        "reload": "`caddy reload --force`",
        "hand_over": "a new process on the same port, then TERM to the old one",
    }

    @classmethod
    def program(cls, place: Place) -> str:
        return installed("caddy", "caddy")

    @classmethod
    def version(cls, place: Place) -> str:
        shown = [cls.program(place), "version"]
        return first_number(subprocess.check_output(shown, text=True))

    def configure(self) -> None:
        pem = self.certificate()
        self._admin = free_port()
        text = CONFIGURATION.format(
            admin=self._admin,
            idle=self.idle,
            url=self.url.rstrip("/"),
            tls=f"tls {pem} {pem}" if self.http2 else "",
            upstream=self.upstream.port,
        )
        self._file.write_text(text)

    @property
    def _file(self) -> Path:
        return self.place.folder / "Caddyfile"

    def environment(self) -> dict[str, str]:
        folder = str(self.place.folder)
        homes = {"HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
        return super().environment() | homes

    def command(self) -> list[str]:
        return [
            self.program(self.place), "run", "--adapter", "caddyfile",
            "--config", str(self._file),
        ]  # fmt: skip

    def reload(self) -> None:
        subprocess.run(
            [
                self.program(self.place), "reload", "--force", "--adapter", "caddyfile",
                "--config", str(self._file), "--address", f"127.0.0.1:{self._admin}",
            ],
            env=self.environment(), check=True, capture_output=True,
        )  # fmt: skip

    def hand_over(self) -> None:
        """Start anew on the same port, which caddy allows, and stop the old one."""
        old = self.daemon
        self.configure()
        self.spawn()
        wait_until(lambda: answers(self._admin), "a new caddy")
        old.signal(signal.SIGTERM)
