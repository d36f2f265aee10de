"""Environments of Python: one for what serves, and one for what sends."""

from __future__ import annotations

import importlib.util
import subprocess
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SERVERS = HERE / "requirements.txt"
CLIENTS = HERE / "requirements-clients.txt"
NEEDED = ("httpx", "httpx2", "h2", "trustme", "tenacity")
"""What this program imports."""

PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install")


def can_send() -> bool:
    """Return whether the Python that runs has what the clients need."""
    return all(importlib.util.find_spec(package) for package in NEEDED)


def sender(folder: Path) -> Path:
    """Return a Python with the library and the clients that it is compared with."""
    return _environment(
        folder / "clients", "-e", f"{ROOT}[httpx2,http2]", "-r", str(CLIENTS)
    )


def programs(folder: Path) -> Path:
    """Return the folder of the programs that `requirements.txt` installs."""
    return _environment(folder / "servers", "-r", str(SERVERS)).parent


def _environment(folder: Path, *install: str) -> Path:
    """Make a virtual environment, if there is not yet one, and return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    done = folder / "installed"
    wanted = repr(install) + SERVERS.read_text() + CLIENTS.read_text()
    if not done.exists() or done.read_text() != wanted:
        print(f"=== install: the environment of {folder.name}", flush=True)
        subprocess.run([python, *PIP, *install], check=True)
        done.write_text(wanted)
    return python


def run_in(python: Path, folder: Path, arguments: list[str]) -> int:
    """Run this program in another Python, with the same arguments."""
    command = [python, HERE, *arguments, "--environments", folder]
    return subprocess.run(command, check=False).returncode
