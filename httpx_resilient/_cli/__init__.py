"""
The command line: `python -m httpx_resilient`, with the extra `cli`.

No other module imports it, and it installs no script: a user who has the library as a
dependency of another package does not get a command for it.
"""

from __future__ import annotations

import sys

_REQUIRED = ("typer", "rich")

_USAGE_ERROR = 2
"""The exit code of a command that cannot start, as typer's own for a wrong option."""


def main() -> None:
    """Run the command line, or print which package it lacks."""
    try:
        from httpx_resilient._cli.app import app  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as missing:
        if missing.name not in _REQUIRED:
            raise
        print(  # noqa: T201 - rich, which prints all other lines, may be missing
            f"the command line needs {missing.name}: "
            "pip install 'httpx_resilient[cli]'",
            file=sys.stderr,
        )
        sys.exit(_USAGE_ERROR)
    app(prog_name="python -m httpx_resilient")
