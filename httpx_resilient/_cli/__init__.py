"""
The command line: `httpx-resilient`, or `python -m httpx_resilient`.

No other module imports it. It needs the extra `cli`, and says so if that is missing.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

_REQUIRED = ("typer", "rich")

_FAILED, _USAGE_ERROR = 1, 2
"""Exit codes: of an output that fails, and of a command that cannot start."""

_SCRIPT = "httpx-resilient"


def main() -> None:
    """Run the command line, or print which package it lacks."""
    try:
        from httpx_resilient._cli.app import app  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as missing:
        if missing.name not in _REQUIRED:
            raise
        _exit(
            f"the command line needs {missing.name}: "
            "pip install 'httpx_resilient[cli]'",
            _USAGE_ERROR,
        )
    is_script = Path(sys.argv[0]).stem == _SCRIPT
    try:
        try:
            app(prog_name=_SCRIPT if is_script else "python -m httpx_resilient")
        finally:
            sys.stdout.flush()
    except OSError as error:
        # What is still in the buffer would fail again when Python exits.
        with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # as `head` does, when it has enough
            sys.exit(_FAILED)
        _exit(f"the output cannot be written: {error.strerror}", _FAILED)


def _exit(problem: str, code: int) -> NoReturn:
    print(problem, file=sys.stderr)  # noqa: T201 - rich may be missing
    sys.exit(code)
