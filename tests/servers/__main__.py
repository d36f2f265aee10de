"""
Runs the library against real servers.

    python3 tests/servers                                  all, 30 minutes
    python3 tests/servers --server nginx --action reload   a part
    python3 tests/servers --write docs/real-servers.md     all, and write the page
    python3 tests/servers --list                           what there is to choose from

It needs Python and pip only; servers that are not installed are skipped. The exit code is 1
if a goal is missed: `docs/real-servers.md` tells the goals.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

# This folder is a package, also if it is run as a program.
sys.path[0] = str(Path(__file__).parent.parent)


def main() -> int:
    from servers import environment

    # An end by a signal stops what runs, as an exception does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments().parse_known_args()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.environments or temporary).resolve()
        if not environment.can_send():
            return environment.run_in(environment.sender(folder), folder, sys.argv[1:])
        from servers.campaign import Campaign, choices, unknown

        if options.list:
            print("\n".join(choices()))
            return 0
        if names := unknown(options):
            print(f"unknown: {', '.join(names)}; --list shows what there is")
            return 2
        return Campaign(environment.programs(folder), options).run()


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 tests/servers")
    several = {"action": "append", "default": [], "metavar": "NAME"}
    parser.add_argument(
        "--server", **several, help="nginx, or 'nginx h2'; default: all"
    )
    parser.add_argument("--action", **several, help="what is done to it; default: all")
    parser.add_argument("--client", **several, help="who sends; default: all")
    parser.add_argument("--write", metavar="PAGE", help="write the results to a page")
    parser.add_argument("--list", action="store_true", help="show all names")
    parser.add_argument(
        "--environments", metavar="FOLDER", help="where environments are made, and kept"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
