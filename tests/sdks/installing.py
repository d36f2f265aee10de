"""
Environments and what is installed in them: by uv, or by pip where there is no uv.

The matrix installs some 300 packages. uv takes a tenth of the processor time of pip for
that (measured: openai and anthropic in 0.7 s, not 12.4 s), which is most of the time of the
whole matrix. Nothing but Python and pip has to be there: pip installs uv.
"""

from __future__ import annotations

import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


class Installer(Protocol):
    """Makes environments and installs packages in them."""

    def create(self, folder: Path) -> None:
        """Make a virtual environment."""

    def install(self, python: Path, *arguments: str | Path) -> None:
        """Install requirements, in the words that pip and uv have in common."""

    def newest(self, python: Path, files: Sequence[Path]) -> None:
        """Install the newest releases that requirement files allow together."""


class Pip:
    """pip, of each environment."""

    def create(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)

    def install(self, python: Path, *arguments: str | Path) -> None:
        subprocess.run([python, *PIP, "install", *arguments], check=True)

    def newest(self, python: Path, files: Sequence[Path]) -> None:
        # One by one: a resolver that is given all of them at once takes many minutes.
        for file in files:
            self.install(python, "--upgrade", "-r", file)
        subprocess.run([python, *PIP, "check"], check=True)


class Uv:
    """
    uv, in an environment of its own.

    Args:
        executable: Its program.
    """

    def __init__(self, executable: Path) -> None:
        self._executable = executable

    def create(self, folder: Path) -> None:
        # With pip: an environment that is used again may be used without uv.
        venv.create(folder, with_pip=True)

    def install(self, python: Path, *arguments: str | Path) -> None:
        uv = (self._executable, "pip", "install", "--quiet", "--python", python)
        subprocess.run([*uv, *arguments], check=True)

    def newest(self, python: Path, files: Sequence[Path]) -> None:
        # All at once: it upgrades what is there for the sake of the last file alone.
        self.install(
            python, "--upgrade", *(part for file in files for part in ("-r", file))
        )


def installer(folder: Path) -> Installer:
    """
    Return uv if pip can install it and it reaches the index of packages, else pip.

    Args:
        folder: Where the environment of uv goes.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    uv = Uv(folder / "bin" / "uv")
    try:
        subprocess.run([python, *PIP, "install", "uv"], check=True)
        uv.install(python, "--dry-run", "--reinstall", "pip")
    except (OSError, subprocess.CalledProcessError):
        print("uv cannot be used here: pip installs, which takes longer", flush=True)
        return Pip()
    return uv
