"""Servers of files: each serves one folder on loopback, with and without gzip."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from servers.base import NotInstalled, first_number, installed

APPS = Path(__file__).with_name("apps")
APACHE = Path("/usr/lib/apache2/modules")

NGINX = """
daemon off;
{user}
pid {state}/nginx.pid;
error_log {state}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    types {{ text/plain txt; }}
    default_type application/octet-stream;
    client_body_temp_path {state}/body;
    proxy_temp_path {state}/proxy;
    fastcgi_temp_path {state}/fastcgi;
    uwsgi_temp_path {state}/uwsgi;
    scgi_temp_path {state}/scgi;
    gzip on;
    gzip_types text/plain;
    server {{ listen 127.0.0.1:{port}; root {files}; }}
}}
"""

HTTPD = """
ServerName 127.0.0.1
ServerRoot {state}
DefaultRuntimeDir {state}
PidFile {state}/apache.pid
ErrorLog {state}/error.log
{modules}
{user}
Listen 127.0.0.1:{port}
DocumentRoot {files}
TypesConfig /etc/mime.types
AddType text/plain .txt
AddOutputFilterByType DEFLATE text/plain
<Directory {files}>
    Require all granted
</Directory>
"""

CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    bind 127.0.0.1
    root * {files}
    encode gzip
    file_server
}}
"""

LIGHTTPD = """
server.document-root = "{files}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{state}/error.log"
server.modules = ( "mod_deflate" )
mimetype.assign = ( ".txt" => "text/plain", ".bin" => "application/octet-stream" )
deflate.mimetypes = ( "text/plain" )
deflate.allowed-encodings = ( "gzip" )
"""


@dataclass(frozen=True)
class FileServer:
    """
    A server of files.

    Args:
        name: What it is.
        version: Returns its version, or raises `NotInstalled`.
        command: Returns the command that serves a folder at a port, and its
            environment. It is given a folder for its state, too.
    """

    name: str
    version: Callable[[], str]
    command: Callable[[Path, Path, int], list[str]]


def _printed(program: str, package: str, *option: str) -> str:
    shown = [installed(program, package), *option]
    done = subprocess.run(
        shown, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    return first_number(done.stdout)


def _package(*names: str) -> str:
    """Return the version of the first of several packages that are needed."""
    try:
        first, *_ = [importlib.metadata.version(name) for name in names]
    except importlib.metadata.PackageNotFoundError as error:
        msg = f"{error.name} is not installed: pip install {' '.join(names)}"
        raise NotInstalled(msg) from None
    return first


def _nginx(files: Path, state: Path, port: int) -> list[str]:
    user = "user root;" if os.geteuid() == 0 else ""
    text = NGINX.format(files=files, state=state, port=port, user=user)
    path = state / "nginx.conf"
    path.write_text(text)
    program = installed("nginx", "nginx")
    return [program, "-p", str(state), "-c", str(path), "-e", str(state / "error.log")]


def _apache(files: Path, state: Path, port: int) -> list[str]:
    names = ("mpm_event", "authz_core", "mime", "filter", "deflate", "dir")
    modules = "\n".join(
        f"LoadModule {name}_module {APACHE}/mod_{name}.so" for name in names
    )
    user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    path = state / "apache.conf"
    path.write_text(
        HTTPD.format(files=files, state=state, port=port, modules=modules, user=user)
    )
    return [installed("apache2", "apache2"), "-D", "FOREGROUND", "-f", str(path)]


def _caddy(files: Path, state: Path, port: int) -> list[str]:
    path = state / "Caddyfile"
    path.write_text(CADDY.format(files=files, port=port))
    program = installed("caddy", "caddy")
    return [program, "run", "--adapter", "caddyfile", "--config", str(path)]


def _lighttpd(files: Path, state: Path, port: int) -> list[str]:
    path = state / "lighttpd.conf"
    path.write_text(LIGHTTPD.format(files=files, state=state, port=port))
    return [installed("lighttpd", "lighttpd"), "-D", "-f", str(path)]


def _python(app: str) -> Callable[[Path, Path, int], list[str]]:
    def command(files: Path, _: Path, port: int) -> list[str]:
        return [sys.executable, str(APPS / app), str(files), str(port)]

    return command


def _express(files: Path, _: Path, port: int) -> list[str]:
    program = installed("node", "nodejs")
    return [program, str(APPS / "express.cjs"), str(files), str(port)]


def _express_version() -> str:
    program = installed("node", "nodejs")
    shown = "console.log(require('express/package.json').version)"
    done = subprocess.run(
        [program, "-e", shown], capture_output=True, text=True, check=False
    )
    if done.returncode:
        msg = "express is not in NODE_PATH: npm install express compression"
        raise NotInstalled(msg)
    return done.stdout.strip()


SERVERS = [
    FileServer("nginx", lambda: _printed("nginx", "nginx", "-v"), _nginx),
    FileServer("Apache", lambda: _printed("apache2", "apache2", "-v"), _apache),
    FileServer("caddy", lambda: _printed("caddy", "caddy", "version"), _caddy),
    FileServer("lighttpd", lambda: _printed("lighttpd", "lighttpd", "-v"), _lighttpd),
    FileServer("express", _express_version, _express),
    FileServer(
        "Starlette",
        lambda: _package("starlette", "uvicorn"),
        _python("starlette_app.py"),
    ),
    FileServer("aiohttp", lambda: _package("aiohttp"), _python("aiohttp_app.py")),
]
