"""
The command line: `python -m httpx_resilient`, with the extra `cli`.

Nothing else imports it, and it is no script of its own: whoever has the library for
another package's sake gets no command for it.
"""

from __future__ import annotations

import sys

_NEEDED = ("typer", "rich")

USAGE = 2
"""The exit code for what cannot even be tried."""


def main() -> None:
    """Run the command line, or say what is missing for it."""
    try:
        from httpx_resilient._cli.app import app  # noqa: PLC0415 - it needs the extra
    except ModuleNotFoundError as missing:
        if missing.name not in _NEEDED:
            raise
        print(  # noqa: T201 - there is nothing better to say it with
            f"{missing.name} is missing: pip install 'httpx_resilient[cli]'",
            file=sys.stderr,
        )
        sys.exit(USAGE)
    app(prog_name="python -m httpx_resilient")
