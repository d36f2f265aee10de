"""Real servers of tus, each a process of its own."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers.process import Daemon, answers, free_port, wait_until

APPS = Path(__file__).with_name("apps")
NODE_PACKAGES = ("@tus/server@2.4.5", "@tus/file-store@2.1.1")
OF_PYTHON = ("tuspyserver", "resumable_upload", "tussi")
NAMES = ("@tus/server", *OF_PYTHON)

NodeModules = Callable[[], Path]


class Missing(Exception):
    """A server is not installed, and why."""


@dataclass
class TusServer:
    """A server that runs."""

    name: str
    port: int
    folder: Path

    @property
    def path(self) -> str:
        return "/files/" if self.name == "tussi" else "/files"

    def stored(self, size: int) -> list[bytes]:
        """Return the content of all files of a size: that of the uploads."""
        files = [each for each in self.folder.rglob("*") if each.is_file()]
        return [each.read_bytes() for each in files if each.stat().st_size == size]


@contextmanager
def tus_server(name: str, folder: Path, modules: NodeModules) -> Iterator[TusServer]:
    """
    Run a server.

    Args:
        name: One of `NAMES`.
        folder: Where it stores uploads.
        modules: Installs the packages of node.

    Raises:
        Missing: It is not installed.
    """
    port = free_port()
    for each in ("uploads", "completed"):  # what tussi wants
        (folder / each).mkdir()
    if name in OF_PYTHON:
        needed = (name, "uvicorn", "fastapi")
        if missing := [each for each in needed if not importlib.util.find_spec(each)]:
            msg = f"{', '.join(missing)} is not installed"
            raise Missing(msg)
        command = [sys.executable, str(APPS / "tus.py"), name]
    else:
        command = [node("node"), str(APPS / "tus.mjs"), str(modules())]
    command += [str(port), str(folder)]
    daemon = Daemon(command, folder.parent / "server.log", {"PATH": "/usr/bin:/bin"})
    try:
        wait_until(lambda: daemon.ended() or answers(port), f"start {name}")
        if daemon.ended():
            raise RuntimeError(daemon.last_words())
        yield TusServer(name, port, folder)
    finally:
        daemon.kill()


def node(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        msg = f"{program} is not installed"
        raise Missing(msg)
    return path


def install_node_packages(folder: Path) -> Path:
    """
    Install the packages of node in a folder.

    Raises:
        Missing: There is no npm, or no registry.
    """
    node("node")  # npm without it is of no use
    quiet = ("--silent", "--no-audit", "--no-fund", "--prefix", str(folder))
    command = [node("npm"), "install", *quiet, *NODE_PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"npm cannot install {', '.join(NODE_PACKAGES)}: {done.stderr[-300:]}"
        raise Missing(msg)
    return folder
