"""
Makes the table of real servers in `docs/layers/resuming.md`.

    python tests/servers/files/table.py                                  prints it
    python tests/servers/files/table.py --write docs/layers/resuming.md  writes it
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from servers.base import NotInstalled
from servers.files.catalogue import SERVERS, FileServer
from servers.files.trials import PLAIN, TEXT, content, put, serving, stream

BEGIN = "<!-- made by `python tests/servers/files/table.py --write`: real servers -->"
END = "<!-- end -->"
HEAD = (
    "| server | version | plain, cut 3 times | text, cut once | changed after the cut |"
    "\n| --- | --- | --- | --- | --- |"
)


def rows() -> Iterator[str]:
    """Yield the row of each server that is installed."""
    for server in SERVERS:
        try:
            version = server.version()
        except NotInstalled as error:
            print(error, file=sys.stderr)
            continue
        yield f"| {server.name} | {version} | {' | '.join(cells(server))} |"


def cells(server: FileServer) -> Iterator[str]:
    """Yield what became of each body."""
    with serving(server) as (files, port):
        yield str(stream(port, PLAIN, content(PLAIN, 1), times=3))
        yield str(stream(port, TEXT, content(TEXT, 1), times=1, cut=100_000))
        old = content(PLAIN, 1)
        change = lambda: put(files, PLAIN, 2)  # noqa: E731 - used once
        yield str(stream(port, PLAIN, old, times=1, between=change))


def main() -> None:
    """Print the table, or write it to a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    page = parser.parse_args().write
    table = "\n".join([HEAD, *rows()])
    if page is None:
        print(table)
        return
    made = f"{BEGIN}\n\n{table}\n\n{END}"
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    text = page.read_text(encoding="utf-8")
    page.write_text(
        re.sub(pattern, lambda _: made, text, flags=re.DOTALL), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
