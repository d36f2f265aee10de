"""nginx."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from servers.base import Place, did_not_start, first_number, installed
from servers.process import MERCY, answers, comes_true, pid_in, wait_until
from servers.proxy import Proxy

ORPHAN = '"$@" & while kill -0 $! && [ ! -s "$0" ]; do sleep 0.02; done'
"""Run a program without its parent: nginx ignores USR2 while its parent is alive."""

NGINX = """
daemon off;
{user}
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_timeout {idle}s;
    {more}
    upstream application {{ server 127.0.0.1:{upstream}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port} {tls};
        ssl_certificate {pem};
        ssl_certificate_key {pem};
        location / {{
            proxy_pass http://application;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


class Nginx(Proxy):
    name = "nginx"
    protocols = ("h1", "h2")
    how = {
        "reload": "HUP",
        "hand_over": "USR2, then QUIT to the old master",
        "stop_gracefully": "QUIT",
    }

    @classmethod
    def program(cls, place: Place) -> str:
        return installed("nginx", "nginx")

    @classmethod
    def version(cls, place: Place) -> str:
        shown = [cls.program(place), "-v"]
        return first_number(
            subprocess.run(shown, stderr=subprocess.PIPE, text=True, check=True).stderr
        )

    def configure(self) -> None:
        folder = self.place.folder
        text = NGINX.format(
            folder=folder,
            user="user root;" if os.geteuid() == 0 else "",
            port=self.port,
            tls="ssl http2" if self.http2 else "",
            pem=self.certificate(),
            idle=self.idle,
            upstream=self.upstream.port,
            more=self.place.options.get("nginx", ""),
        )
        (folder / "nginx.conf").write_text(text)

    def command(self) -> list[str]:
        folder = self.place.folder
        return [
            "sh", "-c", ORPHAN, str(self._pid),
            self.program(self.place), "-p", str(folder), "-c", str(folder / "nginx.conf"),
            "-e", str(folder / "error.log"),
        ]  # fmt: skip

    @property
    def _pid(self) -> Path:
        return self.place.folder / "nginx.pid"

    @property
    def _old(self) -> Path:
        return self.place.folder / "nginx.pid.oldbin"

    def start(self) -> None:
        daemon = self.spawn()
        daemon.wait()
        if not pid_in(self._pid):
            raise did_not_start(self.name, daemon)
        wait_until(lambda: answers(self.port), "start nginx")

    def _signal(self, number: signal.Signals) -> None:
        os.kill(pid_in(self._pid), number)

    def reload(self) -> None:
        self._signal(signal.SIGHUP)

    def hand_over(self) -> None:
        """Upgrade as nginx documents it: USR2 to the old master, then QUIT."""
        self._signal(signal.SIGUSR2)
        wait_until(lambda: bool(pid_in(self._old) and pid_in(self._pid)), "a new nginx")
        # It ends when the last connection does; a client may keep one until its own end.
        os.kill(pid_in(self._old), signal.SIGQUIT)

    def stop_gracefully(self) -> None:
        self.stop_and_start(signal.SIGQUIT)

    def stop(self, number: signal.Signals) -> None:
        self._signal(number)
        # Its own group is that of the shell that began it.
        if not comes_true(lambda: not self._pid.exists(), MERCY):
            self.daemon.kill()
            self._pid.unlink()

    def settle(self) -> None:
        comes_true(lambda: not self._old.exists(), MERCY)
        super().settle()
